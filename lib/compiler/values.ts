/**
 * Values as written -> exact sets, by the type of the column they are compared with. Part of the third pass (check.ts).
 * Sets are of the column's own bits (a VLAN id has 12), not yet shifted to where the field has them.
 */
import type { Atom, Span, Value } from './ast.js';
import type { Column, ColumnKind } from './columns.js';
import { type Cube, cube, fromIntervals, intervalOf, ones, type ValueSet } from './cubes.js';
import { nearest, questionError } from './diagnostics.js';

/** A value, or a range, of a column. */
export interface Element {
  readonly set: ValueSet;
  /** The bits the value says something about; all of them for a value that says nothing (0.0.0.0/0). */
  readonly looks: bigint;
}

export const EXPECTED: Readonly<Record<ColumnKind, string>> = {
  number: 'a number, for example 80 or 0x50',
  duration: 'a duration, for example 5s or 100ms, or never',
  mac: 'a MAC address, for example aa:bb:cc:00:11:22, or ADDRESS/MASK',
  ipv4: 'an IPv4 address, for example 10.1.2.3, or a prefix, 10.0.0.0/8',
  ipv6: 'an IPv6 address, for example fd00::1, or a prefix, fd00::/16',
  ip: 'an IPv4 or IPv6 address, for example 10.1.2.3 or fd00::1, or a prefix, 10.0.0.0/8',
  hex128: 'a number of up to 128 bits, for example 0x1f, or VALUE/MASK',
  uuid: 'a ufid, as dump-flows -m prints it',
  flags: 'flags, for example +a-b, or VALUE/MASK',
  enum: 'one of its words',
  port: 'a port name',
  'port-number': 'a port number of the datapath',
  datapath: 'a datapath name',
  actions: 'an action list; use matches, does, to or sets',
  text: 'a text; in quotes where it has blanks or signs',
  derived: 'a value of its type',
  row: 'nothing: it can only be shown',
};

const DURATION_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZE: Readonly<Record<string, bigint>> = {
  '': 1n,
  k: 1000n,
  K: 1000n,
  M: 1_000_000n,
  G: 1_000_000_000n,
  T: 1_000_000_000_000n,
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
};
export const NEVER = ones(64);

const integer = (text: string): bigint | undefined =>
  /^(?:0x[0-9a-f]{1,64}|[0-9]{1,40})$/i.test(text) ? BigInt(text) : undefined;

export function parseMac(text: string): bigint | undefined {
  return /^[0-9a-f]{1,2}(?::[0-9a-f]{1,2}){5}$/i.test(text)
    ? text.split(':').reduce((value, part) => (value << 8n) | BigInt(`0x${part}`), 0n)
    : undefined;
}

export function parseIpv4(text: string): bigint | undefined {
  const parts = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$/.test(text) ? text.split('.').map(Number) : [256];
  return parts.every((part) => part < 256)
    ? parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n)
    : undefined;
}

