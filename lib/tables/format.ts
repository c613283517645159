/**
 * Cells as people expect them, and as JSON.
 *
 * | cell | text | JSON |
 * |---|---|---|
 * | not known | `?` | null |
 * | the row does not look at the field, or cannot have it | `*` | null |
 * | exact number | decimal, or hex where the schema says | number; a string of decimal digits from 2^53 on; 128 bits a string of hex |
 * | number under a mask | `80/0xfff0`, `0x10/0xf0` | the same string |
 * | address | `10.0.0.1`, `10.0.0.0/8`, `10.0.0.1/255.0.0.255`, `fe80::/10`, `0a:00:00:00:00:01/ff:ff:ff:00:00:00` | the same string |
 * | flags, all of the set matched, or without a mask | `syn|ack`, `0` if none | the same string |
 * | flags, some matched | `+trk+est-inv` | the same string |
 * | enumeration | its word | the same string |
 * | port, datapath, actions, text, ufid | name, name, text, text, UUID | the same string; a port whose name is not known gives the datapath's number for it |
 * | milliseconds | `4.646s`, `never` | number, `"never"` |
 * | list (a derived column) | `veth1,veth2`; `-` if it is empty; `veth1,?` if there may be more | an array, with a null at its end if there may be more; null if nothing of it is known |
 * | derived column without a value | `-` | null |
 */
import type { DerivedValue } from '../derived-column.js';
import type { Column } from './columns.js';
import { allOnes, type Cell, type Names } from './view.js';

export type JsonCell = number | string | null | readonly (number | string | null)[];

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const dotted = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');

const mac = (value: bigint): string => value.toString(16).padStart(12, '0').match(/../g)!.join(':');

const uuid = (value: bigint): string =>
  value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** RFC 5952. */
export function ipv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  if (value >> 32n === 0xffffn) return `::ffff:${dotted(value & 0xffffffffn)}`;
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const text = (some: number[]) => some.map((group) => group.toString(16)).join(':');
  return start < 0 ? text(groups) : `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

/** Either family; an IPv4 address lies at ::ffff:0:0/96. */
function ip(cell: NonNullable<Cell>): string {
  const isV4 = cell.value >> 32n === 0xffffn && cell.mask >> 32n === allOnes(96);
  if (!isV4) return address(ipv6, 128, cell);
  return address(dotted, 32, { value: cell.value & allOnes(32), mask: cell.mask & allOnes(32) });
}

/** Length of the prefix that `mask` is, or undefined. */
function prefixLength(mask: bigint, bits: number): number | undefined {
  const rest = ~mask & allOnes(bits);
  return rest & (rest + 1n) ? undefined : bits - (rest === 0n ? 0 : rest.toString(2).length);
}

function address(print: (value: bigint) => string, bits: number, { value, mask }: NonNullable<Cell>): string {
  const prefix = prefixLength(mask, bits);
  if (prefix === bits) return print(value);
  return `${print(value)}/${prefix ?? print(mask)}`;
}

function flags(names: Readonly<Record<string, number>>, masked: boolean, { value, mask }: NonNullable<Cell>): string {
  const named = Object.entries(names).map(([name, bit]) => [name, BigInt(bit)] as const);
  const all = named.reduce((bits, [, bit]) => bits | bit, 0n);
  if (!masked || (mask & all) === all) {
    const set = named.filter(([, bit]) => value & bit).map(([name]) => name);
    if (value & ~all) set.push(hex(value & ~all));
    return set.join('|') || '0';
  }
  const signed = named.filter(([, bit]) => mask & bit).map(([name, bit]) => (value & bit ? '+' : '-') + name);
  // Bits without a name can only be written as numbers.
  const [set, clear] = [value & mask & ~all, ~value & mask & ~all];
  return signed.join('') + (set ? `+${hex(set)}` : '') + (clear ? `-${hex(clear)}` : '');
}

function scalar(column: Column, value: bigint): string {
  const { format } = column.dictionary?.field ?? column.field;
  const whole = column.width === column.field.size * 8;
  if (format === 'hex') return hex(value);
  if (format === 'hex4' && whole) return `0x${value.toString(16).padStart(4, '0')}`;
  return value.toString();
}

function seconds(ms: bigint): string {
  if (ms === allOnes(64)) return 'never';
  return `${ms / 1000n}.${(ms % 1000n).toString().padStart(3, '0')}s`;
}

/** Whether every bit of the column is matched. */
const isExact = (column: Column, { mask }: NonNullable<Cell>): boolean =>
  mask === allOnes(column.dictionary ? column.dictionary.field.size * 8 : column.width);

function numberText(column: Column, cell: NonNullable<Cell>): string {
  return isExact(column, cell) ? scalar(column, cell.value) : `${scalar(column, cell.value)}/${hex(cell.mask)}`;
}

/** What is text in JSON too, or undefined. */
function words(column: Column, cell: NonNullable<Cell>, names: Names): string | undefined {
  const { field } = column;
  if (column.dictionary) return undefined;
  if (column.flags) return flags(column.flags, column.segment.masked, cell);
  const id = Number(cell.value);
  switch (field.type) {
    case 'port':
      return isExact(column, cell) ? (names.port(id) ?? `port#${id}`) : undefined;
    case 'datapath':
      return names.datapath(id) ?? undefined;
    case 'actions':
      return names.actions(id);
    case 'text':
      return names.text(id);
    case 'ipv4':
      return address(dotted, 32, cell);
    case 'mac':
      return isExact(column, cell) ? mac(cell.value) : `${mac(cell.value)}/${mac(cell.mask)}`;
    case 'be128':
      if (field.format === 'ip') return ip(cell);
      if (field.format === 'ipv6') return address(ipv6, 128, cell);
      return field.format === 'hex' ? numberText(column, cell) : uuid(cell.value);
  }
  if (field.enum && isExact(column, cell)) return Object.entries(field.enum).find(([, n]) => n === id)?.[0];
  return isExact(column, cell) ? undefined : numberText(column, cell);
}

