/** A binary heap: least key first, ties in the order of insertion. What waits for a time or for its turn lies in one. */

interface Entry<T> {
  key: number;
  order: number;
  item: T;
}

const isBefore = <T>(a: Entry<T>, b: Entry<T>): boolean => a.key < b.key || (a.key === b.key && a.order < b.order);

export class Heap<T> {
  readonly #entries: Entry<T>[] = [];
  #inserted = 0;

  get size(): number {
    return this.#entries.length;
  }

  push(key: number, item: T): void {
    const entries = this.#entries;
    const entry = { key, order: this.#inserted++, item };
    let at = entries.length;
    entries.push(entry);
    for (; at > 0; ) {
      const up = (at - 1) >> 1;
      if (!isBefore(entry, entries[up]!)) break;
      entries[at] = entries[up]!;
      at = up;
    }
    entries[at] = entry;
  }

  /** The least entry, which stays. */
  peek(): Readonly<{ key: number; item: T }> | undefined {
    return this.#entries[0];
  }

  pop(): T | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (!first || !last) return undefined;
    if (entries.length > 0) this.#sink(last, 0);
    return first.item;
  }

  /** Puts `entry` at `at` or below, where its key belongs. */
  #sink(entry: Entry<T>, from: number): void {
    const entries = this.#entries;
    let at = from;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= entries.length) break;
      if (down + 1 < entries.length && isBefore(entries[down + 1]!, entries[down]!)) down++;
      if (!isBefore(entries[down]!, entry)) break;
      entries[at] = entries[down]!;
      at = down;
    }
    entries[at] = entry;
  }

  /** Drops every entry whose item does not pass; the others keep their order. */
  retain(keeps: (item: T) => boolean): void {
    const kept = this.#entries.filter(({ item }) => keeps(item));
    this.#entries.length = 0;
    for (const entry of kept) this.#entries.push(entry);
    for (let at = (kept.length >> 1) - 1; at >= 0; at--) this.#sink(this.#entries[at]!, at);
  }
}
