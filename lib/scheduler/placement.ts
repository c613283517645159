/**
 * Where windows are: which executor has which, when a waiting task's window becomes an image, and when it comes back. Windows are few and costly,
 * images many and small, so what waits keeps its window for a moment only, and only a bounded number does.
 */
import { CtiError } from '../errors.js';
import { decodeImage, type ImageFacts, keptBytes, type PendingCall } from '../runner/program.js';
import type { Entry } from './entry.js';
import type { Begin, Executor, Reply, Request } from './executor.js';
import type { Mapper, Mappings } from './options.js';
import type { Timer, Timers } from './timers.js';

/** How long a waiting task keeps its window. */
const WARM_MS = 50;

export interface Slot {
  readonly executor: Executor;
  /** Tasks that it runs or is about to. */
  nRunning: number;
}

type SlotEntry = Entry<Slot>;

export interface PlacementOptions {
  readonly executors: readonly (() => Executor)[];
  readonly timers: Timers;
  readonly mapper: Mapper | undefined;
  /** Windows of waiting tasks, and windows at all before tasks that are ready give theirs back after each slice. */
  readonly maxWarm: number;
  readonly maxWindows: number;
  /** An executor has died; its slot is out of use, another is in its place. */
  readonly onDeath: (slot: Slot, error: Error) => void;
  /** A window could not be made, saved or used: it is gone. */
  readonly onRefused: (entry: SlotEntry, error: CtiError) => void;
}

/** Throws a refusal as the error it is. */
function accept<K extends Reply['kind']>(reply: Reply, kind: K): Extract<Reply, { kind: K }> {
  if (reply.kind === 'refused') throw new CtiError(reply.code, reply.message);
  if (reply.kind !== kind)
    throw new CtiError('INTERNAL', `an executor replied '${reply.kind}' where '${kind}' was expected`);
  return reply as Extract<Reply, { kind: K }>;
}

export class Placement {
  readonly slots: Slot[] = [];
  readonly #options: PlacementOptions;
  /** Waiting tasks that have windows, in the order in which they began to wait, with that time. */
  readonly #warm = new Map<SlotEntry, number>();
  #cooler: Timer | undefined;
  #nWindows = 0;
  #isClosed = false;

  constructor(options: PlacementOptions) {
    this.#options = options;
    for (const make of options.executors) this.#install(make, this.slots.length);
  }

  /** Windows there are. */
  get nWindows(): number {
    return this.#nWindows;
  }

  #install(make: () => Executor, index: number): void {
    const slot: Slot = { executor: make(), nRunning: 0 };
    this.slots[index] = slot;
    slot.executor.onDeath = (error) => {
      if (this.#isClosed) return;
      this.#install(make, index);
      this.#options.onDeath(slot, error);
    };
  }

