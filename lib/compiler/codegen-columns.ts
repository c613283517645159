/**
 * Code that reads a column of the current row. Registers, in all generated code:
 *
 *   r0..r4  scratch                      r6  the row's record (or the group's entry)
 *   r5      soft flags of a filter       r7  its match
 *   r8      position in the loop         r9  where the loop ends
 */
import type { TableSchema } from '../table-schema.js';
import type { Assembler, Label, Register, Width } from './assembler.js';
import { type Column, partMask } from './columns.js';
import { ones } from './cubes.js';
import { derivedRanks } from './derived.js';
import { type Dictionaries, ranks } from './dictionaries.js';
import { ENTRY } from './group-keys.js';
import { type Memory, segmentAddress } from './memory.js';

export interface Emit {
  readonly asm: Assembler;
  readonly memory: Memory;
  readonly schema: TableSchema;
  readonly dictionaries: Dictionaries;
  /** Where table_open put struct cti_table. */
  readonly table: number;
}

/** A place a load can name: base register and offset. */
export interface Place {
  readonly base: Register;
  readonly offset: number;
}

/** An 8-byte (or smaller) part of a field. */
export interface Word {
  readonly width: Width;
  /** Bytes from the start of the field. */
  readonly at: number;
  /** The bits of a field's value that are in this word, as a load sees them. */
  bits(value: bigint): bigint;
}

const swap64 = (value: bigint): bigint => {
  let swapped = 0n;
  for (let i = 0n; i < 64n; i += 8n) swapped = (swapped << 8n) | ((value >> i) & 0xffn);
  return swapped;
};

/** 128 bits lie in wire order, so their constants are swapped, not what is loaded. */
export function wordsOf(column: Column): readonly Word[] {
  if (column.size !== 16) return [{ width: column.size, at: 0, bits: (value) => value }];
  return [
    { width: 8, at: 0, bits: (value) => swap64(value >> 64n) },
    { width: 8, at: 8, bits: (value) => swap64(value & ones(64)) },
  ];
}

/** Loads the address of a segment of the table into `dst`. */
export function loadSegment({ asm, schema, table }: Emit, dst: Register, segment: string): void {
  asm.constant(dst, BigInt(table + segmentAddress(schema.segments.findIndex(({ name }) => name === segment))));
  asm.load(8, dst, dst, 0);
}

/**
 * Where the column's field lies. For a some-rows segment this emits the way there, into r4 (r3 is lost), and jumps to `absent`
 * where the row has no record: then key and mask are 0.
 */
export function placeOf(emit: Emit, column: Column, absent: Label): Place {
  const { asm } = emit;
  if (!column.via)
    return {
      base: column.base === emit.schema.segments[0]!.name || column.base === ENTRY ? 6 : 7,
      offset: column.offset,
    };
  const { offset, stride } = column.via;
  asm.load(4, 4, 6, offset);
  asm.jumpConstant('eq', 4, 0n, absent, 3);
  asm.aluConstant('mul', 4, BigInt(stride), 3);
  loadSegment(emit, 3, column.base);
  asm.alu('add', 4, 3);
  // The record number counts from one.
  return { base: 4, offset: column.offset - stride };
}

/** Jumps to `unknown` where the row has no value for the column. Loses r1. */
export function testKnown({ asm }: Emit, column: Column, unknown: Label): void {
  if (!column.known) return;
  asm.load(column.known.size, 1, 6, column.known.offset);
  asm.aluConstant('and', 1, column.known.bit, 2);
  asm.jumpConstant('eq', 1, 0n, unknown, 2);
}

/** Ranks of dictionary entries, for a column whose value is an id: by name, by number, by text. */
function rankTable(dictionaries: Dictionaries, column: Column): Uint32Array | undefined {
  const { ports, datapaths, actions, texts } = dictionaries;
  switch (column.kind) {
    case 'port':
      return ranks(ports.map(({ name }) => name));
    case 'port-number':
      return ranks(ports.map(({ number }) => number));
    case 'datapath':
      return ranks(datapaths);
    case 'text':
      return ranks(texts);
    case 'actions':
      return ranks(Array.from({ length: actions.size }, (_, id) => actions.text(id)));
    case 'derived':
      return derivedRanks(dictionaries, column.derived!);
    default:
      return undefined;
  }
}

/** dst = the index of a derived column's row in its ids (or, in a group, values). Loses r3; dst is another than r3. */
export function loadIndex(emit: Emit, column: Column, dst: Register): void {
  const { asm, schema } = emit;
  const rows = schema.segments[0]!;
  if (column.derived?.index !== 'row') {
    asm.load(column.size as Width, dst, 6, column.offset);
    return;
  }
  // The row's number, from where its record lies.
  loadSegment(emit, 3, rows.name);
  asm.mov(dst, 6);
  asm.alu('sub', dst, 3);
  asm.aluConstant('div', dst, BigInt(rows.stride), 3);
}

/**
 * r2 = a number that orders rows by the column (64 bits at most); to `absent` where the row has no value: it is not known, the
 * flow does not look at the field, or cannot have it. `requires` emits the test of the latter. Loses r0..r4.
 */
