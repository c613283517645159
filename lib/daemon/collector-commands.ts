/** The commands that the collector answers: what it has read, what it could read, and what that costs. */
import { Writable } from 'node:stream';
import { boundedListing, cellOf, safeLines } from '../cli/bounded-text.js';
import type { Context } from '../cli/context.js';
import type { NamesOf } from '../cli/daemon-rows.js';
import { bytesText, count, ms } from '../cli/figures.js';
import type { Listing } from '../cli/output.js';
import type { CommandCode, Options } from '../cli/registry.js';
import { costLine, readingLines } from '../cli/take-snapshot.js';
import { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { Collector } from './collector.js';
import type { CommandCall, CommandReply } from './parts.js';

interface Request {
  readonly args: CommandCall['args'];
  readonly format: CommandCall['format'];
  readonly signal: AbortSignal;
}
type Given = Listing | CommandReply;
type Run = (collector: Collector, request: Request) => Given | Promise<Given>;

/** A command of the command line, run here: it has the rights that ours lacks, and says the same. */
async function likeCli(
  load: Promise<CommandCode>,
  { where, part }: Collector,
  words: readonly string[],
  { format, signal }: Request,
): Promise<CommandReply> {
  let text = '';
  const sink = () =>
    new Writable({
      write(chunk, _encoding, done) {
        text += String(chunk);
        done();
      },
    });
  const context: Context = {
    stdout: sink(),
    stderr: sink(),
    stdoutIsTerminal: false,
    stderrIsTerminal: false,
    env: process.env,
    signal,
  };
  const { rundir, target } = where;
  const options: Options = {
    ...(rundir ? { rundir } : {}),
    ...(target ? { target } : {}),
    timeout: String((where.timeoutMs ?? 60_000) / 1000),
    format: format === 'json' ? 'json' : 'table',
  };
  await (await load).run(context, words, options);
  const limit = part.config['reply.bytes'];
  if (text.length > limit)
    throw new CtiError('INVALID_ARGUMENT', `the reply has ${text.length} characters, more than reply.bytes (${limit})`);
  return { body: text, isJson: format === 'json' };
}

function about(snapshot: TableSnapshot, passedOver: readonly string[]): Listing {
  const { schema, facts, generation, segments } = snapshot;
  const bytes = segments.reduce((sum, { size }) => sum + size, 0);
  return {
    columns: [{ name: 'snapshot' }],
    rows: [
      `${schema.name}, generation ${generation}: ${count(facts.nRows, 'row')} in ${bytesText(bytes)}, from ${facts.source}`,
      ...passedOver,
      ...readingLines(facts),
      costLine(facts),
    ].map((line) => [cellOf(line)]),
    footer: [],
    facts: { table: schema.name, generation, bytes, passedOver, ...facts },
  };
}

const COMMANDS: { readonly [N in NamesOf<'collector'>]: Run } = {
  'table/list': (collector, request) => {
    collector.checkMayRead();
    return likeCli(import('../cli/commands/tables.js'), collector, [''], request);
  },
  'attach/show': (collector, request) => {
    collector.checkMayRead();
    return likeCli(import('../cli/commands/attach.js'), collector, [], request);
  },
  'layout/list': (collector, request) => likeCli(import('../cli/commands/layout.js'), collector, ['list'], request),
  doctor: (collector, request) => {
    collector.checkMayRead();
    return likeCli(import('../cli/commands/doctor.js'), collector, [], request);
  },
  'cost/show': ({ totals, part }) => ({
    columns: ['table', 'readings', 'failed', 'switch_busy_ms', 'reply_bytes', 'our_cpu_ms', 'bytes_read'].map(
      (name, i) => ({ name, align: i === 0 ? ('left' as const) : ('right' as const) }),
    ),
    rows: [...totals].map(([table, t]) =>
      [table, t.readings, t.failed, Math.round(t.busyMs), t.replyBytes, Math.round(t.cpuMs), t.bytes].map(cellOf),
    ),
    footer: [
      `since the collector started, ${ms(Date.now() - part.startedMs)} ago; its own CPU time in all: ${ms(process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000)}`,
    ],
    facts: { sinceMs: part.startedMs },
  }),
  'snapshot/list': ({ store, part }) => {
    const all = store.list();
    return {
      columns: ['table', 'generation', 'rows', 'bytes', 'age_ms', 'users'].map((name, i) => ({
        name,
        align: i === 0 ? ('left' as const) : ('right' as const),
      })),
      rows: all.map(({ table, generation, nRows, bytes, beginNs, holders }) =>
        [table, generation, nRows, bytes, Date.now() - Number(beginNs / 1_000_000n), holders].map(cellOf),
      ),
      footer: [
        `${count(all.length, 'snapshot')}, ${bytesText(all.reduce((sum, { bytes }) => sum + bytes, 0))} of ${bytesText(part.config['snapshots.bytes'])}`,
      ],
      facts: { limitBytes: part.config['snapshots.bytes'] },
    };
  },
  'snapshot/take': async (collector, { args, signal }) => {
    const held = await collector.get(args.TABLE!, 0, signal);
    try {
      return about(held.snapshot, collector.passedOver(held.snapshot));
    } finally {
      held.release();
    }
  },
  'snapshot/show': async (collector, { args }) => {
    const { store } = collector;
    const table = args.TABLE!;
    if (!store.has(table))
      throw new CtiError(
        'INVALID_ARGUMENT',
        `expected a table out of ${store.tables.join(', ')} but received '${table}'`,
      );
    const newest = store
      .list()
      .filter((one) => one.table === table)
      .at(-1);
    const held = newest && store.find(table, newest.generation);
    if (!held)
      throw new CtiError(
        'INVALID_ARGUMENT',
        `there is no snapshot of ${table} at hand; snapshot/take ${table} makes one`,
      );
    try {
      return about(held.snapshot, collector.passedOver(held.snapshot));
    } finally {
      held.release();
    }
  },
};

export async function runCollectorCommand(
  collector: Collector,
  { name, args, format }: CommandCall,
  signal: AbortSignal,
): Promise<CommandReply> {
  if (!Object.hasOwn(COMMANDS, name)) throw new CtiError('INTERNAL', `the collector has no command ${name}`);
  const given = await COMMANDS[name as keyof typeof COMMANDS](collector, { args, format, signal });
  if ('body' in given) return given.isJson ? given : { ...given, body: safeLines(given.body) };
  const bounds = {
    rows: collector.part.config['reply.rows'],
    bytes: collector.part.config['reply.bytes'],
    more: 'nothing',
  };
  return boundedListing(given, format, bounds);
}
