/**
 * ELF object -> ObjectSpec: which sections take part in a program, and how their places are to be filled. Pure: no I/O,
 * no running system.
 */
import { readBtfLines } from './btf-lines.js';
import { readDwarfLines } from './dwarf-lines.js';
import { type Elf, type ElfSection, readElf, readRelocations, SHF, SHT } from './elf.js';
import type { LineSpec, ObjectSpec, Relocation, SectionKind, SectionSpec, SymbolSpec } from './spec.js';

/** R_BPF_* -> form and bytes changed. The types are LLVM's; binutils prints 2, 3, 4 and 10 under older names. */
const FORMS: Readonly<Record<number, { form: Relocation['form']; size: number; name: string }>> = {
  1: { form: 'lddw', size: 16, name: 'R_BPF_64_64' },
  2: { form: 'abs64', size: 8, name: 'R_BPF_64_ABS64' },
  3: { form: 'abs32', size: 4, name: 'R_BPF_64_ABS32' },
  4: { form: 'abs32', size: 4, name: 'R_BPF_64_NODYLD32' },
  10: { form: 'call', size: 8, name: 'R_BPF_64_32' },
};

/** Says which set of kernel functions an object is made for (include/ctinspector/upstream.h); not part of the program. */
const SET_SECTION = '.ctinspector.set';

function kindOf(section: ElfSection): SectionKind | undefined {
  if (!(section.flags & SHF.ALLOC) || section.name === SET_SECTION) return undefined;
  const { region, type } = section;
  if (section.flags & SHF.TLS) {
    throw region.refuse(0, 'section: expected no thread-local data, received some; a program has one thread');
  }
  if (type === SHT.INIT_ARRAY || type === SHT.INIT_ARRAY + 1) {
    throw region.refuse(0, 'section: expected no constructors or destructors, received some; nothing would call them');
  }
  if (type !== SHT.PROGBITS && type !== SHT.NOBITS && type !== SHT.NOTE) {
    throw region.refuse(0, `type of a loaded section: expected PROGBITS, NOBITS or NOTE, received ${type}`);
  }
  if (section.flags & SHF.COMPRESSED) throw region.refuse(0, 'section: expected plain bytes, received compressed ones');
  if (section.flags & SHF.EXECINSTR) {
    if (type === SHT.NOBITS || section.size % 8 !== 0) {
      throw region.refuse(
        0,
        `size of a code section: expected a multiple of 8 bytes in the file, received ${section.size}`,
      );
    }
    return 'code';
  }
  if (type === SHT.NOBITS) return 'bss';
  return section.flags & SHF.WRITE ? 'data' : 'rodata';
}

function relocationsOf(elf: Elf, target: ElfSection, kind: SectionKind, tables: readonly ElfSection[]): Relocation[] {
  const relocations = tables.flatMap((table) =>
    readRelocations(elf, table, target).map(({ offset, type, symbol }, index): Relocation => {
      const known = FORMS[type];
      const inCode = known?.form === 'lddw' || known?.form === 'call';
      if (!known || inCode !== (kind === 'code')) {
        const expected = kind === 'code' ? 'R_BPF_64_64 (1) or R_BPF_64_32 (10)' : 'R_BPF_64_ABS64 (2) or ABS32 (3, 4)';
        throw table.region.refuse(
          16 * index + 8,
          `type of a relocation of ${target.name}: expected ${expected}, received ${type}`,
        );
      }
      if (offset + known.size > target.region.size || (inCode && offset % 8 !== 0)) {
        throw table.region.refuse(
          16 * index,
          `offset of ${known.name}: expected ${known.size} bytes inside the ${target.region.size} of ${target.name}${inCode ? ', at a multiple of 8' : ''}, received ${offset}`,
        );
      }
      return { offset, form: known.form, symbol };
    }),
  );
  // One place filled twice would add twice.
  const ordered = [...relocations].sort((a, b) => a.offset - b.offset);
  for (let i = 1; i < ordered.length; i++) {
    const end =
      ordered[i - 1]!.offset + (ordered[i - 1]!.form === 'abs32' ? 4 : ordered[i - 1]!.form === 'lddw' ? 16 : 8);
    if (ordered[i]!.offset < end) {
      throw target.region.refuse(
        ordered[i]!.offset,
        'relocations: expected places that do not overlap, received two here',
      );
    }
  }
  return ordered;
}

