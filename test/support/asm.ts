/**
 * An assembler for tests: the text that `Program.disassemble` prints, with labels and decimal numbers besides. Written from RFC 9669,
 * not from native/isa, so that an error in either shows.
 *
 *     loop:  r1 += -1          w1 s>>= w2             r0 = 0x1122334455667788 ll     r1 = code NAME ll
 *            r2 = (s8)r1       r3 = be16 r3           r0 = *(u8 *)(r1 + 2)           *(u64 *)(r10 - 8) = r1
 *            lock *(u64 *)(r1 + 0) += r2              r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)
 *            w2 = xchg32_32(r1 + 0, w2)               r0 = cmpxchg_64(r1 + 0, r0, r2)
 *            if r1 s> 5 goto loop                     goto +3    gotol loop    call 5    call NAME    call import 0    callx r1    exit
 *            .slot b7 01 00 00 05 00 00 00            eight bytes as they are
 */
export interface Fields {
  code: number;
  dst?: number;
  src?: number;
  offset?: number;
  imm?: number;
}

const ALU: Record<string, [code: number, offset: number]> = {
  '+=': [0x00, 0],
  '-=': [0x10, 0],
  '*=': [0x20, 0],
  '/=': [0x30, 0],
  's/=': [0x30, 1],
  '|=': [0x40, 0],
  '&=': [0x50, 0],
  '<<=': [0x60, 0],
  '>>=': [0x70, 0],
  '%=': [0x90, 0],
  's%=': [0x90, 1],
  '^=': [0xa0, 0],
  '=': [0xb0, 0],
  's>>=': [0xc0, 0],
};
const CONDITIONS: Record<string, number> = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  's>': 0x60,
  's>=': 0x70,
  '<': 0xa0,
  '<=': 0xb0,
  's<': 0xc0,
  's<=': 0xd0,
};
const SIZES: Record<string, number> = { '32': 0x00, '16': 0x08, '8': 0x10, '64': 0x18 };
const ATOMIC_OPERATORS: Record<string, number> = { '+=': 0x00, '|=': 0x40, '&=': 0x50, '^=': 0xa0 };
const ATOMIC_NAMES: Record<string, number> = { add: 0x01, or: 0x41, and: 0x51, xor: 0xa1 };
const SWAPS: Record<string, number> = { le: 0xd4, be: 0xdc, bswap: 0xd7 };

/** One instruction slot. Values are not checked: tests also make what must be refused. */
export function slot({ code, dst = 0, src = 0, offset = 0, imm = 0 }: Fields): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, code);
  view.setUint8(1, (src << 4) | dst);
  view.setInt16(2, offset, true);
  view.setInt32(4, imm, true);
  return bytes;
}

type Line = { text: string; pc: number; words: RegExpMatchArray };
type Emit = (line: Line, target: (name: string) => number) => Fields[];

const number = (text: string): number =>
  Number(text.replaceAll(' ', '').replace(/^([+-]?)(-?)(.*)$/, '$3')) * (text.includes('-') ? -1 : 1);
const register = (text: string): number => Number(text.slice(1));
const isWide = (text: string): boolean => text.startsWith('r');
/** An offset that may be missing: "", "+ 0x8", "- 8". */
const displacement = (text: string | undefined): number => (text ? number(text) : 0);

const REG = '([rw]\\d+)';
const NUM = '(-?(?:0x[0-9a-f]+|\\d+))';
const ADDRESS = '\\((r\\d+)(?: ([+-] ?(?:0x[0-9a-f]+|\\d+)))?\\)';
const INNER = '(r\\d+)(?: ([+-] ?(?:0x[0-9a-f]+|\\d+)))?';
const TARGET = '([+-](?:0x[0-9a-f]+|\\d+)|[a-z_]\\w*)';

const rule = (pattern: string, nSlots: number, emit: Emit) => ({ pattern: new RegExp(`^${pattern}$`), nSlots, emit });

