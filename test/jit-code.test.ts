/** Machine code as bytes: the same as the golden file, and, read by objdump, without a memory operand that is not confined. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { slot } from './support/asm.js';
import { HAS_FSGSBASE } from './support/engines.js';
import {
  disassembleMachineCode,
  goldenCases,
  type Instruction,
  IS_GOLDEN_MACHINE,
  loadCode,
  machineCodeOf,
  vectorCases,
} from './support/machine-code.js';

t.setTimeout(180_000);
const root = resolve(import.meta.dirname, '..');

t.test('golden machine code', { skip: IS_GOLDEN_MACHINE ? false : 'no FSGSBASE or no BMI2' }, (t) => {
  const text = readFileSync(join(root, 'test', 'machine-code', 'x86_64.txt'), 'utf8');
  const golden = new Map(
    text
      .split(/^case /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part] as const),
  );
  const cases = goldenCases();
  t.same(
    [...golden.keys()],
    cases.map(({ name }) => name),
    'a case for every row of the opcode table',
  );
  for (const { name, program } of cases) {
    const part = golden.get(name) ?? '';
    t.ok(part.startsWith(`${name}\n${program.disassemble()}`), `${name}: the program is the same`);
    for (const addressing of ['gs', 'mask'] as const) {
      const [, expected] = new RegExp(`^${addressing} ([0-9a-f]+)$`, 'm').exec(part) ?? [];
      t.equal(machineCodeOf(program, addressing).toString('hex'), expected, `${name}, ${addressing}`);
    }
  }
  t.end();
});

/** All that compiled code may consist of, besides memory operands: nothing that changes a segment, the mode, or calls the system. */
const MNEMONICS = new RegExp(
  `^(?:lock |addr32 )*(?:${[
    'mov|movabs|movzx|movsx|movsxd|lea|xchg|cmov[a-z]+|push|pop',
    'add|sub|imul|mul|div|idiv|neg|and|or|xor|not|test|cmp|shl|shr|sar|shlx|shrx|sarx|ror|bswap|cdq|cqo',
    'j[a-z]+|call|ret|xadd|cmpxchg|nop|cs nop|data16 cs nop|xchg ax,ax',
  ].join('|')})\\b`,
);
const REG32 = '(?:e[a-ds][xip]|r(?:8|9|1[0-5])d)';
const GS = new RegExp(`^gs:\\[${REG32}(?:\\+${REG32}\\*[1248])?(?:[+-]0x[0-9a-f]+)?\\]$`);
/** Words of frames and of the activation (native/jit/activation.h), which is smaller than this. */
const ACTIVATION_SIZE = 2048;

/**
 * The memory operands of `code` that are none of the allowed forms. r10 and r11 are scratch: what they were last set to, in the order
 * of the code, decides what may be reached through them.
 */
function unconfined(code: readonly Instruction[], addressing: 'gs' | 'mask'): string[] {
  const wrong: string[] = [];
  let r10Is32Bit = false;
  let r11: 'other' | 'activation' | 'table' = 'other';
  for (const { at, text } of code) {
    const fail = (why: string) => wrong.push(`${at.toString(16)}: ${text}: ${why}`);
    if (!MNEMONICS.test(text)) fail('not an instruction that is emitted');
    const [, mnemonic = '', operands = ''] = /^(?:lock |addr32 )*(\S+)(?: (.*))?$/.exec(text) ?? [];
    const [operand] = /(?:[a-z]s:)?\[[^\]]*\]|[a-z]s:0x[0-9a-f]+/.exec(operands) ?? [];
    const target = operands.split(',')[0]!;
    const isNop = /nop/.test(text);
    if (operand && mnemonic !== 'lea' && !isNop) {
      const confined = addressing === 'gs' ? GS.test(operand) : operand === '[r12+r10*1]' && r10Is32Bit;
      const frame = /^\[rsp(?:[+-]0x([0-9a-f]+))?\]$/.exec(operand);
      const inFrame = frame !== null && Number.parseInt(frame[1] ?? '0', 16) < 64;
      const activation = /^\[r11\+0x([0-9a-f]+)\]$/.exec(operand);
      const inActivation =
        activation !== null && r11 === 'activation' && Number.parseInt(activation[1]!, 16) < ACTIVATION_SIZE;
      const inTable = operand === '[r11+r10*4]' && r11 === 'table' && mnemonic === 'movsxd';
      if (!confined && !inFrame && !inActivation && !inTable) fail('a memory operand of no allowed form');
    }
    if (/^(?:r12|r12d|r12w|r12b|[c-gs]s)$/.test(target) && !/^(?:test|cmp)$/.test(mnemonic)) fail('changes the base');
    const writes = !/^(?:test|cmp|j\w+|call|push)$/.test(mnemonic);
    if (writes && /^r10/.test(target)) r10Is32Bit = target === 'r10d';
    if (writes && /^r11/.test(target)) {
      r11 = text === 'mov r11,QWORD PTR [rsp]' ? 'activation' : /^lea r11,\[rip\+0x/.test(text) ? 'table' : 'other';
    }
  }
  return wrong;
}

