/** `top` and `watch`: a live screen on a terminal, plain blocks elsewhere. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Names } from '../compiler/index.js';
import { CtiError } from '../errors.js';
import { escapeText } from '../escape.js';
import { samplesNeeded } from '../query/samples.js';
import type { TableSchema } from '../table-schema.js';
import { answerListing } from './answer.js';
import { type Context, sourceOption, switchOptions } from './context.js';
import { parseInteger, parseTime } from './numbers.js';
import { writeListing } from './output.js';
import { startProgress } from './progress.js';
import type { Options, Status } from './registry.js';
import { type LivePlan, LiveScreen } from './screen/live-screen.js';
import { LiveTable } from './screen/live-table.js';
import { fromDaemon, takeFile } from './take-snapshot.js';

const DEFAULT_PERIOD_MS = 2000;

/** How often the switch is read at most. */
function periodOf(options: Options, durationMs: number | undefined): number {
  if (typeof options.interval !== 'string') return durationMs ?? DEFAULT_PERIOD_MS;
  if (durationMs !== undefined)
    throw new CtiError(
      'INVALID_ARGUMENT',
      "--interval and the question's changes since both say how often to read: give one of them",
    );
  const ms = Number(parseTime('--interval', options.interval)) / 1e6;
  if (ms < 100)
    throw new CtiError('INVALID_ARGUMENT', `--interval: expected at least 100ms, received '${options.interval}'`);
  return ms;
}

export async function live(
  context: Context,
  schema: TableSchema,
  plan: LivePlan,
  options: Options,
  names: Names,
): Promise<Status> {
  const question = plan.question({ filter: '', order: plan.order });
  const since = samplesNeeded(question, schema, names)?.since;
  const times =
    options.times === undefined
      ? undefined
      : Number(parseInteger('--times', String(options.times), 'a number from 1', 1n, 1_000_000_000n));
  const periodMs = periodOf(options, since && 'durationMs' in since ? since.durationMs : undefined);
  const progress = await startProgress(context);
  const file = since && 'file' in since ? (await takeFile(context, schema, since.file, progress)).snapshot : undefined;
  progress.stop();
  const over = new AbortController();
  const signal = AbortSignal.any([context.signal, over.signal]);
  const where = switchOptions(options);
  const table = new LiveTable(schema, {
    ...where,
    signal,
    source: sourceOption(options),
    manners: { periodMs },
    since: file,
    names,
    // Half a period: what was read for the answer before is too old for the next.
    ...(options.daemon === true && {
      read: (last) => fromDaemon(schema, options, signal, { maxAgeMs: periodMs / 2, last }),
    }),
  });
  const isScreen = context.stdoutIsTerminal && context.env.TERM !== 'dumb' && times === undefined;
  try {
    if (isScreen) {
      const streams = { input: process.stdin, output: process.stdout, isColoured: context.env.NO_COLOR === undefined };
      await new LiveScreen(context, plan, table, streams).run();
    } else await blocks(context, plan.name, question, table, times, where.timeoutMs);
    return 0;
  } catch (error) {
    // It has no end of its own: a signal is how it ends.
    if (context.signal.aborted) return 0;
    throw error;
  } finally {
    over.abort(new Error('the screen was left')); // a reading that is under way, or waited for
    table.close();
  }
}

/**
 * An answer after the other, each with the time before it. A switch that has gone is said and waited for: as long as a reply is, where so many
 * answers were asked for and no more.
 */
async function blocks(
  context: Context,
  name: string,
  question: string,
  table: LiveTable,
  times: number | undefined,
  timeoutMs: number,
): Promise<void> {
  const onGone = ({ message }: CtiError) =>
    context.stderr.write(`ctinspector ${name}: waiting for the switch to come back: ${escapeText(message)}\n`);
  const patienceMs = times === undefined ? undefined : timeoutMs;
  let captured = await table.next();
  for (let n = 0; ; captured = await table.nextWhenThere({ onGone, patienceMs })) {
    const retire = table.accept(captured);
    const answered = await table.ask(question);
    retire();
    if (answered === 'waiting') continue; // for the second sample
    const { beginNs } = answered.captured.snapshot.facts;
    context.stdout.write(`${n === 0 ? '' : '\n'}${new Date(Number(beginNs / 1_000_000n)).toISOString()}\n`);
    await writeListing(context, 'table', answerListing(question, answered));
    n++;
    if (n === times) return;
    await nextTurn(); // signals are heard
  }
}