const RULES = [
  rule('exit', 1, () => [{ code: 0x95 }]),
  rule(`call import ${NUM}`, 1, ({ words }) => [{ code: 0x85, src: 2, imm: number(words[1]!) }]),
  rule('call (0x[0-9a-f]+|\\d+)', 1, ({ words }) => [{ code: 0x85, imm: number(words[1]!) }]),
  rule(`call ${TARGET}`, 1, ({ words }, target) => [{ code: 0x85, src: 1, imm: target(words[1]!) }]),
  rule(`callx ${REG}`, 1, ({ words }) => [{ code: 0x8d, dst: register(words[1]!) }]),
  rule(`goto ${TARGET}`, 1, ({ words }, target) => [{ code: 0x05, offset: target(words[1]!) }]),
  rule(`gotol ${TARGET}`, 1, ({ words }, target) => [{ code: 0x06, imm: target(words[1]!) }]),
  rule(`if ${REG} (\\S+) (?:${REG}|${NUM}) goto ${TARGET}`, 1, ({ words, text }, target) => {
    const [, left, operator, right, imm, to] = words;
    const condition = CONDITIONS[operator!];
    if (condition === undefined) throw new Error(`unknown condition ${operator} in: ${text}`);
    const base = { code: (isWide(left!) ? 0x05 : 0x06) | condition, dst: register(left!), offset: target(to!) };
    return [right ? { ...base, code: base.code | 8, src: register(right) } : { ...base, imm: number(imm!) }];
  }),
  rule(`(r\\d+) = (0x[0-9a-f]+|-?\\d+) ll`, 2, ({ words }) => {
    const value = BigInt.asUintN(64, BigInt(words[2]!));
    const low = Number(BigInt.asIntN(32, value));
    return [
      { code: 0x18, dst: register(words[1]!), imm: low },
      { code: 0, imm: Number(BigInt.asIntN(32, value >> 32n)) },
    ];
  }),
  rule(`(r\\d+) = code ${TARGET} ll`, 2, ({ words }, target) => [
    { code: 0x18, dst: register(words[1]!), src: 4, imm: target(words[2]!) },
    { code: 0 },
  ]),
  rule(`${REG} = -${REG}`, 1, ({ words }) => [{ code: isWide(words[1]!) ? 0x87 : 0x84, dst: register(words[1]!) }]),
  rule(`(r\\d+) = (le|be|bswap)(16|32|64) r\\d+`, 1, ({ words }) => [
    { code: SWAPS[words[2]!]!, dst: register(words[1]!), imm: Number(words[3]) },
  ]),
  rule(`${REG} = \\(s(8|16|32)\\)${REG}`, 1, ({ words }) => [
    {
      code: isWide(words[1]!) ? 0xbf : 0xbc,
      dst: register(words[1]!),
      src: register(words[3]!),
      offset: Number(words[2]),
    },
  ]),
  rule(`(r\\d+) = \\*\\(([us])(8|16|32|64) \\*\\)${ADDRESS}`, 1, ({ words }) => [
    {
      code: (words[2] === 's' ? 0x81 : 0x61) | SIZES[words[3]!]!,
      dst: register(words[1]!),
      src: register(words[4]!),
      offset: displacement(words[5]),
    },
  ]),
  rule(`\\*\\(u(8|16|32|64) \\*\\)${ADDRESS} = (?:(r\\d+)|${NUM})`, 1, ({ words }) => {
    const base = { dst: register(words[2]!), offset: displacement(words[3]) };
    const size = SIZES[words[1]!]!;
    return [
      words[4]
        ? { ...base, code: 0x63 | size, src: register(words[4]) }
        : { ...base, code: 0x62 | size, imm: number(words[5]!) },
    ];
  }),
  rule(`lock \\*\\(u(32|64) \\*\\)${ADDRESS} (\\S+) ${REG}`, 1, ({ words }) => [
    {
      code: words[1] === '64' ? 0xdb : 0xc3,
      dst: register(words[2]!),
      offset: displacement(words[3]),
      src: register(words[5]!),
      imm: ATOMIC_OPERATORS[words[4]!]!,
    },
  ]),
  rule(`${REG} = atomic_fetch_(add|or|and|xor)\\(\\(u(32|64) \\*\\)${ADDRESS}, ${REG}\\)`, 1, ({ words }) => [
    {
      code: words[3] === '64' ? 0xdb : 0xc3,
      dst: register(words[4]!),
      offset: displacement(words[5]),
      src: register(words[6]!),
      imm: ATOMIC_NAMES[words[2]!]!,
    },
  ]),
  rule(`${REG} = xchg(32)?_(?:32|64)\\(${INNER}, ${REG}\\)`, 1, ({ words }) => [
    {
      code: words[2] ? 0xc3 : 0xdb,
      dst: register(words[3]!),
      offset: displacement(words[4]),
      src: register(words[5]!),
      imm: 0xe1,
    },
  ]),
  rule(`[rw]0 = cmpxchg(32)?_(?:32|64)\\(${INNER}, [rw]0, ${REG}\\)`, 1, ({ words }) => [
    {
      code: words[1] ? 0xc3 : 0xdb,
      dst: register(words[2]!),
      offset: displacement(words[3]),
      src: register(words[4]!),
      imm: 0xf1,
    },
  ]),
  rule(`${REG} (\\S+) (?:${REG}|${NUM})`, 1, ({ words, text }) => {
    const row = ALU[words[2]!];
    if (!row) throw new Error(`unknown operator ${words[2]} in: ${text}`);
    const base = { code: (isWide(words[1]!) ? 0x07 : 0x04) | row[0], dst: register(words[1]!), offset: row[1] };
    return [words[3] ? { ...base, code: base.code | 8, src: register(words[3]) } : { ...base, imm: number(words[4]!) }];
  }),
];