/** Every instruction that accesses memory, with every pair of registers: [r + offset], and sums as compilers write them. */
function accessPrograms(): Uint8Array[] {
  const programs: Uint8Array[] = [];
  const sizes = [0x00, 0x08, 0x10, 0x18];
  const atomics = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
  for (let base = 0; base <= 10; base++) {
    for (let other = 0; other <= 9; other++) {
      const slots: Uint8Array[] = [];
      for (const offset of [0, 1, -1, 127, -128, 32767, -32768]) {
        for (const size of sizes) {
          slots.push(slot({ code: 0x61 | size, dst: other, src: base, offset }));
          if (size !== 0x18) slots.push(slot({ code: 0x81 | size, dst: other, src: base, offset }));
          slots.push(slot({ code: 0x62 | size, dst: base, offset, imm: -1 }));
          slots.push(slot({ code: 0x63 | size, dst: base, src: other, offset }));
        }
        for (const imm of atomics) {
          for (const code of [0xc3, 0xdb]) slots.push(slot({ code, dst: base, src: other, offset, imm }));
        }
        // t = base; t += other << 2 and t += k; then a load that replaces it, and one that does not.
        const t = (other + 1) % 10;
        slots.push(slot({ code: 0xbf, dst: t, src: other }), slot({ code: 0x67, dst: t, imm: 2 }));
        slots.push(slot({ code: 0x0f, dst: t, src: base }), slot({ code: 0x07, dst: t, imm: offset }));
        slots.push(
          slot({ code: 0x79, dst: (t + 1) % 10, src: t, offset }),
          slot({ code: 0x79, dst: t, src: t, offset }),
        );
        slots.push(slot({ code: 0xbf, dst: t, src: base }), slot({ code: 0x0f, dst: t, src: other }));
        slots.push(slot({ code: 0x69, dst: t, src: t, offset }));
      }
      slots.push(slot({ code: 0x95 }));
      programs.push(Buffer.concat(slots));
    }
  }
  return programs;
}

const ADDRESSINGS = HAS_FSGSBASE ? (['gs', 'mask'] as const) : (['mask'] as const);

t.test('every memory operand has the confined form', (t) => {
  const cases = [
    ...vectorCases(),
    ...accessPrograms().map((code, i) => ({ name: `access ${i}`, program: loadCode(code) })),
  ];
  for (const addressing of ADDRESSINGS) {
    let n = 0;
    const wrong: string[] = [];
    // One objdump for all. Each program ends in a jump and is a multiple of 64 away from the next, so that reading stays in step.
    const padded = cases.map(({ program }) => {
      const code = machineCodeOf(program, addressing);
      return Buffer.concat([code, Buffer.alloc(64 - (code.length % 64), 0x90)]);
    });
    const instructions = disassembleMachineCode(Buffer.concat(padded)).filter(({ text }) => text !== 'nop');
    let begin = 0;
    let i = 0;
    for (const [k, code] of padded.entries()) {
      const mine: Instruction[] = [];
      while (i < instructions.length && instructions[i]!.at < begin + code.length) mine.push(instructions[i++]!);
      n += mine.filter(({ text }) => /\[/.test(text)).length;
      wrong.push(...unconfined(mine, addressing).map((line) => `${cases[k]!.name}: ${line}`));
      begin += code.length;
    }
    t.same(wrong.slice(0, 10), [], addressing);
    t.ok(n > 10000, `${addressing}: ${n} operands`);
  }
  t.end();
});

t.test('the scan finds what it looks for', (t) => {
  const scan = (hex: string, addressing: 'gs' | 'mask') =>
    unconfined(disassembleMachineCode(Buffer.from(hex, 'hex')), addressing);
  const cases: [name: string, hex: string, addressing: 'gs' | 'mask', ok: boolean][] = [
    ['mov eax, gs:[edi+8]', '67658b4708', 'gs', true],
    ['mov eax, gs:[rdi+8]: 64 bits', '658b4708', 'gs', false],
    ['mov eax, [edi+8]: no gs', '678b4708', 'gs', false],
    ['mov eax, fs:[edi+8]', '67648b4708', 'gs', false],
    ['mov eax, [r12+r10] after a 32-bit lea', '448d5708438b0414', 'mask', true],
    ['mov eax, [r12+r10] after a 64-bit lea', '4c8d5708438b0414', 'mask', false],
    ['mov eax, [r12+r10*2]', '448d5708438b0454', 'mask', false],
    ['mov eax, [r12+rdi]', '418b043c', 'mask', false],
    ['mov eax, [rsp+8]', '8b442408', 'gs', true],
    ['mov eax, [rsp+0x7f8]', '8b8424f8070000', 'gs', false],
    ['mov r12, rax', '4989c4', 'mask', false],
    ['syscall', '0f05', 'gs', false],
    ['wrgsbase rax', 'f3480faed8', 'gs', false],
  ];
  for (const [name, hex, addressing, ok] of cases) t.equal(scan(hex, addressing).length === 0, ok, name);
  t.end();
});

t.test(
  'a short differential run replays by its seed',
  { skip: existsSync(join(root, '.build/native/native/tools/differential')) ? false : 'native tools are not built' },
  (t) => {
    const tool = join(root, '.build/native/native/tools/differential');
    const options = { encoding: 'utf8' as const, maxBuffer: 1 << 26 };
    const first = execFileSync(tool, ['--seed', '4711'], options);
    t.equal(execFileSync(tool, ['--seed', '4711'], options), first);
    t.match(first, /no difference\n$/);
    t.match(
      execFileSync(tool, ['--programs', '50', '--from', '4711'], options),
      /50 programs, seeds from 4711, \d+ stops compared, 0 differences/,
    );
    t.end();
  },
);
