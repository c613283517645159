/**
 * The ELF container: header, section table, symbol table, relocations; System V ABI chapter 4, and RFC 9669 with
 * LLVM's BPF relocation types (llvm/docs: "BPF relocation"). Pure: bytes in, tables out.
 */
import { malformed, Region } from './region.js';
import type { SymbolSpec } from './spec.js';

const MAX_OBJECT_SIZE = 32 * 1024 * 1024;

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;
const REL_SIZE = 16;

export const SHT = {
  PROGBITS: 1,
  SYMTAB: 2,
  STRTAB: 3,
  RELA: 4,
  NOTE: 7,
  NOBITS: 8,
  REL: 9,
  INIT_ARRAY: 14,
  SYMTAB_SHNDX: 18,
} as const;
export const SHF = { WRITE: 0x1, ALLOC: 0x2, EXECINSTR: 0x4, TLS: 0x400, COMPRESSED: 0x800 } as const;
const SHN = { UNDEF: 0, LORESERVE: 0xff00, ABS: 0xfff1, COMMON: 0xfff2 } as const;

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes; also of a NOBITS section, which has none in the file. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
  /** Empty for NOBITS. */
  readonly region: Region;
}

export interface ElfSymbol extends Omit<SymbolSpec, 'place' | 'section'> {
  readonly place: 'section' | 'undefined' | 'absolute' | 'common';
  /** ELF section index if place is section. */
  readonly section: number;
}

export interface ElfRelocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: number;
}