/** Assembles lines (or one text) into a program's bytes. Comments start with `#` or `;`. */
export function assemble(source: string | readonly string[]): Uint8Array {
  const labels = new Map<string, number>();
  const pending: { line: Line; emit: Emit | Uint8Array }[] = [];
  let pc = 0;
  for (const raw of typeof source === 'string' ? source.split('\n') : source) {
    let text = raw.replace(/[#;].*$/, '').trim();
    for (let label = /^([a-z_]\w*):\s*/.exec(text); label; label = /^([a-z_]\w*):\s*/.exec(text)) {
      labels.set(label[1]!, pc);
      text = text.slice(label[0].length);
    }
    if (text === '') continue;
    if (text.startsWith('.slot ')) {
      const bytes = Uint8Array.from(Buffer.from(text.slice(6).replaceAll(' ', ''), 'hex'));
      if (bytes.length !== 8) throw new Error(`.slot needs 8 bytes: ${raw}`);
      pending.push({ line: { text, pc, words: [''] }, emit: bytes });
      pc++;
      continue;
    }
    const found = RULES.map((candidate) => ({ candidate, words: candidate.pattern.exec(text) })).find((r) => r.words);
    if (!found) throw new Error(`cannot assemble: ${raw}`);
    pending.push({ line: { text, pc, words: found.words! }, emit: found.candidate.emit });
    pc += found.candidate.nSlots;
  }
  const parts = pending.flatMap(({ line, emit }) => {
    if (emit instanceof Uint8Array) return [emit];
    const target = (name: string): number => {
      if (/^[+-]/.test(name)) return number(name);
      const at = labels.get(name);
      if (at === undefined) throw new Error(`no label ${name}: ${line.text}`);
      return at - line.pc - 1;
    };
    return emit(line, target).map(slot);
  });
  return Uint8Array.from(Buffer.concat(parts));
}
