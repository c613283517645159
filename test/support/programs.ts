/** Small programs of assembler text (asm.ts), as specs and loaded. */
import { Program, type ProgramSpec } from '../../lib/runner/program.js';
import { assemble } from './asm.js';

/** Calls by number, of set conformance: 7 `later` and 8 `exchange` are on the host's side. */
export const asm = (source: string, more: Partial<ProgramSpec> = {}): ProgramSpec => ({
  code: assemble(source),
  kernelFunctions: 'conformance',
  ...more,
});

/** Calls by name, of set ctinspector: `call import N`. */
export const named = (source: string, ...names: string[]): ProgramSpec =>
  asm(source, { kernelFunctions: 'ctinspector', imports: names.map((name) => ({ name, version: 1 })) });

export const load = (source: string, more: Partial<ProgramSpec> = {}): Program => Program.load(asm(source, more));
