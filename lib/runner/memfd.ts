/** Memory to share with programs. */
import { fromNative } from '../errors.js';
import { checkInteger, checkString } from './check.js';
import { native } from './native.js';

const MAX_SIZE = 2 ** 32;

/**
 * A memfd of `size` zeros, sealed against shrinking and growing: what a region that is granted read-write is made of. The descriptor is
 * the caller's to close; `name` shows in /proc/PID/maps.
 *
 * Throws CtiError INVALID_ARGUMENT, OUT_OF_MEMORY.
 */
export function createMemfd(name: string, size: number): number {
  const checked = [checkString('name', name), checkInteger('size', size, 1, MAX_SIZE)] as const;
  try {
    return native().createMemfd(...checked);
  } catch (error) {
    throw fromNative(error);
  }
}
