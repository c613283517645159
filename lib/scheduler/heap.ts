/**
 * A binary heap: least key first, ties in the order of insertion. What waits for a time or for its turn lies in one. Keys, orders and items lie in
 * arrays side by side: an object an entry would be most of what a timer costs.
 */
export class Heap<T> {
  readonly #keys: number[] = [];
  readonly #orders: number[] = [];
  readonly #items: T[] = [];
  #inserted = 0;

  get size(): number {
    return this.#items.length;
  }

  push(key: number, item: T): void {
    const order = this.#inserted++;
    let at = this.#items.length;
    this.#put(at, key, order, item);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#isBefore(key, order, up)) break;
      this.#move(up, at);
      at = up;
    }
    this.#put(at, key, order, item);
  }

  /** The least key there is; undefined: none. */
  get leastKey(): number | undefined {
    return this.#keys[0];
  }

  /** The item of the least key, which stays. */
  peek(): T | undefined {
    return this.#items[0];
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const key = this.#keys.pop();
    const order = this.#orders.pop();
    const item = this.#items.pop();
    if (key === undefined || order === undefined) return undefined;
    if (this.#items.length > 0) this.#sink(key, order, item as T, 0);
    return first;
  }

  /** Drops every entry whose item does not pass; the others keep their order. */
  retain(keeps: (item: T) => boolean): void {
    let n = 0;
    for (let at = 0; at < this.#items.length; at++) {
      if (keeps(this.#items[at]!)) this.#move(at, n++);
    }
    this.#keys.length = n;
    this.#orders.length = n;
    this.#items.length = n;
    for (let at = (n >> 1) - 1; at >= 0; at--) this.#sink(this.#keys[at]!, this.#orders[at]!, this.#items[at]!, at);
  }

  #isBefore(key: number, order: number, other: number): boolean {
    const otherKey = this.#keys[other]!;
    return key < otherKey || (key === otherKey && order < this.#orders[other]!);
  }

  #put(at: number, key: number, order: number, item: T): void {
    this.#keys[at] = key;
    this.#orders[at] = order;
    this.#items[at] = item;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#keys[from]!, this.#orders[from]!, this.#items[from]!);
  }

  /** Puts an entry at `from` or below, where its key belongs. */
  #sink(key: number, order: number, item: T, from: number): void {
    const n = this.#items.length;
    let at = from;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= n) break;
      if (down + 1 < n && this.#isBefore(this.#keys[down + 1]!, this.#orders[down + 1]!, down)) down++;
      if (this.#isBefore(key, order, down)) break;
      this.#move(down, at);
      at = down;
    }
    this.#put(at, key, order, item);
  }
}
