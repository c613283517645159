/**
 * Source lines from .BTF (for its strings) and .BTF.ext: kernel documentation, bpf/btf.rst, sections 3 and 4. Offsets
 * in .BTF.ext are from the start of the code section; what .rel.BTF.ext adds is the section's address, which is 0 in
 * an object file.
 */
import type { ElfSection } from './elf.js';
import { hex, type Region } from './region.js';
import type { LineSpec } from './spec.js';

const MAGIC = 0xeb9f;
const LINE_INFO_SIZE = 16;
/** As many as an object can have sections; source files far fewer. */
const MAX_LISTS = 65_536;
const MAX_FILES = 4096;

function header(section: ElfSection, minimum: number): number {
  const { region } = section;
  const magic = region.u16(0, 'BTF magic number');
  if (magic !== MAGIC) throw region.refuse(0, `BTF magic number: expected ${hex(MAGIC)}, received ${hex(magic)}`);
  const version = region.u8(2, 'BTF version');
  if (version !== 1) throw region.refuse(2, `BTF version: expected 1, received ${version}`);
  const size = region.u32(4, 'size of the BTF header');
  if (size < minimum || size > region.size) {
    throw region.refuse(4, `size of the BTF header: expected ${minimum} to ${region.size}, received ${size}`);
  }
  return size;
}

function strings(btf: ElfSection): Region {
  const size = header(btf, 24);
  const offset = size + btf.region.u32(16, 'offset of the strings');
  return btf.region.slice(offset, btf.region.u32(20, 'size of the strings'), `${btf.region.part}, strings`);
}

/**
 * Name of a code section -> its lines, ascending. `code` has the code sections by name; lines of names that several
 * have are left out.
 */
export function readBtfLines(
  btf: ElfSection,
  ext: ElfSection,
  code: ReadonlyMap<string, ElfSection | 'several'>,
): Map<string, LineSpec[]> {
  const names = strings(btf);
  const headerSize = header(ext, 24);
  const coreSize = headerSize >= 32 ? ext.region.u32(28, 'size of the CO-RE relocations') : 0;
  if (coreSize > 4) {
    throw ext.region.refuse(
      28,
      'CO-RE relocations: expected none (they are for structures of the Linux kernel), received some; leave out preserve_access_index',
    );
  }
  const offset = headerSize + ext.region.u32(16, 'offset of the line information');
  const info = ext.region.slice(
    offset,
    ext.region.u32(20, 'size of the line information'),
    `${ext.region.part}, lines`,
  );
  const lines = new Map<string, LineSpec[]>();
  if (info.size === 0) return lines;
  const recordSize = info.u32(0, 'size of a line record');
  if (recordSize < LINE_INFO_SIZE || recordSize > 256) {
    throw info.refuse(0, `size of a line record: expected ${LINE_INFO_SIZE} to 256, received ${recordSize}`);
  }
  const files = new Map<number, string>();
  const fileName = (at: number): string => {
    const known = files.get(at);
    if (known !== undefined) return known;
    if (files.size >= MAX_FILES)
      throw info.refuse(0, `line information: expected at most ${MAX_FILES} source files, received more`);
    const name = names.string(at, 'source file name');
    files.set(at, name);
    return name;
  };
  let nLists = 0;
  for (let at = 4; at < info.size; ) {
    if (nLists++ >= MAX_LISTS)
      throw info.refuse(at, `line information: expected at most ${MAX_LISTS} sections, received more`);
    const section = names.string(info.u32(at, 'section of lines'), 'section name');
    const count = info.u32(at + 4, 'number of lines');
    const target = code.get(section);
    if (target === undefined) throw info.refuse(at, `section of lines: expected a code section, received '${section}'`);
    info.check(at + 8, count * recordSize, `lines of section ${section}`);
    if (target === 'several') {
      at += 8 + count * recordSize;
      continue;
    }
    const list = lines.get(section) ?? [];
    lines.set(section, list);
    for (let record = at + 8; record < at + 8 + count * recordSize; record += recordSize) {
      const instruction = info.u32(record, 'line record');
      if (instruction % 8 !== 0 || instruction >= target.size) {
        throw info.refuse(
          record,
          `instruction of a line: expected a multiple of 8 below ${target.size}, received ${instruction}`,
        );
      }
      const position = info.u32(record + 12, 'line record');
      list.push({
        offset: instruction,
        file: fileName(info.u32(record + 4, 'line record')),
        line: position >>> 10,
        column: position & 0x3ff,
      });
    }
    at += 8 + count * recordSize;
  }
  for (const list of lines.values()) list.sort((a, b) => a.offset - b.offset);
  return lines;
}
