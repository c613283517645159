/** Argument checks of the runner: every option is looked at here, before the addon is called. */
import { CtiError } from '../errors.js';

/** What was received, short enough for an error. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === 'object') return value.constructor?.name ?? 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

export function invalid(name: string, expected: string, received: unknown): CtiError {
  return new CtiError('INVALID_ARGUMENT', `expected ${expected} for ${name} but received ${describe(received)}`);
}

export const MAX_U64 = (1n << 64n) - 1n;

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalid(name, 'a boolean', value);
  return value;
}

/** A name as an image holds it: at most 255 bytes of UTF-8, possibly none. */
export function checkName(name: string, value: unknown): string {
  if (typeof value !== 'string' || Buffer.byteLength(value) > 255) {
    throw invalid(name, 'a string of at most 255 bytes', value);
  }
  return value;
}

export function checkObject(name: string, value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, 'an object', value);
}

/** The bytes as they are; a copy where their buffer is shared with other threads. */
export function checkBytes(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw invalid(name, 'a Uint8Array', value);
  return value.buffer instanceof SharedArrayBuffer ? Uint8Array.from(value) : value;
}

export function checkInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw invalid(name, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

export function checkBigint(name: string, value: unknown, min: bigint, max: bigint): bigint {
  if (typeof value !== 'bigint' || value < min || value > max)
    throw invalid(name, `a bigint from ${min} to ${max}`, value);
  return value;
}

export function checkString(name: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw invalid(name, 'a string that is not empty', value);
  return value;
}

export function checkArray(name: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(name, 'an array', value);
  return value;
}
