/** Programs whose machine code is golden, that code, and what objdump reads in code. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Addressing, opcodes, Program } from '../../lib/runner/program.js';
import { assemble } from './asm.js';
import { readVectors, substitute } from './vectors.js';

const CONFORMANCE = resolve(import.meta.dirname, '..', 'conformance');
export const VECTOR_FILES = ['alu32', 'alu64', 'atomics', 'byteswap', 'control', 'jumps', 'memory', 'traps'];

const flags = readFileSync('/proc/cpuinfo', 'utf8');
/** Golden code is that of a processor with both. */
export const IS_GOLDEN_MACHINE = /\bfsgsbase\b/.test(flags) && /\bbmi2\b/.test(flags);

export interface CodeCase {
  readonly name: string;
  readonly program: Program;
}

export const loadCode = (code: Uint8Array): Program =>
  Program.load({
    code,
    kernelFunctions: 'conformance',
    imports: [
      { name: 'add_one', version: 1 },
      { name: 'unwind', version: 1 },
    ],
    rodata: new Uint8Array(16),
  });

/** Every vector, with the inputs of its last case. */
export function vectorCases(): CodeCase[] {
  return VECTOR_FILES.flatMap((file) => readVectors(join(CONFORMANCE, `${file}.txt`))).map(
    ({ name, lines, cases }) => ({
      name,
      program: loadCode(assemble(lines.map((line) => substitute(line, cases.at(-1)!.inputs)))),
    }),
  );
}

/** Of every row of the opcode table the first vector that is about it. */
export function goldenCases(): CodeCase[] {
  const cases = vectorCases();
  const rows = opcodes().filter((row) => row.form !== 'wide_unlinked');
  return rows.map(({ name }) => {
    const found = cases.find((item) => item.name.split('/')[0] === name);
    if (!found) throw new Error(`no vector is about ${name}`);
    return { name, program: found.program };
  });
}

/** Machine code with this process's addresses zeroed: only `mov r10, imm64` has one. */
export function machineCodeOf(program: Program, addressing: Addressing): Buffer {
  const code = Buffer.from(program.machineCode({ engine: 'jit', addressing })!.code);
  for (
    let at = code.indexOf('49ba', 0, 'hex');
    at >= 0 && at + 10 <= code.length;
    at = code.indexOf('49ba', at + 10, 'hex')
  ) {
    code.fill(0, at + 2, at + 10);
  }
  return code;
}

export interface Instruction {
  readonly at: number;
  readonly text: string;
}

/** What objdump reads in `code`, in Intel's syntax. */
export function disassembleMachineCode(code: Uint8Array): Instruction[] {
  const folder = mkdtempSync(join(tmpdir(), 'cti-code-'));
  try {
    const path = join(folder, 'code');
    writeFileSync(path, code);
    const args = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--no-show-raw-insn', path];
    const listing = execFileSync('objdump', args, { encoding: 'utf8', maxBuffer: 1 << 30 });
    return [...listing.matchAll(/^ *([0-9a-f]+):\t(.*)$/gm)].map(([, at, text]) => ({
      at: Number.parseInt(at!, 16),
      text: text!
        .replace(/\s*#.*$/, '')
        .trim()
        .replace(/\s+/g, ' '),
    }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
