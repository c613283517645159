/** Numbers of options: whole ones, sizes in bytes, times; and the sentence that refuses what is none. */
import { CtiError } from '../errors.js';

export const MAX_FUEL = (1n << 63n) - 1n;

export const refuse = (option: string, expected: string, received: string): CtiError =>
  new CtiError('INVALID_ARGUMENT', `${option}: expected ${expected}, received '${received}'`);

export function parseInteger(option: string, text: string, expected: string, min: bigint, max: bigint): bigint {
  const match = /^(-?)(0x[0-9a-f]+|\d+)$/i.exec(text.trim());
  if (!match) throw refuse(option, expected, text);
  const value = BigInt(match[2] ?? '') * (match[1] === '-' ? -1n : 1n);
  if (value < min || value > max) throw refuse(option, expected, text);
  return value;
}

export const parseFuel = (option: string, text: string): bigint =>
  parseInteger(option, text, 'a number from 1 to 2^63 - 1', 1n, MAX_FUEL);

/** `4096`, `64K`, `16M`, `1G`: bytes. */
export function parseSize(option: string, text: string): number {
  const match = /^(\d{1,12})([KMG]?)$/.exec(text);
  const size = Number(match?.[1]) * { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }[match?.[2] ?? '']!;
  if (!match || !Number.isSafeInteger(size)) throw refuse(option, 'bytes such as 4096, 64K, 16M or 1G', text);
  return size;
}

/** `30` or `0.5` (seconds), `500ms`, `5m`, `2h`: nanoseconds, at least 1. */
export function parseTime(option: string, text: string): bigint {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)?$/.exec(text);
  const ns = match ? Math.round(Number(match[1]) * { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 }[match[2] ?? 's']!) : 0;
  if (ns < 1) throw refuse(option, 'a time such as 30, 0.5, 500ms, 5m or 2h (seconds if no unit is given)', text);
  return BigInt(ns);
}