  /** The least loaded slot, for what needs a window outside its turn. */
  #anySlot(): Slot {
    return this.slots.reduce((a, b) => (b.nRunning < a.nRunning ? b : a));
  }

  /** How the task's window comes to be, and from now on is. */
  #beginOf(entry: SlotEntry, slot: Slot): Begin | undefined {
    if (entry.home) return undefined;
    let { begin } = entry;
    const { image } = entry;
    if (image) {
      const { tables, regions } = this.#mappings(entry, decodeImage(image));
      begin = { kind: 'image', image, tables, regions, engine: entry.traits.engine };
    }
    if (!begin) throw new CtiError('INTERNAL', `task ${entry.id} has neither a window nor an image`);
    entry.begin = undefined;
    entry.image = undefined;
    entry.home = slot;
    this.#nWindows++;
    return begin;
  }

  /** Tables that the task was given at its start are its own; for all else the mapper knows. */
  #mappings(entry: SlotEntry, facts: ImageFacts): Mappings {
    if (facts.tables.length === 0 && facts.regions.length === 0) return { tables: [], regions: [] };
    const given = facts.tables.map((range) =>
      range.isStale
        ? null
        : (entry.tables?.find(({ name, generation }) => name === range.table && generation === range.generation) ??
          null),
    );
    if (given.every((table) => table !== null) && facts.regions.length === 0) return { tables: given, regions: [] };
    const resolved = this.#options.mapper?.resolve(facts);
    return {
      tables: given.map((table, i) => table ?? resolved?.tables[i] ?? null),
      regions: facts.regions.map((_, i) => resolved?.regions[i] ?? null),
    };
  }

  /** Goes on with the task, at `slot`, where its window is or will be. Throws CtiError if its image cannot be used. */
  run(slot: Slot, entry: SlotEntry, fuel: bigint): Reply | Promise<Reply> {
    const begin = this.#beginOf(entry, slot);
    const { answer } = entry;
    entry.answer = undefined;
    const { key, memoryLimit, lineage } = entry;
    return slot.executor.request({
      kind: 'run',
      key,
      fuel,
      memory: Math.min(memoryLimit, lineage.limits.memory - lineage.memory + entry.memory),
      ...(begin === undefined ? {} : { begin }),
      ...(answer === undefined ? {} : { answer }),
    });
  }

  /** Makes the task's window, if it has none, and gives its answer, if it has one; then the call that it waits at. */
  async begin(entry: SlotEntry): Promise<PendingCall | null> {
    await entry.cooling;
    const slot = entry.home ?? this.#anySlot();
    const begin = this.#beginOf(entry, slot);
    const { answer } = entry;
    entry.answer = undefined;
    const reply = await this.#request(entry, slot, {
      kind: 'begin',
      key: entry.key,
      ...(begin === undefined ? {} : { begin }),
      ...(answer === undefined ? {} : { answer }),
    });
    const { memory, call } = accept(reply, 'begun');
    entry.lineage.memory += memory - entry.memory;
    entry.memory = memory;
    return call;
  }

  async #request(entry: SlotEntry, slot: Slot, request: Request): Promise<Reply> {
    const reply = await slot.executor.request(request);
    if (reply.kind === 'refused') this.gone(entry);
    return reply;
  }

  /** The image of a task that does not run. */
  async image(entry: SlotEntry): Promise<Uint8Array> {
    await entry.cooling;
    if (!entry.home) {
      const { image } = entry;
      if (image) return image;
      throw new CtiError('INTERNAL', `task ${entry.id} has neither a window nor an image`);
    }
    const request: Request = {
      kind: 'save',
      key: entry.key,
      control: entry.controlNow(this.#options.mapper?.control?.(entry.id)),
      drop: false,
    };
    return keptBytes(accept(await this.#request(entry, entry.home, request), 'saved').image);
  }

  /** Its window is no more: dropped by its executor, or with it. */
  gone(entry: SlotEntry): void {
    this.#warm.delete(entry);
    if (!entry.home) return;
    entry.home = undefined;
    this.#nWindows--;
  }

  /** Gives its window back, if it has one, and what the mapper holds for it. */
  drop(entry: SlotEntry): void {
    const { home } = entry;
    this.gone(entry);
    if (home) Promise.resolve(home.executor.request({ kind: 'drop', key: entry.key })).catch(() => {});
    this.#options.mapper?.release(entry.id);
  }

  /** Saves its window into its image and gives it back. At once where the executor is this thread. */
  cool(entry: SlotEntry): void | Promise<void> {
    if (entry.cooling || !entry.home) return entry.cooling;
    this.#warm.delete(entry);
    const { home } = entry;
    let cooling: Promise<void> | undefined;
    const over = (): void => {
      if (entry.cooling === cooling) entry.cooling = undefined;
    };
    const done = (reply: Reply): void => {
      over();
      if (entry.end || entry.home !== home) return;
      this.gone(entry);
      if (reply.kind === 'saved') entry.keep(reply.image);
      else if (reply.kind === 'refused') this.#options.onRefused(entry, new CtiError(reply.code, reply.message));
    };
    const reply = home.executor.request({
      kind: 'save',
      key: entry.key,
      control: entry.controlNow(this.#options.mapper?.control?.(entry.id)),
      drop: true,
    });
    if (!(reply instanceof Promise)) return done(reply);
    cooling = reply.then(done, over); // if the executor died, onDeath says what becomes of the task
    entry.cooling = cooling;
    return cooling;
  }

  /** Whether a task that is ready should give its window back after its slice. */
  get isCrowded(): boolean {
    return this.#nWindows > this.#options.maxWindows && this.#warm.size === 0;
  }

  /** The task waits: its window is kept for a moment. */
  waits(entry: SlotEntry): void {
    if (!entry.home) return;
    this.#warm.set(entry, performance.now());
    while (
      this.#warm.size > this.#options.maxWarm ||
      (this.#warm.size > 0 && this.#nWindows > this.#options.maxWindows)
    ) {
      void this.cool(this.#warm.keys().next().value!);
    }
    if (!this.#cooler && this.#warm.size > 0) this.#arm(WARM_MS);
  }

  /** The task waits no longer. */
  wakes(entry: SlotEntry): void {
    this.#warm.delete(entry);
  }

  #arm(ms: number): void {
    this.#cooler = this.#options.timers.after(BigInt(Math.ceil(ms * 1e6)), () => {
      this.#cooler = undefined;
      const now = performance.now();
      for (const [entry, since] of this.#warm) {
        const left = since + WARM_MS - now;
        if (left > 0) return this.#arm(left);
        void this.cool(entry);
      }
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#cooler) this.#options.timers.cancel(this.#cooler);
    await Promise.all(this.slots.map(({ executor }) => executor.close()));
  }
}
