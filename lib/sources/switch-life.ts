/** Whether a switch has gone or is about to come, and whether two readings are of the same process of it. */
import { statSync } from 'node:fs';
import { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { originOf } from './memory.js';

/** The switch is not there. */
const GONE: ReadonlySet<string> = new Set(['NO_SWITCH', 'SWITCH_STALE', 'SWITCH_CLOSED']);

/** What a switch that comes up gives besides: it has no socket yet, no datapath, not all of its commands. */
const COMING: ReadonlySet<string> = new Set(['SWITCH_FOREIGN', 'SWITCH_REFUSED', 'PROTOCOL']);

const hasCode = (error: unknown, codes: ReadonlySet<string>): error is CtiError =>
  error instanceof CtiError && codes.has(error.code);

export const isGone = (error: unknown): error is CtiError => hasCode(error, GONE);

/** What a switch that goes, is not there, or comes up gives: it may be otherwise a moment later. */
export const isPassing = (error: unknown): error is CtiError => isGone(error) || hasCode(error, COMING);

/** Whether the control socket was there before that moment: a switch makes its own anew when it starts. */
function isOlder(socketPath: string, momentNs: bigint): boolean {
  try {
    return statSync(socketPath, { bigint: true }).ctimeNs < momentNs;
  } catch {
    return false;
  }
}

/**
 * Whether one process of the switch gave both, so that counters can be compared: `after` was read just now. False where it cannot be told, as of a
 * reading of memory and a reply.
 */
export function isSameProcess(before: TableSnapshot, after: TableSnapshot): boolean {
  const [a, b] = [originOf(before)?.attachment, originOf(after)?.attachment];
  if (a && b) return a.pid === b.pid && a.startTicks === b.startTicks;
  const { source, beginNs } = before.facts;
  if (source !== after.facts.source) return false;
  // Handed over by ctinspectord: memory is by its pid, which is not given to another process so soon.
  const [, socketPath] = /^unixctl:(.*)$/s.exec(source) ?? [];
  return socketPath === undefined || isOlder(socketPath, beginNs);
}