/** RFC 4291 section 2.2, all three forms. */
export function parseIpv6(text: string): bigint | undefined {
  if (!/^[0-9a-f:.]{2,45}$/i.test(text)) return undefined;
  const tail = /^(.*:)([0-9.]+\.[0-9.]+)$/.exec(text);
  const v4 = tail ? parseIpv4(tail[2]!) : undefined;
  if (tail && v4 === undefined) return undefined;
  const plain = tail ? `${tail[1]}${(v4! >> 16n).toString(16)}:${(v4! & 0xffffn).toString(16)}` : text;
  const halves = plain.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const n = groups.reduce((sum, half) => sum + half.length, 0);
  if (groups.flat().some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  if (halves.length === 2 ? n > 7 : n !== 8) return undefined;
  const middle = Array.from({ length: 8 - n }, () => '0');
  const all = [...groups[0]!, ...(halves.length === 2 ? middle : []), ...(groups[1] ?? [])];
  return all.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}

/** ::ffff:0:0/96: where IPv4 addresses lie among those of 128 bits. */
const V4_PLACE = 0xffffn << 32n;

/** Either family in 128 bits. */
function parseIp(text: string): bigint | undefined {
  const v4 = parseIpv4(text);
  return v4 === undefined ? parseIpv6(text) : V4_PLACE | v4;
}

/** The word of `words` that `text` is, in any case. */
const wordIn = (words: Readonly<Record<string, number>>, text: string): string | undefined =>
  Object.keys(words).find((word) => word.toLowerCase() === text.toLowerCase());

const ADDRESS: Partial<Record<ColumnKind, (text: string) => bigint | undefined>> = {
  mac: parseMac,
  ipv4: parseIpv4,
  ipv6: parseIpv6,
  ip: parseIp,
};

/** What kind of thing somebody wrote, to say so when it does not fit. */
function looksLike(text: string): string {
  const bare = text.split('/')[0]!;
  if (parseMac(bare) !== undefined) return 'a MAC address';
  if (parseIpv4(bare) !== undefined) return 'an IPv4 address';
  if (parseIpv6(bare) !== undefined) return 'an IPv6 address';
  if (/^[0-9.]+(ms|[smhd])$/.test(bare)) return 'a duration';
  if (/^[0-9.]+[kKMGT]i?$/.test(bare)) return 'a size';
  if (integer(bare) !== undefined) return 'a number';
  if (/^[+-][a-z]/i.test(bare)) return 'flags';
  return 'a word';
}

export class ValueReader {
  constructor(
    private readonly source: string,
    private readonly column: Column,
  ) {}

  /** A value or a range. */
  read(value: Value): Element {
    if (value.kind === 'atom') return this.atom(value);
    this.refuseOrder(value.span, 'a range');
    const lo = this.point(value.lo);
    const hi = this.point(value.hi);
    if (lo > hi)
      this.fail(value.span, `the range ${value.lo.text}..${value.hi.text} is empty: its end lies before its start`);
    return this.fromInterval(lo, hi);
  }

  /** All values on one side of `atom`; undefined: there are none. */
  side(op: '<' | '<=' | '>' | '>=', atom: Atom): Element | undefined {
    this.refuseOrder(atom.span, op);
    const point = this.point(atom);
    const max = ones(this.column.width);
    const lo = op === '>' ? point + 1n : op === '>=' ? point : 0n;
    let hi = op === '<' ? point - 1n : op === '<=' ? point : max;
    // "more than 5 s ago" does not mean never.
    if (this.column.kind === 'duration' && hi === max && point !== max) hi = max - 1n;
    return lo > hi ? undefined : this.fromInterval(lo, hi);
  }

  /** One value without mask, for ranges and order. */
  private point(atom: Atom): bigint {
    if (atom.text === '') this.fail(atom.span, 'a range has a value on both sides: 1000..2000');
    const { set, looks } = this.atom(atom);
    const only = set.cubes[0]!;
    if (set.cubes.length !== 1 || only.mask !== ones(this.column.width) || looks !== only.mask) {
      this.fail(atom.span, `expected one value without a mask here, received ${JSON.stringify(atom.text)}`);
    }
    return only.value;
  }

  private fromInterval(lo: bigint, hi: bigint): Element {
    const set = fromIntervals([{ lo, hi }], this.column.width);
    const asked = set.cubes.reduce((bits, { mask }) => bits | mask, 0n);
    return { set, looks: asked || ones(this.column.width) };
  }

  private fromCube(c: Cube): Element {
    const { width } = this.column;
    const interval = intervalOf(c, width);
    return { set: interval ? { cubes: [c], intervals: [interval] } : { cubes: [c] }, looks: c.mask || ones(width) };
  }

  private atom(atom: Atom): Element {
    const { kind, width, unit } = this.column;
    if (atom.text === '') this.unexpected(atom);
    if (kind === 'duration' || unit === 'ms') return this.fromPoint(this.duration(atom), atom);
    if (kind === 'enum' && !/^[0-9]/.test(atom.text)) return this.fromPoint(this.word(atom), atom);
    if (kind === 'uuid') return this.fromPoint(this.ufid(atom), atom);
    if (kind === 'flags' && !/^[0-9]/.test(atom.text)) return this.flags(atom);
    const slash = atom.text.indexOf('/');
    const value = this.scalar(slash < 0 ? atom.text : atom.text.slice(0, slash), atom);
    if (slash < 0) return this.fromPoint(value, atom);
    const mask = this.mask(atom.text.slice(slash + 1), atom);
    if (value > ones(width) || value < 0n) this.range(atom);
    return this.fromCube(cube(value, mask));
  }

  private scalar(text: string, atom: Atom): bigint {
    const { kind, signed, maskAt, decimals } = this.column;
    const address = ADDRESS[kind];
    if (address) return address(text) ?? this.unexpected(atom);
    if (signed && /^-[0-9]+$/.test(text)) return BigInt(text);
    if (decimals !== undefined) return this.decimal(text, decimals, atom);
    const sized = maskAt === undefined ? /^([0-9]{1,20})(?:\.([0-9]{1,12}))?([kKMGT]i?)$/.exec(text) : null;
    if (sized) {
      const fraction = sized[2] ?? '';
      const scaled = BigInt(sized[1]! + fraction) * SIZE[sized[3]!]!;
      return scaled / 10n ** BigInt(fraction.length);
    }
    return integer(text) ?? this.unexpected(atom);
  }

  /** A number whose column has digits behind its point. */
  private decimal(text: string, decimals: number, atom: Atom): bigint {
    const parts = /^([0-9]{1,20})(?:\.([0-9]{1,12}))?((?:[kKMGT]i?)?)$/.exec(text);
    if (!parts) return this.unexpected(atom);
    const fraction = (parts[2] ?? '').padEnd(decimals, '0');
    const scaled = BigInt(parts[1]! + fraction) * SIZE[parts[3]!]!;
    const one = 10n ** BigInt(fraction.length - decimals);
    if (scaled % one !== 0n)
      this.fail(
        atom.span,
        `${this.column.name} has ${decimals} digits behind its point, rounded down; received ${text}`,
      );
    return scaled / one;
  }

  private mask(text: string, atom: Atom): bigint {
    const { kind, width } = this.column;
    const full = ones(width);
    // The mask of an IPv4 address is of its 32 bits; the others of the 128 say that it is one.
    const v4 = kind === 'ip' && parseIpv4(atom.text.slice(0, atom.text.indexOf('/'))) !== undefined;
    if (v4) return (ones(96) << 32n) | this.mask4(text, atom);
    const address = ADDRESS[kind]?.(text);
    if (address !== undefined) return address;
    const number = integer(text) ?? this.unexpected(atom);
    const isPrefix = kind === 'ipv4' || kind === 'ipv6' || kind === 'ip';
    if (isPrefix && !/^0x/i.test(text)) {
      if (number > BigInt(width)) {
        this.fail(atom.span, `a prefix of ${this.column.name} has 0 to ${width} bits, received /${text}`);
      }
      return full & ~ones(width - Number(number));
    }
    if (number > full) this.fail(atom.span, `the mask ${text} has more than the ${width} bits of ${this.column.name}`);
    return number;
  }

  /** What follows the slash of an IPv4 address. */
  private mask4(text: string, atom: Atom): bigint {
    const dotted = parseIpv4(text);
    if (dotted !== undefined) return dotted;
    const length = integer(text) ?? this.unexpected(atom);
    if (length > 32n) this.fail(atom.span, `a prefix of an IPv4 address has 0 to 32 bits, received /${text}`);
    return ones(32) & ~ones(32 - Number(length));
  }

  private fromPoint(value: bigint, atom: Atom): Element {
    const { width, signed } = this.column;
    const biased = signed ? value + (1n << BigInt(width - 1)) : value;
    if (biased < 0n || biased > ones(width)) this.range(atom);
    return this.fromCube(cube(biased, ones(width)));
  }

  private duration(atom: Atom): bigint {
    if (atom.text.toLowerCase() === 'never') return NEVER;
    const parts = /^([0-9]{1,12})(?:\.([0-9]{1,9}))?(ms|[smhd])$/.exec(atom.text);
    if (!parts) return this.unexpected(atom);
    const ms = Number(`${parts[1]}.${parts[2] ?? '0'}`) * DURATION_MS[parts[3]!]!;
    return BigInt(Math.round(ms));
  }

  private word(atom: Atom): bigint {
    const words = this.column.values!;
    const word = wordIn(words, atom.text);
    if (word !== undefined) return BigInt(words[word]!);
    throw questionError(
      'QUERY_NAME',
      this.source,
      atom.span,
      `${this.column.name} is one of ${Object.keys(words).join(', ')}; received ${JSON.stringify(atom.text)}`,
      { expected: Object.keys(words), suggestions: nearest(atom.text, Object.keys(words)) },
    );
  }

  private ufid(atom: Atom): bigint {
    const hex = /^(?:ufid:)?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/i.exec(
      atom.text,
    );
    return hex ? BigInt(`0x${hex.slice(1).join('')}`) : this.unexpected(atom);
  }

  /** +set-clear; flags not named are free. */
  private flags(atom: Atom): Element {
    const bits = this.column.values!;
    if (!/^[+-]/.test(atom.text)) {
      if (wordIn(bits, atom.text) !== undefined)
        this.fail(atom.span, `flags are written with a sign: expected +${atom.text} or -${atom.text}`);
      this.unexpected(atom);
    }
    let value = 0n;
    let mask = 0n;
    for (const [all, sign, name] of atom.text.matchAll(/([+-])([^+-]*)/g)) {
      const word = wordIn(bits, name!);
      const bit = word === undefined ? undefined : BigInt(bits[word]!);
      if (bit === undefined) {
        const start = atom.span.start + (atom.quoted ? 1 : 0) + atom.text.indexOf(all!) + 1;
        throw questionError(
          'QUERY_NAME',
          this.source,
          { start, end: start + Math.max(1, name!.length) },
          `${this.column.name} has the flags ${Object.keys(bits).join(', ')}; received ${JSON.stringify(name)}`,
          { expected: Object.keys(bits), suggestions: nearest(name!, Object.keys(bits)) },
        );
      }
      if ((mask & bit) !== 0n && ((value & bit) !== 0n) !== (sign === '+')) {
        this.fail(atom.span, `${name} cannot be both set and clear`);
      }
      mask |= bit;
      if (sign === '+') value |= bit;
    }
    return this.fromCube({ value, mask });
  }

  private refuseOrder(span: Span, what: string): void {
    const { kind, name } = this.column;
    if (kind === 'flags' || kind === 'enum' || kind === 'uuid') {
      this.fail(span, `${name} has no order, so ${what} means nothing there: use =, != or in {...}`);
    }
  }

  private range(atom: Atom): never {
    const { name, width, signed, values } = this.column;
    const max = ones(width);
    const half = 1n << BigInt(width - 1);
    const bounds = signed ? `${-half}..${half - 1n}` : `0..${max}`;
    const words = values && this.column.kind === 'enum' ? ` (${Object.keys(values).join(', ')})` : '';
    this.fail(atom.span, `${name} has ${width} bits: expected ${bounds}${words}, received ${atom.text}`);
  }

  private unexpected(atom: Atom): never {
    const { name, kind } = this.column;
    throw questionError(
      'QUERY_TYPE',
      this.source,
      atom.span,
      `${name} is compared with ${EXPECTED[kind]}; received ${looksLike(atom.text)}, ${JSON.stringify(atom.text)}`,
      { expected: [EXPECTED[kind]] },
    );
  }

  private fail(span: Span, message: string): never {
    throw questionError('QUERY_TYPE', this.source, span, message);
  }
}