export function loadOrder(emit: Emit, column: Column, absent: Label, requires: (absent: Label) => void): void {
  const { asm } = emit;
  testKnown(emit, column, absent);
  requires(absent);
  const { base, offset } = placeOf(emit, column, absent);
  const width = column.size as Width;
  const part = partMask(column);
  if (column.maskAt !== undefined) {
    asm.load(width, 1, base, offset + column.maskAt);
    if (part !== ones(column.size * 8)) asm.aluConstant('and', 1, part, 3);
    asm.jumpConstant('eq', 1, 0n, absent, 3);
  }
  if (column.derived) loadIndex(emit, column, 2);
  else asm.load(width, 2, base, offset);
  if (column.maskAt !== undefined) asm.alu('and', 2, 1);
  const table = rankTable(emit.dictionaries, column);
  if (table) {
    asm.aluConstant('lsh', 2, 2n, 3);
    asm.aluConstant('add', 2, BigInt(emit.memory.rodata(table)), 3);
    asm.load(4, 2, 2, 0);
    asm.jumpConstant('eq', 2, 0n, absent, 3);
  } else if (column.signed) asm.aluConstant('xor', 2, 1n << BigInt(column.width - 1), 3);
}

/**
 * r2 = the column's value (64 bits at most, a part of a field moved down); to `absent` where the row has not one: it is not known, the flow
 * does not match all of its bits, or cannot have it. Loses r0..r4.
 */
export function loadValue(emit: Emit, column: Column, absent: Label, requires: (absent: Label) => void): void {
  const { asm } = emit;
  testKnown(emit, column, absent);
  requires(absent);
  const { base, offset } = placeOf(emit, column, absent);
  const width = column.size as Width;
  const part = partMask(column);
  const isPart = part !== ones(width * 8);
  if (column.maskAt !== undefined) {
    asm.load(width, 1, base, offset + column.maskAt);
    if (isPart) asm.aluConstant('and', 1, part, 3, width * 8);
    asm.jumpConstant('ne', 1, part, absent, 3, width * 8);
  }
  asm.load(width, 2, base, offset);
  if (isPart) asm.aluConstant('and', 2, part, 3, width * 8);
  if (column.shift > 0) asm.aluConstant('rsh', 2, BigInt(column.shift), 3);
}

/** To `absent` where the row says nothing of the column: it is not known, the flow looks at none of its bits, or cannot have it. Loses r0..r4. */
export function testLooks(emit: Emit, column: Column, absent: Label, requires: (absent: Label) => void): void {
  const { asm } = emit;
  testKnown(emit, column, absent);
  requires(absent);
  if (column.maskAt === undefined) return;
  const { base, offset } = placeOf(emit, column, absent);
  const looks = asm.label();
  for (const word of wordsOf(column)) {
    const part = word.bits(partMask(column));
    if (part === 0n) continue;
    asm.load(word.width, 1, base, offset + column.maskAt + word.at);
    if (part !== ones(word.width * 8)) asm.aluConstant('and', 1, part, 2, word.width * 8);
    asm.jumpConstant('ne', 1, 0n, looks, 2);
  }
  asm.goto(absent);
  asm.bind(looks);
}

/** Stores the column's words of a group key (groups.ts) at r5 + `at`. Loses r0..r4. */
export function storeKey(emit: Emit, column: Column, at: number, requires: (absent: Label) => void): void {
  const { asm } = emit;
  if (column.derived) {
    storeDerived(emit, column, at);
    return;
  }
  const words = wordsOf(column);
  const total = words.length * (column.maskAt === undefined ? 1 : 2) + (column.known ? 1 : 0);
  const absent = asm.label();
  const done = asm.label();
  testKnown(emit, column, absent);
  requires(absent);
  const { base, offset } = placeOf(emit, column, absent);
  for (const [i, word] of words.entries()) {
    asm.load(word.width, 0, base, offset + word.at);
    if (column.maskAt !== undefined) {
      asm.load(word.width, 1, base, offset + column.maskAt + word.at);
      const part = word.bits(partMask(column));
      if (part !== ones(word.width * 8)) asm.aluConstant('and', 1, part, 2);
      asm.alu('and', 0, 1);
      asm.store(8, 5, at + 8 * (words.length + i), 1);
    }
    asm.store(8, 5, at + 8 * i, 0);
  }
  if (column.known) asm.storeConstant(8, 5, at + 8 * (total - 1), 1);
  asm.goto(done);
  asm.bind(absent);
  for (let i = 0; i < total; i++) asm.storeConstant(8, 5, at + 8 * i, 0);
  asm.bind(done);
}

/** A derived column's key is the number of its value: unknown and none are values too. Loses r0 and r3. */
function storeDerived(emit: Emit, column: Column, at: number): void {
  const { asm, memory, dictionaries } = emit;
  loadIndex(emit, column, 0);
  if (column.derived!.index !== 'value') {
    const { ids } = dictionaries.derived(column.derived!.name) ?? { ids: new Uint32Array() };
    asm.aluConstant('lsh', 0, 2n, 3);
    asm.aluConstant('add', 0, BigInt(memory.rodata(ids)), 3);
    asm.load(4, 0, 0, 0);
  }
  asm.store(8, 5, at, 0);
}
