/**
 * Writes the vectors whose expected values are computed: `npx tsx test/conformance/generate.ts`. The values come from the text of
 * RFC 9669, evaluated here on BigInts, never from running an engine. test/vm.test.ts fails if the files differ from this.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Width = 32 | 64;
const hex = (value: bigint, width = 64): string => `0x${BigInt.asUintN(width, value).toString(16)}`;
const u = (width: number, value: bigint): bigint => BigInt.asUintN(width, value);
const s = (width: number, value: bigint): bigint => BigInt.asIntN(width, value);

/** Around every edge of every width. */
const VALUES = [
  0n,
  1n,
  7n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0x1234_5678_9abc_def0n,
  0xfedc_ba98_7654_3280n,
];
const FEWER = [0n, 1n, 5n, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0001n, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn];
const IMMEDIATES = [0n, 1n, 3n, 33n, 0x7fff_ffffn, -1n, -0x8000_0000n];

type Binary = (a: bigint, b: bigint, width: Width) => bigint;
/** Operands come as unsigned numbers of the width; results are cut to it. */
const ALU: [name: string, operator: string, Binary][] = [
  ['add', '+=', (a, b) => a + b],
  ['sub', '-=', (a, b) => a - b],
  ['mul', '*=', (a, b) => a * b],
  ['div', '/=', (a, b) => (b === 0n ? 0n : a / b)],
  ['sdiv', 's/=', (a, b, w) => (b === 0n ? 0n : s(w, a) / s(w, b))],
  ['or', '|=', (a, b) => a | b],
  ['and', '&=', (a, b) => a & b],
  ['lsh', '<<=', (a, b, w) => a << (b % BigInt(w))],
  ['rsh', '>>=', (a, b, w) => a >> (b % BigInt(w))],
  ['mod', '%=', (a, b) => (b === 0n ? a : a % b)],
  ['smod', 's%=', (a, b, w) => (b === 0n ? a : s(w, a) % s(w, b))],
  ['xor', '^=', (a, b) => a ^ b],
  ['mov', '=', (_, b) => b],
  ['arsh', 's>>=', (a, b, w) => s(w, a) >> (b % BigInt(w))],
];
const CONDITIONS: [name: string, operator: string, (a: bigint, b: bigint, width: Width) => boolean][] = [
  ['jeq', '==', (a, b) => a === b],
  ['jgt', '>', (a, b) => a > b],
  ['jge', '>=', (a, b) => a >= b],
  ['jset', '&', (a, b) => (a & b) !== 0n],
  ['jne', '!=', (a, b) => a !== b],
  ['jsgt', 's>', (a, b, w) => s(w, a) > s(w, b)],
  ['jsge', 's>=', (a, b, w) => s(w, a) >= s(w, b)],
  ['jlt', '<', (a, b) => a < b],
  ['jle', '<=', (a, b) => a <= b],
  ['jslt', 's<', (a, b, w) => s(w, a) < s(w, b)],
  ['jsle', 's<=', (a, b, w) => s(w, a) <= s(w, b)],
];

const test = (name: string, program: string[], cases: string[], memory?: string): string =>
  [`test ${name}`, ...(memory ? [`memory ${memory}`] : []), ...program.map((line) => `  ${line}`), ...cases, ''].join(
    '\n',
  );
const both = (
  aValues: readonly bigint[],
  bValues: readonly bigint[],
  row: (a: bigint, b: bigint) => string,
): string[] => aValues.flatMap((a) => bValues.map((b) => row(a, b)));

function alu(width: Width): string {
  const p = width === 64 ? 'r' : 'w';
  const binary = ALU.flatMap(([name, operator, compute]) => {
    const result = (a: bigint, b: bigint) => hex(u(width, compute(u(width, a), u(width, b), width)));
    return [
      test(
        `${name}${width}_reg`,
        ['r3 = $a ll', 'r4 = $b ll', `${p}3 ${operator} ${p}4`, 'r0 = r3', 'exit'],
        both(VALUES, FEWER, (a, b) => `case a=${hex(a)} b=${hex(b)} : r0=${result(a, b)}`),
      ),
      test(
        `${name}${width}_imm`,
        ['r3 = $a ll', `${p}3 ${operator} $b`, 'r0 = r3', 'exit'],
        both(VALUES, IMMEDIATES, (a, b) => `case a=${hex(a)} b=${b} : r0=${result(a, b)}`),
      ),
      test(
        `${name}${width}_reg/same-register`,
        ['r3 = $a ll', `${p}3 ${operator} ${p}3`, 'r0 = r3', 'exit'],
        VALUES.map((a) => `case a=${hex(a)} : r0=${result(a, a)}`),
      ),
    ];
  });
  const negate = test(
    `neg${width}`,
    ['r3 = $a ll', `${p}3 = -${p}3`, 'r0 = r3', 'exit'],
    VALUES.map((a) => `case a=${hex(a)} : r0=${hex(u(width, -a))}`),
  );
  const extend = [8, 16, 32]
    .filter((from) => from < width)
    .map((from) =>
      test(
        `movsx${width}_${from}`,
        ['r3 = -1 ll', 'r4 = $a ll', `${p}3 = (s${from})${p}4`, 'r0 = r3', 'exit'],
        [...VALUES, 0x7fn, 0x80n, 0x7fffn, 0x8000n, 0xff7fn].map(
          (a) => `case a=${hex(a)} : r0=${hex(u(width, s(from, a)))}`,
        ),
      ),
    );
  return [...binary, negate, ...extend].join('\n');
}

