/** Errors of this package: a code to act on (docs/reference/errors.md) and a message for people. */
import { ERROR_DOCS, type ErrorCode } from './generated/error-codes.js';

export type { ErrorCode };

export class CtiError extends Error {
  override readonly name = 'CtiError';
  readonly code: ErrorCode;
  /** Further facts for `--format json`, for example the position in a question. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: Record<string, unknown> } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

const isCode = (code: unknown): code is ErrorCode => typeof code === 'string' && Object.hasOwn(ERROR_DOCS, code);

/** What the addon throws carries `code`; anything else is passed on as it is. */
export function fromNative(error: unknown): unknown {
  if (error instanceof CtiError || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  return isCode(code) ? new CtiError(code, error.message, { cause: error }) : error;
}

/** What the system said, without Node's own words: `no such file or directory (ENOENT)`. */
export function systemReason({ message, code }: NodeJS.ErrnoException): string {
  const reason = message.replace(/^E[A-Z0-9]+: /, '').replace(/, [a-z]+(?: '.*')?$/s, '');
  return code === undefined ? reason : `${reason} (${code})`;
}

/** A file that Node could not read, as one sentence: `cannot read FILE: no such file or directory (ENOENT)`. */
export const fileError = (name: string, error: NodeJS.ErrnoException, expected = ''): CtiError =>
  new CtiError('FILE', `cannot read ${name}: ${systemReason(error)}${expected}`, { cause: error });
