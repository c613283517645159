/**
 * Source lines from DWARF's .debug_line, versions 4 and 5 (DWARF 5, section 6.2), for objects without BTF. 32-bit
 * DWARF only, as clang writes it. A sequence starts with DW_LNE_set_address, whose relocation names the code section.
 */
import { type Elf, type ElfSection, readRelocations, SHT } from './elf.js';
import type { Region } from './region.js';
import type { LineSpec } from './spec.js';

/** Reads forward through a region. */
class Cursor {
  constructor(
    readonly region: Region,
    public at = 0,
  ) {}

  u8(what: string): number {
    return this.region.u8(this.at++, what);
  }

  u16(what: string): number {
    this.at += 2;
    return this.region.u16(this.at - 2, what);
  }

  u32(what: string): number {
    this.at += 4;
    return this.region.u32(this.at - 4, what);
  }

  string(what: string): string {
    const text = this.region.string(this.at, what);
    this.at = this.region.bytes.indexOf(0, this.at) + 1;
    return text;
  }

  skip(size: number, what: string): void {
    this.region.check(this.at, size, what);
    this.at += size;
  }

  /** LEB128; of a number over 32 bits the low 32. */
  leb(what: string, signed = false): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      if (shift > 63)
        throw this.region.refuse(
          this.at,
          `${what}: expected a LEB128 number of at most 10 bytes, received a longer one`,
        );
      const byte = this.u8(what);
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte & 0x80) continue;
      if (signed && byte & 0x40 && shift + 7 < 32) value |= -1 << (shift + 7);
      return signed ? value : value >>> 0;
    }
  }
}

interface Unit {
  readonly version: number;
  readonly minimumLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly operandCounts: readonly number[];
  /** By the number the program uses. */
  readonly files: string[];
}

interface Strings {
  readonly line: Region | undefined;
  readonly str: Region | undefined;
  /** How many more paths may be read: a few bytes each can name long ones. */
  pathsLeft: number;
}

const MAX_PATHS = 4096;

function countPath(cursor: Cursor, strings: Strings): void {
  if (strings.pathsLeft-- <= 0) {
    throw cursor.region.refuse(
      cursor.at,
      `line information: expected at most ${MAX_PATHS} directories and files, received more`,
    );
  }
}

const join = (dir: string | undefined, name: string): string =>
  name.startsWith('/') || !dir ? name : `${dir}/${name}`;

const FORM = {
  string: 0x08,
  udata: 0x0f,
  data16: 0x1e,
  line_strp: 0x1f,
  strp: 0x0e,
  data1: 0x0b,
  data2: 0x05,
} as const;
const CONTENT = { path: 1, directory: 2 } as const;

/** A version 5 list of directories or files: pairs (content, form), then entries. */
function entries(cursor: Cursor, strings: Strings): { path: string; directory: number }[] {
  const formats: { content: number; form: number }[] = [];
  for (let n = cursor.u8('number of formats'); n > 0; n--)
    formats.push({ content: cursor.leb('content'), form: cursor.leb('form') });
  const count = cursor.leb('number of entries');
  const list: { path: string; directory: number }[] = [];
  for (let i = 0; i < count; i++) {
    countPath(cursor, strings);
    const entry = { path: '', directory: 0 };
    for (const { content, form } of formats) {
      let value: string | number = 0;
      if (form === FORM.string) value = cursor.string('path');
      else if (form === FORM.line_strp || form === FORM.strp) {
        const from = form === FORM.strp ? strings.str : strings.line;
        const offset = cursor.u32('offset of a path');
        if (!from) throw cursor.region.refuse(cursor.at - 4, 'path: expected a string section, received none');
        value = from.string(offset, 'path');
      } else if (form === FORM.udata) value = cursor.leb('number');
      else if (form === FORM.data1) value = cursor.u8('number');
      else if (form === FORM.data2) value = cursor.u16('number');
      else if (form === FORM.data16) cursor.skip(16, 'checksum');
      else
        throw cursor.region.refuse(
          cursor.at,
          `form of an entry: expected one of DWARF 5's for paths, received ${form}`,
        );
      if (content === CONTENT.path) entry.path = String(value);
      if (content === CONTENT.directory) entry.directory = Number(value);
    }
    list.push(entry);
  }
  return list;
}

