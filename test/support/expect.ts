/** What the tests of sources share: errors by code and message, and that nothing stays open. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { CtiError, type ErrorCode } from '../../lib/errors.js';

export const openFds = (): number => readdirSync('/proc/self/fd').length;

/** Awaits a rejection with that code and message; the descriptors open before are those open after. */
export async function fails(
  t: Test,
  what: string,
  code: ErrorCode,
  message: RegExp,
  run: () => Promise<unknown>,
): Promise<void> {
  const before = openFds();
  try {
    await run();
    t.fail(`${what}: expected ${code} but it succeeded`);
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    t.equal(error.code, code, `${what}: ${error.message}`);
    t.match(error.message, message, `${what}: message`);
  }
  // A fake server's end of the connection, and a file's, go a turn later.
  for (let i = 0; i < 1000 && openFds() > before; i++) await sleep(10);
  t.equal(openFds(), before, `${what}: descriptors`);
}

export function temporary(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'cti-test-'));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}
