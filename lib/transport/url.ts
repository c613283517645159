/**
 * Names of nodes. A node's URL is `scheme://authority` and nothing behind it; the scheme picks the carrier (transport.ts), which knows what
 * its authorities look like. URLs are compared as text, so each has one canonical form.
 */
import { CtiError } from '../errors.js';

export interface NodeUrl {
  readonly scheme: string;
  readonly authority: string;
}

/** Longest URL, in characters; all of them are ASCII. Images and frames hold URLs of this size. */
export const MAX_URL = 255;

const FORM = /^([a-z][a-z0-9+-]{0,15}):\/\/([\x21-\x2e\x30-\x7e]+)$/;
/** Of struct ub_address: four bytes of IPv4, two of port, big-endian; the rest is not used. */
const UB_URL_SIZE = 24;

const shown = (text: string): string => JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);

function invalidUrl(expected: string, received: string): CtiError {
  return new CtiError('INVALID_ARGUMENT', `expected ${expected} as the URL of a node but received ${shown(received)}`);
}

/** Splits a URL. The authority is checked by the carrier. Throws CtiError INVALID_ARGUMENT. */
export function parseNodeUrl(text: string): NodeUrl {
  if (typeof text !== 'string') throw invalidUrl('text', String(text));
  if (text.length > MAX_URL) throw invalidUrl(`at most ${MAX_URL} characters`, text);
  const match = FORM.exec(text);
  if (!match)
    throw invalidUrl("scheme://name in ASCII, without spaces, such as 'local://a' or 'ub://10.0.0.1:1881'", text);
  return { scheme: match[1]!, authority: match[2]! };
}

const LOCAL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** `local://NAME`: a node in this process. */
export function checkLocal(url: NodeUrl): string {
  if (!LOCAL_NAME.test(url.authority)) {
    throw invalidUrl('local://NAME with up to 63 letters, digits, dots, dashes and underscores', textOf(url));
  }
  return textOf(url);
}

/** `ub://A.B.C.D:PORT`: as the original's `struct ub_address` names a node. */
export function checkUb(url: NodeUrl): string {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3}):(\d{1,5})$/.exec(url.authority);
  const bytes = match?.slice(1, 5).map(Number);
  const port = Number(match?.[5]);
  if (!bytes || bytes.some((byte) => byte > 255) || port < 1 || port > 65535) {
    throw invalidUrl('ub://A.B.C.D:PORT with a port from 1 to 65535', textOf(url));
  }
  return `ub://${bytes.join('.')}:${port}`;
}

export const textOf = ({ scheme, authority }: NodeUrl): string => `${scheme}://${authority}`;

/** The URL that the bytes of `ub_address.url` mean. Throws CtiError INVALID_ARGUMENT for fewer than 24 bytes or port 0. */
export function ubUrl(bytes: Uint8Array): string {
  if (bytes.length < UB_URL_SIZE) throw invalidUrl(`${UB_URL_SIZE} bytes`, `${bytes.length} bytes`);
  const port = (bytes[4]! << 8) | bytes[5]!;
  return checkUb({ scheme: 'ub', authority: `${bytes.subarray(0, 4).join('.')}:${port}` });
}
