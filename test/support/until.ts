/** Waits for a thing, not for a time. The limit only keeps a test that hangs from hanging: a machine may be slow, or stand still for seconds. */
import { setTimeout as sleep } from 'node:timers/promises';

export async function until(
  what: string | (() => string),
  done: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  for (const end = Date.now() + limitMs; !(await done()); await sleep(20))
    if (Date.now() > end) throw new Error(`waited ${limitMs} ms for ${typeof what === 'string' ? what : what()}`);
}
