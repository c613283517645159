/**
 * Messages as bytes: JSON, with integers that do not fit a number as `{"$bigint":"123"}`. Plain data only: what comes in may come from a part
 * that runs other people's programs, so nothing of it becomes code or a class.
 */
import { CtiError, type ErrorCode, fromNative } from '../errors.js';
import { ERROR_DOCS } from '../generated/error-codes.js';

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

export type Message =
  /** A request; `id` is the sender's. */
  | { readonly k: 'ask'; readonly id: number; readonly m: string; readonly p: unknown }
  | { readonly k: 'answer'; readonly id: number; readonly r: unknown }
  | { readonly k: 'error'; readonly id: number; readonly e: WireError }
  /** Who asked does not want the answer any more. */
  | { readonly k: 'cancel'; readonly id: number }
  /** Something to know; no answer. */
  | { readonly k: 'tell'; readonly m: string; readonly p: unknown };

export const encode = (message: Message): Buffer =>
  Buffer.from(
    JSON.stringify(message, (_key, value) => (typeof value === 'bigint' ? { $bigint: String(value) } : value)),
  );

const KINDS: ReadonlySet<unknown> = new Set(['ask', 'answer', 'error', 'cancel', 'tell']);

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const text = (value as { $bigint?: unknown }).$bigint;
  return typeof text === 'string' && /^-?\d{1,40}$/.test(text) ? BigInt(text) : value;
}

/** Throws CtiError PROTOCOL. */
export function decode(payload: Uint8Array): Message {
  let message: Message | null;
  try {
    message = JSON.parse(Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString(), revive);
  } catch (error) {
    throw new CtiError('PROTOCOL', `a message between parts is not JSON: ${(error as Error).message}`);
  }
  if (typeof message !== 'object' || message === null || !KINDS.has(message.k))
    throw new CtiError('PROTOCOL', 'a message between parts has no kind that is known');
  return message;
}

/** Any error, as it travels. */
export function toWire(thrown: unknown): WireError {
  const error = fromNative(thrown);
  if (error instanceof CtiError) {
    const { code, message, details } = error;
    return details ? { code, message, details } : { code, message };
  }
  return {
    code: 'INTERNAL',
    message: `a fault of ours, please report it: ${(error as Error)?.stack ?? String(error)}`,
  };
}

export function fromWire({ code, message, details }: WireError): CtiError {
  const known = Object.hasOwn(ERROR_DOCS, code) ? code : 'INTERNAL';
  return new CtiError(known, String(message), details ? { details: { ...details } } : {});
}