/** A saved file does not say which datapath a flow is of; a row has a number for it all the same. */
const isNameless = (column: Column, { value }: NonNullable<Cell>, names: Names): boolean =>
  column.field.type === 'datapath' && !column.dictionary && !column.derived && names.datapath(Number(value)) === null;

/** One element of a derived value, as in text and JSON. */
function element({ derived }: Column, value: bigint | string, names: Names): string | number {
  if (typeof value === 'string') return value;
  switch (derived!.type) {
    case 'port':
      return names.port(Number(value)) ?? `port#${value}`;
    case 'address':
      return value >> 32n === 0xffffn ? dotted(value & 0xffffffffn) : ipv6(value);
    case 'duration':
      return seconds(value);
    case 'enum': {
      const word = Object.entries(derived!.enum ?? {}).find(([, n]) => BigInt(n) === value)?.[0];
      if (word !== undefined) return word;
    }
  }
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value.toString();
}

/** Ports in the order of their names, as lists of them are sorted: their ids are of one snapshot alone. */
function elementsOf(column: Column, { elements }: DerivedValue, names: Names): (string | number)[] {
  const parts = elements.map((value) => element(column, value, names));
  return column.derived!.type === 'port' ? parts.sort((a, b) => (String(a) < String(b) ? -1 : 1)) : parts;
}

function derivedText(column: Column, value: DerivedValue, names: Names): string {
  const { partial } = value;
  const parts = elementsOf(column, value, names).map(String);
  return [...parts, ...(partial ? ['?'] : [])].join(',') || '-';
}

function derivedJson(column: Column, value: DerivedValue, names: Names): JsonCell {
  const { partial } = value;
  const parts = elementsOf(column, value, names);
  if (!column.derived!.set) return parts[0] ?? null;
  if (!partial) return parts;
  return parts.length === 0 ? null : [...parts, null];
}

export function formatCell(column: Column, cell: Cell, names: Names): string {
  if (cell === null || isNameless(column, cell, names)) return '?';
  if (cell.mask === 0n) return '*';
  if (column.derived) return derivedText(column, names.derived(column, Number(cell.value)), names);
  if (column.field.unit === 'ms') return seconds(cell.value);
  return words(column, cell, names) ?? numberText(column, cell);
}

export function jsonCell(column: Column, cell: Cell, names: Names): JsonCell {
  if (cell === null || cell.mask === 0n || isNameless(column, cell, names)) return null;
  if (column.derived) return derivedJson(column, names.derived(column, Number(cell.value)), names);
  if (column.field.unit === 'ms' && cell.value === allOnes(64)) return 'never';
  const text = words(column, cell, names);
  if (text !== undefined) return text;
  return cell.value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(cell.value) : cell.value.toString();
}