function byteswap(): string {
  const reverse = (bits: number, value: bigint): bigint => {
    const digits = u(bits, value)
      .toString(16)
      .padStart(bits / 4, '0');
    return BigInt(`0x${digits.match(/../g)!.reverse().join('')}`);
  };
  const values = [...VALUES, 0x1122_3344_5566_7788n, 0x80ff_7f01_0203_0405n];
  return (['le', 'be', 'bswap'] as const)
    .flatMap((kind) =>
      [16, 32, 64].map((bits) =>
        test(
          `${kind}${bits}`,
          ['r3 = $a ll', `r3 = ${kind}${bits} r3`, 'r0 = r3', 'exit'],
          values.map((a) => `case a=${hex(a)} : r0=${hex(kind === 'le' ? u(bits, a) : reverse(bits, a))}`),
        ),
      ),
    )
    .join('\n');
}

function jumps(): string {
  return ([64, 32] as const)
    .flatMap((width) =>
      CONDITIONS.flatMap(([name, operator, holds]) => {
        const p = width === 64 ? 'r' : 'w';
        const result = (a: bigint, b: bigint) => (holds(u(width, a), u(width, b), width) ? '0x1' : '0x2');
        const rest = ['r0 = 2', 'exit', 'taken: r0 = 1', 'exit'];
        return [
          test(
            `${name}${width}_reg`,
            ['r3 = $a ll', 'r4 = $b ll', `if ${p}3 ${operator} ${p}4 goto taken`, ...rest],
            both(
              FEWER,
              VALUES.filter((_, i) => i % 2 === 0),
              (a, b) => `case a=${hex(a)} b=${hex(b)} : r0=${result(a, b)}`,
            ),
          ),
          test(
            `${name}${width}_imm`,
            ['r3 = $a ll', `if ${p}3 ${operator} $b goto taken`, ...rest],
            both(VALUES, IMMEDIATES, (a, b) => `case a=${hex(a)} b=${b} : r0=${result(a, b)}`),
          ),
        ];
      }),
    )
    .join('\n');
}

const MEMORY = '0102030405060708f1f2f3f4f5f6f7f880ff7f0055aa3399';
const bytesOf = (memory: string): number[] => memory.match(/../g)!.map((byte) => Number.parseInt(byte, 16));
const little = (bytes: readonly number[], at: number, size: number): bigint =>
  bytes.slice(at, at + size).reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n);
const stored = (memory: string, at: number, size: number, value: bigint): string => {
  const bytes = bytesOf(memory);
  for (let i = 0; i < size; i++) bytes[at + i] = Number((u(size * 8, value) >> BigInt(8 * i)) & 0xffn);
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
};
const signed = (n: number): string => (n < 0 ? `- ${-n}` : `+ ${n}`);

