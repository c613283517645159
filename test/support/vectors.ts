/**
 * Reads the project's own VM vectors, test/conformance/*.txt:
 *
 *     test NAME                       starts a test; NAME is the row of the opcode table it is about, with an optional /suffix
 *     memory HEX                      what r1 points at (optional; $x is replaced)
 *       r1 = $a ll                    indented, or with a label: the program, for test/support/asm.ts; $x is replaced
 *     case a=0x1 b=0x2 : r0=0x3       inputs : what must come out: r0, memory, trap, pc, address
 *
 *     refuse NAME                     a program that must be refused
 *       ...                           the program
 *     error TEXT                      the message, all of it
 */
import { readFileSync } from 'node:fs';

export interface VectorCase {
  readonly inputs: Readonly<Record<string, string>>;
  readonly expected: Readonly<Record<string, string>>;
}

export interface Vector {
  readonly name: string;
  /** The row of the opcode table it is about. */
  readonly op: string;
  readonly memory: string;
  readonly lines: readonly string[];
  readonly cases: readonly VectorCase[];
  /** A program that must be refused, with this message. */
  readonly error: string | undefined;
}

const pairs = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split(' ')
      .filter(Boolean)
      .map((pair) => pair.split('=') as [string, string]),
  );

export function substitute(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$(\w+)/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value for $${name} in: ${text}`);
    return value;
  });
}

export function readVectors(path: string): Vector[] {
  const vectors: { name: string; op: string; memory: string; lines: string[]; cases: VectorCase[]; error?: string }[] =
    [];
  for (const [i, raw] of readFileSync(path, 'utf8').split('\n').entries()) {
    const line = raw.trimEnd();
    if (line === '' || line.startsWith('#')) continue;
    const current = vectors.at(-1);
    const [, word, rest = ''] = /^(\w+) ?(.*)$/.exec(line) ?? [];
    if (/^( |[a-z_]\w*:)/.test(line)) current!.lines.push(line.trim());
    else if (word === 'test' || word === 'refuse') {
      vectors.push({ name: rest, op: rest.split('/')[0]!, memory: '', lines: [], cases: [] });
    } else if (word === 'memory') current!.memory = rest;
    else if (word === 'error') current!.error = rest;
    else if (word === 'case') {
      const [inputs, expected] = rest.split(':').map(pairs) as [Record<string, string>, Record<string, string>];
      current!.cases.push({ inputs, expected });
    } else throw new Error(`${path}:${i + 1}: unknown line: ${line}`);
  }
  return vectors.map((vector) => ({ ...vector, error: vector.error }));
}
