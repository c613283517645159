/**
 * The collector: the only part that reads the switch. It keeps the snapshots, shares them among who asks within max-age, paces readings, and
 * hands snapshots over as descriptors. It runs no program and speaks to no client.
 */

import { parcelOf } from '../control/handed-snapshot.js';
import { CtiError } from '../errors.js';
import { type Held, SnapshotStore } from '../mapper/snapshot-store.js';
import { originOf } from '../sources/memory.js';
import type { Captured } from '../sources/registry.js';
import { Rereading } from '../sources/rereading.js';
import { type SwitchOptions, unixctl } from '../sources/unixctl.js';
import { TABLES } from '../tables/generated/tables.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { runCollectorCommand } from './collector-commands.js';
import type { Config } from './config-keys.js';
import type { SameSnapshot } from './lent-snapshots.js';
import { Part } from './part.js';
import { numberOf } from './parts.js';
import { describeTrouble, readHealth, type SwitchHealth } from './switch-health.js';

/** Of the readings of a table. */
export interface ReadingTotals {
  readings: number;
  failed: number;
  /** The switch: time its main thread was busy with us, bytes of replies. */
  busyMs: number;
  replyBytes: number;
  /** Us: CPU of the thread that read memory, bytes copied. */
  cpuMs: number;
  bytes: number;
}

export class Collector {
  readonly part: Part;
  readonly totals = new Map<string, ReadingTotals>();
  store!: SnapshotStore;
  readonly #passedOver = new WeakMap<TableSnapshot, readonly string[]>();
  /** Of those whose counters alone were read: the snapshot whose rows they have. */
  readonly #rowsOf = new WeakMap<TableSnapshot, bigint>();
  readonly #holds = new Map<number, Held>();
  #nextHold = 1;
  #reading = new AbortController();
  #hasRead = false;
  /** What was told of the CPUs to keep off. */
  #avoided = '';
  /** By table; of the switch that the configuration names. */
  readonly #rereadings = new Map<string, Rereading>();
  #storeShape = '';
  #health: SwitchHealth | undefined;
  #healthTimer: NodeJS.Timeout | undefined;

  /** `channelFd`: to the supervisor, of a collector that it did not start. */
  constructor(channelFd?: number) {
    this.part = new Part({
      name: 'collector',
      channelFd,
      command: (call, { signal }) => runCollectorCommand(this, call, signal),
      request: async ({ method, data, signal, from }) => {
        if (method === 'snapshot.get') {
          const { table, maxAgeMs, have } = data as { table: string; maxAgeMs: number; have?: readonly bigint[] };
          return this.#give(table, maxAgeMs, have ?? [], signal);
        }
        if (method === 'snapshot.release') {
          const key = (data as { hold: number }).hold;
          this.#holds.get(key)?.release();
          this.#holds.delete(key);
          return { data: null };
        }
        if (method === 'usage')
          return { data: { 'snapshots.bytes': this.store.list().reduce((sum, { bytes }) => sum + bytes, 0) } };
        throw new CtiError('PROTOCOL', `the collector has no request ${method} (of part ${from})`);
      },
      configured: (config) => this.#configure(config),
      paused: (pause) => {
        if (pause) this.#reading.abort(new Error(pause.reason));
        else this.#reading = new AbortController();
      },
      partEnded: (part) => {
        if (part !== numberOf('executor')) return;
        for (const held of this.#holds.values()) held.release();
        this.#holds.clear();
      },
    });
  }

  get where(): SwitchOptions {
    const { config } = this.part;
    const [rundir, target] = [config['switch.rundir'], config['switch.target']];
    return { ...(rundir ? { rundir } : {}), ...(target ? { target } : {}), timeoutMs: config['switch.timeout'] };
  }

  /** Throws CtiError PAUSED while the switch may not be read. */
  checkMayRead(): void {
    const { pause } = this.part;
    if (!pause) return;
    const until = pause.until === null ? 'until resume' : `until ${new Date(pause.until).toISOString()}`;
    throw new CtiError(
      'PAUSED',
      `the switch is not read ${until}: ${pause.reason}; a question with a larger max-age may be answered from what is at hand`,
    );
  }

  async get(table: string, maxAgeMs: number, signal?: AbortSignal): Promise<Held> {
    return this.store.get(table, maxAgeMs, signal);
  }

  passedOver(snapshot: TableSnapshot): readonly string[] {
    return this.#passedOver.get(snapshot) ?? [];
  }

  /** `have`: generations that who asks has opened already. */
  async #give(table: string, maxAgeMs: number, have: readonly bigint[], signal: AbortSignal) {
    const held = await this.get(table, maxAgeMs, signal);
    const hold = this.#nextHold++;
    this.#holds.set(hold, held);
    const { generation } = held.snapshot;
    if (have.includes(generation)) return { data: { same: generation, hold } satisfies SameSnapshot };
    return parcelOf(
      { snapshot: held.snapshot, passedOver: this.passedOver(held.snapshot) },
      hold,
      this.#rowsOf.get(held.snapshot),
    );
  }