function memory(): string {
  const sizes: [suffix: string, size: number][] = [
    ['b', 1],
    ['h', 2],
    ['w', 4],
    ['dw', 8],
  ];
  const tests: string[] = [];
  for (const [suffix, size] of sizes) {
    const places = [0, 1, 7, 8, 15, 16].filter((at) => at + size <= 24);
    // The base lies 12 bytes in, so that offsets of both signs are used.
    const offset = (at: number) => signed(at - 12).replace(' ', '');
    for (const sign of size === 8 ? ['u'] : ['u', 's']) {
      tests.push(
        test(
          sign === 'u' ? `ldx${suffix}` : `ldxs${suffix}`,
          ['r3 = r1', 'r3 += 12', `r0 = *(${sign}${size * 8} *)(r3 $at)`, 'exit'],
          places.map((at) => {
            const value = little(bytesOf(MEMORY), at, size);
            return `case at=${offset(at)} : r0=${hex(sign === 's' ? s(size * 8, value) : value)}`;
          }),
          MEMORY,
        ),
      );
    }
    tests.push(
      test(
        `st${suffix}`,
        ['r3 = r1', 'r3 += 12', `*(u${size * 8} *)(r3 $at) = $b`, 'r0 = 7', 'exit'],
        both(
          places.map(BigInt),
          IMMEDIATES,
          (at, b) => `case at=${offset(Number(at))} b=${b} : r0=0x7 memory=${stored(MEMORY, Number(at), size, b)}`,
        ),
        MEMORY,
      ),
      test(
        `stx${suffix}`,
        ['r3 = r1', 'r3 += 12', 'r4 = $b ll', `*(u${size * 8} *)(r3 $at) = r4`, 'r0 = r4', 'exit'],
        both(
          places.map(BigInt),
          FEWER,
          (at, b) =>
            `case at=${offset(Number(at))} b=${hex(b)} : r0=${hex(b)} memory=${stored(MEMORY, Number(at), size, b)}`,
        ),
        MEMORY,
      ),
    );
  }
  return tests.join('\n');
}

function atomics(): string {
  const operations: [name: string, operator: string, (a: bigint, b: bigint) => bigint][] = [
    ['add', '+=', (a, b) => a + b],
    ['or', '|=', (a, b) => a | b],
    ['and', '&=', (a, b) => a & b],
    ['xor', '^=', (a, b) => a ^ b],
  ];
  const tests: string[] = [];
  for (const width of [32, 64] as const) {
    const size = width / 8;
    const p = width === 64 ? 'r' : 'w';
    const zeros = '00'.repeat(24);
    // The old value is stored at 8, between zeros that must stay.
    const start = ['r3 = r1', 'r5 = $a ll', `*(u${width} *)(r3 + 8) = r5`, 'r4 = $b ll'];
    const after = (value: bigint) => stored(zeros, 8, size, value);
    const values = (row: (a: bigint, b: bigint) => string) => both(FEWER, FEWER.slice(1), row);
    for (const [name, operator, compute] of operations) {
      tests.push(
        test(
          `atomic_${name}${width}`,
          [...start, `lock *(u${width} *)(r3 + 8) ${operator} ${p}4`, 'r0 = r4', 'exit'],
          values((a, b) => `case a=${hex(a)} b=${hex(b)} : r0=${hex(b)} memory=${after(compute(a, b))}`),
          zeros,
        ),
        test(
          `atomic_fetch_${name}${width}`,
          [...start, `${p}4 = atomic_fetch_${name}((u${width} *)(r3 + 8), ${p}4)`, 'r0 = r4', 'exit'],
          values((a, b) => `case a=${hex(a)} b=${hex(b)} : r0=${hex(u(width, a))} memory=${after(compute(a, b))}`),
          zeros,
        ),
      );
    }
    const suffix = width === 32 ? '32_32' : '_64';
    tests.push(
      test(
        `atomic_xchg${width}`,
        [...start, `${p}4 = xchg${suffix}(r3 + 8, ${p}4)`, 'r0 = r4', 'exit'],
        values((a, b) => `case a=${hex(a)} b=${hex(b)} : r0=${hex(u(width, a))} memory=${after(b)}`),
        zeros,
      ),
      test(
        `atomic_cmpxchg${width}`,
        [...start, 'r0 = $c ll', `${p}0 = cmpxchg${suffix}(r3 + 8, ${p}0, ${p}4)`, 'exit'],
        both(FEWER, FEWER, (a, c) => {
          const kept = u(width, a) !== u(width, c);
          return `case a=${hex(a)} b=0x1122334455667788 c=${hex(c)} : r0=${hex(u(width, a))} memory=${after(kept ? a : 0x1122334455667788n)}`;
        }),
        zeros,
      ),
    );
  }
  return tests.join('\n');
}

const HEAD = '# Written by test/conformance/generate.ts. test/support/vectors.ts explains the form.\n\n';

/** File name -> text. */
export function generate(): Map<string, string> {
  return new Map(
    Object.entries({
      'alu64.txt': alu(64),
      'alu32.txt': alu(32),
      'byteswap.txt': byteswap(),
      'jumps.txt': jumps(),
      'memory.txt': memory(),
      'atomics.txt': atomics(),
    }).map(([name, text]) => [name, HEAD + text]),
  );
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, text] of generate()) writeFileSync(join(import.meta.dirname, name), text);
}
