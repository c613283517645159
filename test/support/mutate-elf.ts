/** Damages object files, the same way for the same seed. */

/** A small generator (mulberry32): reproducible, and good enough to choose bytes. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

const SHDR = 64;
/** Offset and bytes of the fields of a section header, a symbol, a relocation. */
const SECTION_FIELDS = [
  [0, 4],
  [4, 4],
  [8, 8],
  [16, 8],
  [24, 8],
  [32, 8],
  [40, 4],
  [44, 4],
  [48, 8],
  [56, 8],
] as const;
const HEADER_FIELDS = [
  [4, 1],
  [5, 1],
  [16, 2],
  [18, 2],
  [40, 8],
  [58, 2],
  [60, 2],
  [62, 2],
] as const;
const SYMBOL_FIELDS = [
  [0, 4],
  [4, 1],
  [6, 2],
  [8, 8],
  [16, 8],
] as const;
const RELOCATION_FIELDS = [
  [0, 8],
  [8, 4],
  [12, 4],
] as const;

const EDGES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xfff1n,
  0xfff2n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fff8n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_fff8n,
  0xffff_ffff_ffff_ffffn,
];

type Random = (below: number) => number;

function put(bytes: Uint8Array, at: number, size: number, value: bigint): void {
  for (let i = 0, rest = BigInt.asUintN(64, value); i < size && at + i < bytes.length; i++, rest >>= 8n)
    bytes[at + i] = Number(rest & 0xffn);
}

function get(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[at + i] ?? 0);
  return value;
}

/** Puts an edge value, or one near what was there or near the file's size, into a field. */
function damageField(bytes: Uint8Array, at: number, size: number, random: Random): void {
  const old = get(bytes, at, size);
  const choices = [
    EDGES[random(EDGES.length)]!,
    old + BigInt(random(17) - 8),
    BigInt(bytes.length + random(9) - 4),
    BigInt(random(bytes.length)),
  ];
  put(bytes, at, size, choices[random(choices.length)]!);
}

interface Table {
  readonly type: number;
  readonly at: number;
  readonly size: number;
}

/** The sections as the file has them, as far as they lie inside it. */
function sectionsOf(bytes: Uint8Array): { at: number; count: number; tables: Table[] } {
  const at = Number(get(bytes, 40, 8));
  const count = Number(get(bytes, 60, 2));
  const tables: Table[] = [];
  for (let i = 0; i < count; i++) {
    const header = at + i * SHDR;
    const table = {
      type: Number(get(bytes, header + 4, 4)),
      at: Number(get(bytes, header + 24, 8)),
      size: Number(get(bytes, header + 32, 8)),
    };
    if (table.at + table.size <= bytes.length && table.size > 0 && table.type !== 8) tables.push(table);
  }
  return { at, count, tables };
}

const pick = <T>(list: readonly T[], random: Random): T | undefined => list[random(list.length)];

/** An entry's field of a table of this type (2 symbols, 9 relocations). */
function damageEntry(
  bytes: Uint8Array,
  type: number,
  entry: number,
  fields: readonly (readonly [number, number])[],
  random: Random,
): void {
  const table = pick(
    sectionsOf(bytes).tables.filter((t) => t.type === type && t.size >= entry),
    random,
  );
  const field = pick(fields, random);
  if (table && field)
    damageField(bytes, table.at + entry * random(Math.floor(table.size / entry)) + field[0], field[1], random);
}

const OPERATIONS: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  (bytes, random) => {
    bytes[random(bytes.length)]! ^= 1 << random(8);
    return bytes;
  },
  (bytes, random) => {
    bytes[random(bytes.length)] = random(256);
    return bytes;
  },
  // Inside a section, so that what is small is hit as often as what is large.
  (bytes, random) => {
    const table = pick(sectionsOf(bytes).tables, random);
    if (table)
      bytes[table.at + random(table.size)] = pick(
        [0, 1, 0x18, 0x7f, 0x80, 0x85, 0x8d, 0x95, 0xff, random(256)],
        random,
      )!;
    return bytes;
  },
  (bytes, random) => bytes.slice(0, random(bytes.length)),
  (bytes, random) => {
    const field = pick(HEADER_FIELDS, random)!;
    damageField(bytes, field[0], field[1], random);
    return bytes;
  },
  (bytes, random) => {
    const { at, count } = sectionsOf(bytes);
    const field = pick(SECTION_FIELDS, random)!;
    if (count > 0) damageField(bytes, at + random(count) * SHDR + field[0], field[1], random);
    return bytes;
  },
  // Two section headers change places, or one is copied over another.
  (bytes, random) => {
    const { at, count } = sectionsOf(bytes);
    if (count === 0) return bytes;
    const [one, other] = [at + random(count) * SHDR, at + random(count) * SHDR];
    const [a, b] = [bytes.slice(one, one + SHDR), bytes.slice(other, other + SHDR)];
    if (Math.max(one, other) + SHDR > bytes.length) return bytes;
    bytes.set(a, other);
    if (random(2) === 0) bytes.set(b, one);
    return bytes;
  },
  (bytes, random) => {
    damageEntry(bytes, 2, 24, SYMBOL_FIELDS, random);
    return bytes;
  },
  (bytes, random) => {
    damageEntry(bytes, 9, 16, RELOCATION_FIELDS, random);
    return bytes;
  },
  // A 32-bit word anywhere: counts and sizes of BTF and DWARF.
  (bytes, random) => {
    damageField(bytes, random(Math.max(1, bytes.length - 4)), 4, random);
    return bytes;
  },
];

/** A copy of `original` with one to six damages. */
export function mutateElf(original: Uint8Array, seed: number): Uint8Array {
  const random = randomOf(seed);
  let bytes: Uint8Array = original.slice();
  for (let n = 1 + random(random(2) === 0 ? 1 : 6); n > 0 && bytes.length > 0; n--)
    bytes = pick(OPERATIONS, random)!(bytes, random);
  return bytes;
}