export interface Elf {
  readonly file: string;
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

function expect(region: Region, offset: number, what: string, received: number, expected: number, hint = ''): void {
  if (received !== expected) {
    throw region.refuse(offset, `${what}: expected ${expected}, received ${received}${hint}`);
  }
}

interface Header {
  readonly sectionTable: Region;
  readonly count: number;
  readonly namesIndex: number;
}

function readHeader(whole: Region): Header {
  const header = new Region(whole.file, 'the ELF header', whole.bytes.subarray(0, EHDR_SIZE));
  header.check(0, EHDR_SIZE, 'the header');
  const magic = header.u32(0, 'magic number');
  if (magic !== 0x464c457f) {
    throw header.refuse(
      0,
      `magic number: expected 7f 45 4c 46 (an ELF file), received ${magic.toString(16).padStart(8, '0')}`,
    );
  }
  expect(header, 4, 'class', header.u8(4, 'class'), 2, ' (only 64-bit objects hold eBPF)');
  expect(header, 5, 'byte order', header.u8(5, 'byte order'), 1, ' (2 is big-endian; compile with -target bpfel)');
  expect(header, 6, 'ELF version', header.u8(6, 'ELF version'), 1);
  expect(header, 16, 'file type', header.u16(16, 'file type'), 1, ' (1 is a relocatable object, what clang -c writes)');
  expect(header, 18, 'machine', header.u16(18, 'machine'), 247, ' (247 is BPF; compile with -target bpf)');
  expect(header, 58, 'size of a section header', header.u16(58, 'size of a section header'), SHDR_SIZE);
  const tableOffset = header.size64(40, whole.size, 'offset of the section table');
  const count = header.u16(60, 'number of sections');
  if (count === 0) throw header.refuse(60, 'number of sections: expected 1 to 65279, received 0');
  const namesIndex = header.u16(62, 'number of the section of names');
  if (namesIndex >= count) {
    throw header.refuse(62, `number of the section of names: expected below ${count}, received ${namesIndex}`);
  }
  return { sectionTable: whole.slice(tableOffset, count * SHDR_SIZE, 'the section table'), count, namesIndex };
}

function readSections(whole: Region, header: Header): ElfSection[] {
  const table = header.sectionTable;
  const nameOffsets: number[] = [];
  const unnamed: Omit<ElfSection, 'name'>[] = [];
  let total = 0;
  for (let index = 0; index < header.count; index++) {
    const at = index * SHDR_SIZE;
    const type = table.u32(at + 4, 'section type');
    const part = `section ${index}`;
    const inFile = type !== SHT.NOBITS && type !== 0;
    const size = type === 0 ? 0 : table.size64(at + 32, inFile ? whole.size : 0x1_0000_0000, `size of ${part}`);
    const offset = inFile ? table.size64(at + 24, whole.size, `offset of ${part}`) : 0;
    if (inFile) {
      if (offset + size > whole.size) {
        throw table.refuse(
          at + 32,
          `${part}: expected an end within the file's ${whole.size} bytes, received ${offset + size}`,
        );
      }
      total += size;
      // Sections that share bytes would let a small file ask for much work.
      if (total > whole.size) {
        throw table.refuse(
          at + 32,
          `${part}: expected sections that do not overlap, received ${total} bytes of them in a file of ${whole.size}`,
        );
      }
    }
    const align = type === 0 ? 1 : Math.max(1, table.size64(at + 48, 65536, `alignment of ${part}`));
    if ((align & (align - 1)) !== 0)
      throw table.refuse(at + 48, `alignment of ${part}: expected a power of two, received ${align}`);
    nameOffsets.push(table.u32(at, 'section name'));
    unnamed.push({
      index,
      type,
      flags: Number(table.u64(at + 8, 'section flags') & 0xffff_ffffn),
      size,
      link: table.u32(at + 40, 'section link'),
      info: table.u32(at + 44, 'section info'),
      align,
      entrySize: Number(table.u64(at + 56, 'entry size') & 0xffff_ffffn),
      region: new Region(whole.file, part, inFile ? whole.bytes.subarray(offset, offset + size) : new Uint8Array(0)),
    });
  }
  const names = unnamed[header.namesIndex]!.region;
  let nameBytes = 0;
  return unnamed.map((section) => {
    const name =
      section.index === 0 ? '' : names.string(nameOffsets[section.index]!, `name of section ${section.index}`);
    nameBytes = boundNames(whole, names, nameOffsets[section.index]!, nameBytes + name.length);
    return {
      ...section,
      name,
      region: new Region(whole.file, `section ${name || section.index}`, section.region.bytes),
    };
  });
}

/** Names may share their ends; many that share a long one would take memory out of proportion. */
function boundNames(whole: Region, names: Region, offset: number, total: number): number {
  if (total > 16 * whole.size)
    throw names.refuse(offset, `names: expected at most 16 times the file's size of them, received more`);
  return total;
}

const BINDINGS = ['local', 'global', 'weak'] as const;

function readSymbols(whole: Region, sections: readonly ElfSection[]): ElfSymbol[] {
  const tables = sections.filter((section) => section.type === SHT.SYMTAB);
  const table = tables[0];
  if (!table)
    throw malformed(
      whole.file,
      'the section table',
      0,
      'symbol table: expected one (.symtab), received none; do not strip objects',
    );
  if (tables.length > 1) throw tables[1]!.region.refuse(0, `symbol table: expected one, received ${tables.length}`);
  const { region } = table;
  if (region.size % SYM_SIZE !== 0) {
    throw region.refuse(0, `size of the symbol table: expected a multiple of ${SYM_SIZE}, received ${region.size}`);
  }
  const names = sections[table.link];
  if (names?.type !== SHT.STRTAB) {
    throw region.refuse(0, `section of the symbols' names: expected a string table, received section ${table.link}`);
  }
  const symbols: ElfSymbol[] = [];
  let nameBytes = 0;
  for (let at = 0; at < region.size; at += SYM_SIZE) {
    const nameOffset = region.u32(at, 'symbol name');
    const name = nameOffset === 0 ? '' : names.region.string(nameOffset, `name of symbol ${at / SYM_SIZE}`);
    nameBytes = boundNames(whole, names.region, nameOffset, nameBytes + name.length);
    const info = region.u8(at + 4, 'symbol info');
    const binding = BINDINGS[info >> 4];
    if (!binding) throw region.refuse(at + 4, `binding of symbol '${name}': expected 0 to 2, received ${info >> 4}`);
    const type = info & 15;
    const index = region.u16(at + 6, 'symbol section');
    const place =
      index === SHN.UNDEF ? 'undefined' : index === SHN.ABS ? 'absolute' : index === SHN.COMMON ? 'common' : 'section';
    if (place === 'section' && index >= sections.length) {
      throw region.refuse(at + 6, `section of symbol '${name}': expected below ${sections.length}, received ${index}`);
    }
    if (place === 'common' && (binding === 'local' || name === '')) {
      throw region.refuse(
        at + 6,
        `section of symbol '${name}': expected common only of global symbols with a name, received it`,
      );
    }
    symbols.push({
      name,
      binding,
      kind: type === 2 ? 'function' : type === 1 ? 'object' : type === 3 ? 'section' : 'other',
      place,
      section: place === 'section' ? index : 0,
      value: region.size64(at + 8, 0xffff_ffff, `value of symbol '${name}'`),
      size: region.size64(at + 16, 0xffff_ffff, `size of symbol '${name}'`),
    });
  }
  return symbols;
}

/** The whole container. `file` names it in messages. */
export function readElf(bytes: Uint8Array, file: string): Elf {
  const whole = new Region(file, 'the file', bytes);
  if (bytes.length > MAX_OBJECT_SIZE) {
    throw whole.refuse(0, `size: expected at most ${MAX_OBJECT_SIZE} bytes, received ${bytes.length}`);
  }
  const sections = readSections(whole, readHeader(whole));
  return { file, sections, symbols: readSymbols(whole, sections) };
}

/** The entries of a REL section, checked against the symbol table and the size of the section they change. */
export function readRelocations(elf: Elf, section: ElfSection, target: ElfSection): ElfRelocation[] {
  const { region } = section;
  if (region.size % REL_SIZE !== 0 || section.entrySize !== REL_SIZE) {
    throw region.refuse(
      0,
      `relocations: expected entries of ${REL_SIZE} bytes, received ${region.size} bytes of entries of ${section.entrySize}`,
    );
  }
  if (elf.sections[section.link]?.type !== SHT.SYMTAB) {
    throw region.refuse(
      0,
      `symbol table of the relocations: expected section .symtab, received section ${section.link}`,
    );
  }
  const relocations: ElfRelocation[] = [];
  for (let at = 0; at < region.size; at += REL_SIZE) {
    const symbol = region.u32(at + 12, 'relocation symbol');
    if (symbol >= elf.symbols.length) {
      throw region.refuse(at + 12, `symbol of a relocation: expected below ${elf.symbols.length}, received ${symbol}`);
    }
    relocations.push({
      offset: region.size64(at, target.size, `offset of a relocation of ${target.name}`),
      type: region.u32(at + 8, 'relocation type'),
      symbol,
    });
  }
  return relocations;
}
