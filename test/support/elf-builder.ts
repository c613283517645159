/** Writes ELF objects that no compiler writes: for tests of what a loader must refuse, or must not take long over. */

export interface BuiltSection {
  readonly name: string;
  readonly type: number;
  readonly flags?: number;
  readonly bytes?: Uint8Array;
  /** Of a section without bytes in the file (NOBITS). */
  readonly size?: number;
  readonly link?: number;
  readonly info?: number;
  readonly align?: number;
  readonly entrySize?: number;
}

/** The file: header, the sections in order after an empty first one, their names, the table. */
export function buildElf(sections: readonly BuiltSection[]): Uint8Array {
  const names = ['', ...sections.map((section) => section.name), '.names'];
  const nameOffsets: number[] = [];
  let namesText = '';
  for (const name of names) {
    nameOffsets.push(namesText.length);
    namesText += `${name}\0`;
  }
  const all: BuiltSection[] = [...sections, { name: '.names', type: 3, bytes: Buffer.from(namesText, 'latin1') }];
  const parts: Buffer[] = [];
  const table = Buffer.alloc(64 * (all.length + 1));
  let offset = 64;
  for (const [i, section] of all.entries()) {
    const bytes = Buffer.from(section.bytes ?? new Uint8Array());
    const at = 64 * (i + 1);
    table.writeUInt32LE(nameOffsets[i + 1]!, at);
    table.writeUInt32LE(section.type, at + 4);
    table.writeBigUInt64LE(BigInt(section.flags ?? 0), at + 8);
    table.writeBigUInt64LE(BigInt(offset), at + 24);
    table.writeBigUInt64LE(BigInt(section.size ?? bytes.length), at + 32);
    table.writeUInt32LE(section.link ?? 0, at + 40);
    table.writeUInt32LE(section.info ?? 0, at + 44);
    table.writeBigUInt64LE(BigInt(section.align ?? 1), at + 48);
    table.writeBigUInt64LE(BigInt(section.entrySize ?? 0), at + 56);
    parts.push(bytes);
    offset += bytes.length;
  }
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(247, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(offset), 40);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(all.length + 1, 60);
  header.writeUInt16LE(all.length, 62);
  return Buffer.concat([header, ...parts, table]);
}

/** A symbol table's bytes: the empty first symbol, then these. */
export function symbols(
  list: readonly { name: number; info: number; section: number; value?: number; size?: number }[],
): Uint8Array {
  const bytes = Buffer.alloc(24 * (list.length + 1));
  for (const [i, { name, info, section, value = 0, size = 0 }] of list.entries()) {
    const at = 24 * (i + 1);
    bytes.writeUInt32LE(name, at);
    bytes.writeUInt8(info, at + 4);
    bytes.writeUInt16LE(section, at + 6);
    bytes.writeBigUInt64LE(BigInt(value), at + 8);
    bytes.writeBigUInt64LE(BigInt(size), at + 16);
  }
  return bytes;
}
