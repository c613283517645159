// Golden machine code: what the compiler makes of a program for every row of the opcode table, with both addressings.
//
//     npx tsx scripts/gen/machine-code.ts            writes test/machine-code/x86_64.txt
//
// A change of the compiler shows as a change of this file, to be reviewed: the program, its bytes, and what objdump reads in them.
// test/jit-code.test.ts compares the bytes. Needs a processor with FSGSBASE and BMI2, and the addon.
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  disassembleMachineCode,
  goldenCases,
  IS_GOLDEN_MACHINE,
  machineCodeOf,
} from '../../test/support/machine-code.js';

if (!IS_GOLDEN_MACHINE) throw new Error('golden code is made on a processor with FSGSBASE and BMI2');
const GOLDEN = resolve(import.meta.dirname, '../../test/machine-code/x86_64.txt');
const lines = [
  '# Made by scripts/gen/machine-code.ts; do not edit. Addresses of the process are zeroed.',
  '# case NAME, its program; for each addressing the bytes, and what objdump reads in them.',
];
for (const { name, program } of goldenCases()) {
  lines.push('', `case ${name}`, ...program.disassemble().trimEnd().split('\n'));
  for (const addressing of ['gs', 'mask'] as const) {
    const code = machineCodeOf(program, addressing);
    lines.push(`${addressing} ${code.toString('hex')}`);
    for (const { at, text } of disassembleMachineCode(code)) lines.push(`    ${at.toString(16).padStart(3)}: ${text}`);
  }
}
mkdirSync(resolve(GOLDEN, '..'), { recursive: true });
writeFileSync(GOLDEN, `${lines.join('\n')}\n`);
