/** `top` and `watch`: a live screen on a terminal, plain blocks elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Names } from '../compiler/index.js';
import { CtiError } from '../errors.js';
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
import { takeFile } from './take-snapshot.js';

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
  const table = new LiveTable(schema, {
    ...switchOptions(options),
    signal,
    source: sourceOption(options),
    periodMs,
    since: file,
    names,
  });
  const isScreen = context.stdoutIsTerminal && context.env.TERM !== 'dumb' && times === undefined;
  try {
    if (isScreen) {
      const streams = { input: process.stdin, output: process.stdout, isColoured: context.env.NO_COLOR === undefined };
      await new LiveScreen(context, plan, table, streams).run();
    } else await blocks(context, question, table, times ?? Number.POSITIVE_INFINITY);
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

/** An answer after the other, each with the time before it. What a switch that goes gives ends it. */
async function blocks(context: Context, question: string, table: LiveTable, times: number): Promise<void> {
  for (let n = 0; n < times; ) {
    const captured = await table.next();
    const retire = table.accept(captured);
    const answered = await table.ask(question);
    retire();
    if (answered === 'waiting') continue; // for the second sample
    const { beginNs } = answered.captured.snapshot.facts;
    context.stdout.write(`${n === 0 ? '' : '\n'}${new Date(Number(beginNs / 1_000_000n)).toISOString()}\n`);
    await writeListing(context, 'table', answerListing(question, answered));
    n++;
    await sleep(0);
  }
}