/** ELF index of a code section -> its lines. BTF is asked first: it has less to go wrong in. */
function linesOf(elf: Elf, code: readonly ElfSection[]): ReadonlyMap<number, readonly LineSpec[]> {
  const section = (name: string) =>
    elf.sections.find((s) => s.name === name && s.type === SHT.PROGBITS && !(s.flags & SHF.COMPRESSED));
  const btf = section('.BTF');
  const ext = section('.BTF.ext');
  if (btf && ext) {
    // BTF goes by the sections' names; of two with one name (templates in C++) it cannot be said which is meant.
    const byName = new Map<string, ElfSection | 'several'>();
    for (const s of code) byName.set(s.name, byName.has(s.name) ? 'several' : s);
    const lines = new Map<number, LineSpec[]>();
    for (const [name, list] of readBtfLines(btf, ext, byName)) {
      const target = byName.get(name);
      if (typeof target === 'object') lines.set(target.index, list);
    }
    return lines;
  }
  const line = section('.debug_line');
  if (!line) return new Map();
  return readDwarfLines(elf, line, section('.debug_line_str'), section('.debug_str'));
}

/** One name, as a string of C. */
function kernelFunctionsOf(elf: Elf): { kernelFunctions?: string } {
  const section = elf.sections.find((s) => s.name === SET_SECTION && s.type === SHT.PROGBITS);
  if (!section) return {};
  const text = Buffer.from(section.region.bytes).toString('latin1');
  const name = /^([a-z]{1,32})\0$/.exec(text)?.[1];
  if (name !== undefined) return { kernelFunctions: name };
  throw section.region.refuse(
    0,
    `set of kernel functions: expected a name of small letters, ended by a zero, received ${JSON.stringify(text.slice(0, 40))}`,
  );
}

/** Reads an object file of clang's BPF target. `file` names it in messages. Throws CtiError OBJECT_MALFORMED. */
export function loadObject(bytes: Uint8Array, file: string): ObjectSpec {
  const elf = readElf(bytes, file);
  const kinds = elf.sections.map(kindOf);
  const tables = new Map<number, ElfSection[]>();
  for (const section of elf.sections) {
    if (section.type !== SHT.REL && section.type !== SHT.RELA) continue;
    if (section.info >= elf.sections.length) {
      throw section.region.refuse(
        0,
        `section that the relocations change: expected below ${elf.sections.length}, received ${section.info}`,
      );
    }
    if (!kinds[section.info]) continue;
    if (section.type === SHT.RELA)
      throw section.region.refuse(0, 'relocations: expected REL, as the BPF target has, received RELA');
    const list = tables.get(section.info);
    if (list) list.push(section);
    else tables.set(section.info, [section]);
  }
  const lines = linesOf(
    elf,
    elf.sections.filter((section) => kinds[section.index] === 'code'),
  );
  const placed = new Map<number, number>();
  const sections: SectionSpec[] = [];
  for (const section of elf.sections) {
    const kind = kinds[section.index];
    if (!kind) continue;
    placed.set(section.index, sections.length);
    const { name, size, align, region } = section;
    const relocations = relocationsOf(elf, section, kind, tables.get(section.index) ?? []);
    sections.push({ name, kind, bytes: region.bytes, size, align, relocations, lines: lines.get(section.index) ?? [] });
  }
  const symbols = elf.symbols.map((symbol): SymbolSpec => {
    if (symbol.place !== 'section') return symbol;
    const section = placed.get(symbol.section);
    return section === undefined ? { ...symbol, place: 'outside', section: 0 } : { ...symbol, section };
  });
  return { file, sections, symbols, ...kernelFunctionsOf(elf) };
}