  async #capture(table: string, signal: AbortSignal): Promise<TableSnapshot> {
    this.checkMayRead();
    const totals = this.totals.get(table) ?? { readings: 0, failed: 0, busyMs: 0, replyBytes: 0, cpuMs: 0, bytes: 0 };
    this.totals.set(table, totals);
    this.#hasRead = true;
    try {
      const { snapshot, passedOver } = await this.#read(table, AbortSignal.any([signal, this.#reading.signal]));
      this.#passedOver.set(snapshot, passedOver);
      this.#tellCpus(snapshot);
      const { cost, reading, nRows } = snapshot.facts;
      totals.readings++;
      totals.busyMs += cost?.requestMs ?? 0;
      totals.replyBytes += cost?.replyBytes ?? 0;
      totals.cpuMs += reading?.cpuMs ?? 0;
      totals.bytes += reading?.bytes ?? 0;
      this.part.count(`read_${table}`);
      this.part.log('dbg', 'collector', `read ${table}`, { rows: nRows, source: snapshot.facts.source });
      return snapshot;
    } catch (error) {
      totals.failed++;
      this.part.count('read_failed');
      this.checkMayRead(); // the reading was stopped by a pause: that is what to say
      this.part.log('warn', 'collector', `${table} could not be read: ${(error as Error).message}`);
      throw error;
    }
  }

  /** Where the datapath's threads run is known from memory only. */
  #tellCpus(snapshot: TableSnapshot): void {
    const avoided = originOf(snapshot)?.attachment.avoided;
    const text = JSON.stringify(avoided);
    if (!avoided || text === this.#avoided) return;
    this.#avoided = text;
    this.part.tell('supervisor', 'cpus', avoided);
  }

  /** Only the counters anew where that is enough. */
  async #read(table: string, signal: AbortSignal): Promise<Captured> {
    const rereading = this.#rereadings.get(table) ?? new Rereading(table, this.part.config['switch.source']);
    this.#rereadings.set(table, rereading);
    const last = this.store.newest(table);
    try {
      const captured = await rereading.read(last?.snapshot, { ...this.where, signal });
      if (captured.isRefreshed && last) {
        this.part.count(`refreshed_${table}`);
        this.#rowsOf.set(captured.snapshot, this.#rowsOf.get(last.snapshot) ?? last.snapshot.generation);
      }
      return captured;
    } finally {
      last?.release();
    }
  }

  #configure(config: Config): void {
    const before = this.store as SnapshotStore | undefined;
    // Of another switch, no snapshot of this one may answer.
    const shape = [
      ...(['switch.rundir', 'switch.target', 'switch.source'] as const),
      ...(['snapshots.bytes', 'snapshots.keep', 'pace.period', 'pace.share'] as const),
    ];
    const shaped = JSON.stringify(shape.map((key) => config[key]));
    if (shaped !== this.#storeShape) {
      this.#storeShape = shaped;
      const capture = (table: string, signal: AbortSignal) => this.#capture(table, signal);
      this.store = new SnapshotStore({
        tables: Object.fromEntries(TABLES.map(({ name }) => [name, capture])),
        limitBytes: config['snapshots.bytes'],
        keepMs: config['snapshots.keep'],
        pace: { minPauseMs: config['pace.period'], factor: 1 / config['pace.share'] - 1 },
        dropped: ({ generation }) => this.part.tell('executor', 'snapshot.gone', { generation }),
      });
      // Who has one of before keeps it: its memory is held by the descriptors that were handed over.
      before?.close();
      this.#holds.clear();
      this.#rereadings.clear();
    }
    clearInterval(this.#healthTimer);
    this.#health = undefined;
    if (config['backoff.enabled']) this.#healthTimer = setInterval(() => void this.#look(), config['backoff.period']);
    if (!before) this.part.ready();
  }

  /** Asks the switch how it fares, if it was read since it was asked last. */
  async #look(): Promise<void> {
    if (this.part.pause || !this.#hasRead) return;
    this.#hasRead = false;
    const { config } = this.part;
    try {
      const ask = (command: string) =>
        unixctl({ ...this.where, timeoutMs: Math.min(5000, config['switch.timeout']) }, command);
      const now = await readHealth(ask);
      const trouble = describeTrouble(this.#health, now, {
        lostUpcalls: config['backoff.lost_upcalls'],
        dumpDurationMs: config['backoff.dump_duration'],
      });
      this.#health = now;
      if (trouble === null) return;
      this.part.count('backoff');
      this.part.tell('supervisor', 'backoff', {
        until: Date.now() + config['backoff.pause'],
        reason: `ctinspectord keeps back: ${trouble}`,
      });
    } catch (error) {
      this.#health = undefined;
      this.part.log('dbg', 'collector', `the switch was not asked how it fares: ${(error as Error).message}`);
    }
  }
}
