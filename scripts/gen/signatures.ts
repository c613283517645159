// lib/generated/signatures.ts: the arguments of kernel functions that can suspend, for TypeScript that answers them (lib/kernel-functions/typed.ts).
import type { KernelSet } from './kernel-sets.js';
import { cNotice } from './lists.js';

export function generateSignatures(sets: KernelSet[]): [string, string][] {
  const set = ({ set, functions }: KernelSet): string => `  ${set}: {
${functions
  .filter((fn) => fn.suspends !== false)
  .map(
    (fn) => `    ${fn.name}: {${fn.args.map((arg) => ` ${arg.name}: '${arg.direction ?? 'number'}'`).join(',')} },\n`,
  )
  .join('')}  },
`;
  return [
    [
      'lib/generated/signatures.ts',
      `${cNotice}
/** Set -> function that can suspend -> its arguments in order: a number, or a buffer that is read (in), written (out) or both. */
export const SIGNATURES = {
${sets.map(set).join('')}} as const;
`,
    ],
  ];
}
