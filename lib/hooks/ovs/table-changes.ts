/**
 * The event table_changed(TABLE [, every TIME] [, CONDITION]): rows that come to meet a condition, stop to, or change their actions, between one
 * reading of the table and the next. The condition is a question's `where`, compiled to eBPF. Readings come from the snapshot store, so all who
 * watch a table share them, and keep the store's distance. What came and went between two readings is not seen.
 *
 * Programs that watch the same thing share a watch: one evaluation, one set of rows.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { questionOfCondition } from '../../compiler/index.js';
import { CtiError } from '../../errors.js';
import type { SnapshotStore } from '../../mapper/snapshot-store.js';
import { runQuestion } from '../../query/run.js';
import type { TableSnapshot } from '../../tables/snapshot.js';
import { EVENT_KIND, type EventSink, type EventSource } from '../events.js';
import { FlowRows } from './flow-rows.js';

const DEFAULT_INTERVAL_MS = 1000;
const MIN_INTERVAL_MS = 100;
const MAX_INTERVAL_MS = 3_600_000;
/** Rows that meet the condition: all are remembered from one reading to the next. */
const MAX_WATCHED = 100_000;
/** How long the table may be unreadable (the switch restarts) before a watch gives up. */
const PATIENCE_MS = 30_000;

export interface Wanted {
  readonly table: string;
  readonly intervalMs: number;
  readonly condition: string;
}

export function parseTableChanged(args: string): Wanted {
  const [, table = '', rest = ''] = /^([a-z][a-z0-9_]*)\s*(?:,([\s\S]*))?$/.exec(args) ?? [];
  if (table === '') {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `table_changed: expected a table and a condition such as 'dp_flows, tcp and tp_dst = 22' but received '${args}'`,
    );
  }
  const every = /^\s*every\s+(\d+)\s*(ms|s)\s*(?:,|$)/.exec(rest);
  const intervalMs = every ? Number(every[1]) * (every[2] === 's' ? 1000 : 1) : DEFAULT_INTERVAL_MS;
  if (intervalMs < MIN_INTERVAL_MS || intervalMs > MAX_INTERVAL_MS) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `table_changed: expected every 100ms to 3600s but received ${intervalMs} ms`,
    );
  }
  return { table, intervalMs, condition: rest.slice(every?.[0].length ?? 0).trim() };
}

interface Row {
  readonly row: number;
  readonly ufid: readonly [bigint, bigint];
  readonly actions: string;
}

/** The rows that meet the condition, by what tells them apart. */
async function matching(question: string, snapshot: TableSnapshot, signal: AbortSignal): Promise<Map<string, Row>> {
  const rows = new FlowRows(snapshot);
  const { answer } = await runQuestion(question, snapshot, { signal });
  if (answer.kind !== 'rows') throw new CtiError('INTERNAL', `a condition gave ${answer.kind}`);
  if (answer.rows.length > MAX_WATCHED) {
    throw new CtiError(
      'OUT_OF_MEMORY',
      `${answer.rows.length} rows meet the condition, at most ${MAX_WATCHED} are watched; narrow it`,
    );
  }
  const actions = new Map<number, string>();
  const found = new Map<string, Row>();
  for (const row of answer.rows) {
    if (!rows.hasUfid(row)) continue;
    const id = rows.actions(row);
    const text = actions.get(id) ?? snapshot.actionsText(id);
    actions.set(id, text);
    found.set(rows.key(row), { row, ufid: rows.ufid(row), actions: text });
  }
  return found;
}

class Watch {
  readonly sinks = new Set<EventSink>();
  readonly stop = new AbortController();
  readonly begun: Promise<void>;
  readonly #question: string;
  #rows = new Map<string, Row>();

  constructor(
    private readonly store: SnapshotStore,
    private readonly wanted: Wanted,
    ended: () => void,
  ) {
    this.#question = questionOfCondition(wanted.table, wanted.condition);
    this.begun = this.#first();
    this.begun
      .then(() => this.#follow())
      .catch((error: unknown) => {
        const own = error instanceof CtiError ? error : new CtiError('INTERNAL', String(error), { cause: error });
        for (const sink of this.sinks) sink.fail(own);
      })
      .finally(ended);
  }

  async #read<T>(maxAgeMs: number, use: (snapshot: TableSnapshot) => Promise<T>): Promise<T> {
    const held = await this.store.get(this.wanted.table, maxAgeMs, this.stop.signal);
    try {
      return await use(held.snapshot);
    } finally {
      held.release();
    }
  }

  async #first(): Promise<void> {
    // As of now: what is there already is no event.
    this.#rows = await this.#read(0, (snapshot) => matching(this.#question, snapshot, this.stop.signal));
  }

  async #follow(): Promise<void> {
    const { signal } = this.stop;
    let readable = performance.now();
    for (;;) {
      await sleep(this.wanted.intervalMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#read(this.wanted.intervalMs / 2, (snapshot) => this.#compare(snapshot));
        readable = performance.now();
      } catch (error) {
        if (signal.aborted) return;
        const isOver =
          error instanceof CtiError && (error.code === 'OUT_OF_MEMORY' || error.code === 'INVALID_ARGUMENT');
        if (isOver || !(error instanceof CtiError) || performance.now() - readable > PATIENCE_MS) throw error;
      }
    }
  }

  async #compare(snapshot: TableSnapshot): Promise<void> {
    const before = this.#rows;
    const now = await matching(this.#question, snapshot, this.stop.signal);
    this.#rows = now;
    const rows = new FlowRows(snapshot);
    const { generation } = snapshot;
    const tell = (kind: number, { row, ufid }: Row) =>
      this.#push({ kind, generation, row: BigInt(row), ufid, values: [rows.packets(row), rows.bytes(row)] });
    for (const [key, row] of now) {
      const old = before.get(key);
      if (!old) tell(EVENT_KIND.rowNew, row);
      else if (old.actions !== row.actions) tell(EVENT_KIND.rowChanged, row);
    }
    for (const [key, { ufid }] of before) {
      if (!now.has(key)) this.#push({ kind: EVENT_KIND.rowGone, generation, ufid });
    }
  }

  #push(event: Parameters<EventSink['push']>[0]): void {
    for (const sink of this.sinks) sink.push(event);
  }
}

export function tableChanged(store: SnapshotStore): EventSource {
  const watches = new Map<string, Watch>();
  return {
    usage: 'table_changed(dp_flows [, every TIME] [, CONDITION])',
    doc: 'A megaflow came to meet the condition (new), stopped to (gone), or has other actions (changed). CONDITION is what a question has after `where`; TIME is how often to look, 100ms or more, 1s if absent. values: packets, bytes.',
    start: async (args, sink, signal) => {
      const wanted = parseTableChanged(args);
      if (!store.has(wanted.table)) {
        throw new CtiError('INVALID_ARGUMENT', `table_changed: there is no table ${wanted.table} here`);
      }
      const key = JSON.stringify(wanted);
      let watch = watches.get(key);
      if (!watch) {
        const made = new Watch(store, wanted, () => {
          if (watches.get(key) === made) watches.delete(key);
        });
        watch = made;
        watches.set(key, made);
      }
      const joined = watch;
      joined.sinks.add(sink);
      const leave = () => {
        joined.sinks.delete(sink);
        if (joined.sinks.size > 0) return;
        joined.stop.abort(new Error('nobody watches any more'));
        if (watches.get(key) === joined) watches.delete(key);
      };
      if (signal.aborted) leave();
      signal.addEventListener('abort', leave, { once: true });
      await joined.begun;
    },
  };
}
