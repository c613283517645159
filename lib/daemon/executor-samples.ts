/** The table of a question in the daemon: a snapshot, or two of them, some seconds apart, for rates and `changes since TIME`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../errors.js';
import { samplesNeeded } from '../query/samples.js';
import type { Captured } from '../sources/registry.js';
import type { TableSchema } from '../table-schema.js';
import { combineSamples } from '../tables/sampled.js';
import type { Executor } from './executor.js';

const INTERVAL_MS = 2000;
/** A request is open so long at most. */
const MAX_INTERVAL_MS = 60_000;

export async function takeSamples(
  executor: Executor,
  question: string,
  table: TableSchema,
  maxAgeMs: number,
  signal: AbortSignal,
): Promise<Captured> {
  const needed = samplesNeeded(question, table, executor.names);
  if (!needed) return executor.snapshot(table.name, maxAgeMs, signal);
  const { since } = needed;
  if (since && 'file' in since) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `ctinspectord reads no file that it is told of, such as ${since.file}: ask without --daemon, or changes since a time`,
    );
  }
  const waitMs = since?.durationMs ?? INTERVAL_MS;
  if (waitMs > MAX_INTERVAL_MS) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `changes since: expected at most ${MAX_INTERVAL_MS / 1000}s here but received ${waitMs / 1000}s; snapshot save and a file have no limit`,
    );
  }
  const before = await executor.snapshot(table.name, maxAgeMs, signal);
  let after: Captured | undefined;
  try {
    const takenMs = Number(before.snapshot.facts.beginNs / 1_000_000n);
    await sleep(Math.max(0, takenMs + waitMs - Date.now()), undefined, { signal });
    after = await executor.snapshot(table.name, 0, signal);
    const passedOver = [...new Set([...before.passedOver, ...after.passedOver])];
    return { snapshot: combineSamples(before.snapshot, after.snapshot, needed.sampled), passedOver };
  } catch (error) {
    before.snapshot.close();
    after?.snapshot.close();
    throw error;
  }
}
