/** Errors that are expected: of this package, by code and message. What else is thrown goes through. */
import { CtiError } from '../../lib/errors.js';

/** What `action` throws. */
export function caught(action: () => unknown): CtiError {
  try {
    action();
  } catch (error) {
    if (error instanceof CtiError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Code and message of what `action` throws or rejects with; both empty: it succeeded. */
export async function codeOf(action: () => unknown): Promise<[code: string, message: string]> {
  try {
    await action();
  } catch (error) {
    if (error instanceof CtiError) return [error.code, error.message];
    throw error;
  }
  return ['', ''];
}
