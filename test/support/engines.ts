/** Every engine this machine has, for suites that run on all of them. */
import { readFileSync } from 'node:fs';
import type { EngineOptions } from '../../lib/runner/program.js';

/** The processor can set the base of gs; Linux lets programs do so since 5.9. */
export const HAS_FSGSBASE = /\bfsgsbase\b/.test(readFileSync('/proc/cpuinfo', 'utf8'));

export const JIT_ENGINES: readonly [name: string, options: EngineOptions][] = [
  ['jit, mask', { engine: 'jit', addressing: 'mask' }],
  ...(HAS_FSGSBASE ? [['jit, gs', { engine: 'jit', addressing: 'gs' }] as [string, EngineOptions]] : []),
];

export const ENGINES: readonly [name: string, options: EngineOptions][] = [
  ['interpreter', { engine: 'interpreter' }],
  ...JIT_ENGINES,
];
