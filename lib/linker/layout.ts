/** Where each section of each object goes: code by slots, data by window addresses (docs/internals.md, "Guest ABI"). */
import { CtiError } from '../errors.js';
import type { ObjectSpec, SectionKind, SectionSpec } from '../loader/spec.js';

/** Guest address of the slot `n` is CODE_BASE + 8 n. */
export const CODE_BASE = 0x1_0000;
export const RODATA_BASE = 0x1800_0000;
export const DATA_BASE = 0x2000_0000;
const MAX_SLOTS = 1_048_576;
const MAX_RODATA = DATA_BASE - RODATA_BASE;
const MAX_DATA = 0x1000_0000;

export interface Placed {
  readonly object: ObjectSpec;
  readonly section: SectionSpec;
  /** Guest address of the section's first byte (of its first slot's code address). */
  readonly address: number;
}

export interface CommonRequest {
  readonly name: string;
  readonly size: number;
  readonly align: number;
}

export interface Layout {
  /** Of each object, its sections in their order. */
  readonly placed: readonly (readonly Placed[])[];
  /** Guest addresses of the common symbols, by name. */
  readonly commons: ReadonlyMap<string, number>;
  readonly codeSize: number;
  readonly rodataSize: number;
  /** Initialised data, up to where bss begins. */
  readonly dataSize: number;
  readonly bssSize: number;
}

const up = (value: number, align: number): number => Math.ceil(value / align) * align;

function tooMuch(what: string, size: number, limit: number): CtiError {
  return new CtiError('LINK', `${what} of the program: expected at most ${limit} bytes, received ${size}`);
}

export function layOut(objects: readonly ObjectSpec[], commons: readonly CommonRequest[]): Layout {
  const addresses = new Map<SectionSpec, number>();
  const place = (kind: SectionKind, base: number, from: number): number => {
    let at = from;
    for (const object of objects) {
      for (const section of object.sections) {
        if (section.kind !== kind) continue;
        at = up(at, section.align);
        addresses.set(section, base + at);
        at += section.size;
      }
    }
    return at;
  };
  // Code is padded by nothing: its alignment is 8, whatever the file says, so that a function ends where the next
  // begins.
  let codeSize = 0;
  for (const section of objects.flatMap((object) => object.sections)) {
    if (section.kind !== 'code') continue;
    addresses.set(section, CODE_BASE + codeSize);
    codeSize += section.size;
  }
  if (codeSize / 8 > MAX_SLOTS) throw tooMuch('code', codeSize, 8 * MAX_SLOTS);
  const rodataSize = place('rodata', RODATA_BASE, 0);
  if (rodataSize > MAX_RODATA) throw tooMuch('read-only data', rodataSize, MAX_RODATA);
  // bss begins at the next multiple of 8 after data: data is padded so that this is a multiple of every alignment in
  // bss.
  const bss = objects.flatMap((object) => object.sections).filter((section) => section.kind === 'bss');
  const bssAlign = Math.max(8, ...[...new Set([...bss, ...commons].map((item) => item.align))]);
  const dataSize = up(place('data', DATA_BASE, 0), bssAlign);
  let end = place('bss', DATA_BASE, dataSize);
  const commonAddresses = new Map<string, number>();
  for (const { name, size, align } of commons) {
    end = up(end, align);
    commonAddresses.set(name, DATA_BASE + end);
    end += size;
  }
  if (end > MAX_DATA) throw tooMuch('data and bss', end, MAX_DATA);
  return {
    placed: objects.map((object) =>
      object.sections.map((section) => ({ object, section, address: addresses.get(section)! })),
    ),
    commons: commonAddresses,
    codeSize,
    rodataSize,
    dataSize,
    bssSize: end - dataSize,
  };
}