function readHeader(cursor: Cursor, version: number, strings: Strings): Unit {
  if (version >= 5) cursor.skip(2, 'address and segment size');
  const length = cursor.u32('length of the header');
  const programStart = cursor.at + length;
  cursor.region.check(cursor.at, length, 'header of line information');
  const minimumLength = cursor.u8('minimum instruction length');
  cursor.skip(2, 'maximum operations, default is_stmt');
  const lineBase = (cursor.u8('line base') << 24) >> 24;
  const lineRange = cursor.u8('line range');
  if (lineRange === 0) throw cursor.region.refuse(cursor.at - 1, 'line range: expected 1 to 255, received 0');
  const opcodeBase = cursor.u8('opcode base');
  const operandCounts = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) operandCounts.push(cursor.u8('operand count'));
  const files: string[] = [];
  if (version >= 5) {
    const directories = entries(cursor, strings).map((entry) => entry.path);
    for (const file of entries(cursor, strings)) {
      const directory = directories[file.directory];
      files.push(join(directory === undefined ? undefined : join(directories[0], directory), file.path));
    }
  } else {
    const directories = [''];
    while (cursor.region.u8(cursor.at, 'directory') !== 0) {
      countPath(cursor, strings);
      directories.push(cursor.string('directory'));
    }
    cursor.at++;
    files.push('');
    while (cursor.region.u8(cursor.at, 'file') !== 0) {
      countPath(cursor, strings);
      const name = cursor.string('file');
      files.push(join(directories[cursor.leb('directory of a file')], name));
      cursor.leb('time of a file');
      cursor.leb('length of a file');
    }
  }
  cursor.at = programStart;
  return { version, minimumLength, lineBase, lineRange, opcodeBase, operandCounts, files };
}

/** Runs one unit's program; `add` receives a line of the code section with the ELF index `section`. */
function runProgram(
  cursor: Cursor,
  unit: Unit,
  sectionAt: (offset: number) => number | undefined,
  add: (section: number, line: LineSpec) => void,
): void {
  const { region } = cursor;
  const start = () => ({ address: 0, file: 1, line: 1, column: 0 });
  let state = start();
  let section: number | undefined;
  const emit = () => {
    const file = unit.files[state.file];
    if (section !== undefined && file !== undefined)
      add(section, { offset: state.address, file, line: state.line, column: state.column });
  };
  const advance = (operations: number) => {
    state.address += unit.minimumLength * operations;
  };
  while (cursor.at < region.size) {
    const opcode = cursor.u8('opcode');
    if (opcode >= unit.opcodeBase) {
      const adjusted = opcode - unit.opcodeBase;
      advance(Math.floor(adjusted / unit.lineRange));
      state.line += unit.lineBase + (adjusted % unit.lineRange);
      emit();
    } else if (opcode === 0) {
      const size = cursor.leb('size of an extended opcode');
      const end = cursor.at + size;
      region.check(cursor.at, size, 'extended opcode');
      const extended = size === 0 ? 0 : cursor.u8('extended opcode');
      if (extended === 1) {
        state = start();
        section = undefined;
      } else if (extended === 2) {
        section = sectionAt(cursor.at);
        state.address = region.size64(cursor.at, 0xffff_ffff, 'address');
      }
      cursor.at = end;
    } else if (opcode === 1) emit();
    else if (opcode === 2) advance(cursor.leb('advance'));
    else if (opcode === 3) state.line += cursor.leb('advance', true);
    else if (opcode === 4) state.file = cursor.leb('file');
    else if (opcode === 5) state.column = cursor.leb('column');
    else if (opcode === 8) advance(Math.floor((255 - unit.opcodeBase) / unit.lineRange));
    else if (opcode === 9) state.address += cursor.u16('advance');
    else for (let n = unit.operandCounts[opcode] ?? 0; n > 0; n--) cursor.leb('operand');
  }
}

/** ELF index of a code section -> its lines, ascending. */
export function readDwarfLines(
  elf: Elf,
  section: ElfSection,
  lineStrings: ElfSection | undefined,
  debugStrings: ElfSection | undefined,
): Map<number, LineSpec[]> {
  const sectionOf = new Map<number, number>();
  for (const table of elf.sections) {
    if (table.type !== SHT.REL || table.info !== section.index) continue;
    for (const { offset, symbol } of readRelocations(elf, table, section)) {
      const target = elf.symbols[symbol]!;
      if (target.place === 'section') sectionOf.set(offset, target.section);
    }
  }
  // By offset: of several rows for one instruction the last counts.
  const lines = new Map<number, Map<number, LineSpec>>();
  const strings = { line: lineStrings?.region, str: debugStrings?.region, pathsLeft: MAX_PATHS };
  const whole = section.region;
  for (let at = 0; at < whole.size; ) {
    const length = whole.u32(at, 'length of a unit');
    if (length >= 0xffff_fff0) throw whole.refuse(at, 'length of a unit: expected 32-bit DWARF, received 64-bit');
    const unitStart = at + 4;
    const cursor = new Cursor(whole.slice(unitStart, length, `${whole.part}, unit at ${unitStart}`));
    at = unitStart + length;
    const version = cursor.u16('version');
    if (version < 4 || version > 5) continue; // lines are a help, not part of the program: an unknown version gives none
    const unit = readHeader(cursor, version, strings);
    runProgram(
      cursor,
      unit,
      (offset) => sectionOf.get(unitStart + offset),
      (index, line) => {
        const size = elf.sections[index]?.region.size ?? 0;
        if (line.offset % 8 !== 0 || line.offset >= size) return; // the end of a sequence
        const list = lines.get(index);
        if (list) list.set(line.offset, line);
        else lines.set(index, new Map([[line.offset, line]]));
      },
    );
  }
  return new Map(
    [...lines].map(([index, byOffset]) => [index, [...byOffset.values()].sort((a, b) => a.offset - b.offset)]),
  );
}
