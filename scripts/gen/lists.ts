// Error codes, traps and kernel functions: lists with one row each.
import type { ErrorRow, KernelSet, TrapRow } from './schema.js';

const NOTICE = 'Generated from schema/ by `npm run generate`. Do not edit.';
export const cNotice = `// ${NOTICE}\n`;
export const mdNotice = `<!-- ${NOTICE} -->\n`;

/** A cell of a Markdown table. */
export const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

export function generateErrors(rows: ErrorRow[]): [string, string][] {
  return [
    ['native/base/generated/error_codes.inc', `${cNotice}${rows.map((row) => `CTI_ERROR(${row.name})\n`).join('')}`],
    [
      'lib/generated/error-codes.ts',
      `${cNotice}
/** Code -> what happened and what to do about it. */
export const ERROR_DOCS = {
${rows.map((row) => `  ${row.name}: ${JSON.stringify(row.doc)},\n`).join('')}} as const;

export type ErrorCode = keyof typeof ERROR_DOCS;
`,
    ],
    [
      'docs/reference/errors.md',
      `${mdNotice}# Errors

Every error has a code, in \`error.code\` of the API and in \`--format json\` of the command line. The message adds what, where, expected and received.

| code | what happened, and what to do |
|---|---|
${rows.map((row) => `| \`${row.name}\` | ${cell(row.doc)} |\n`).join('')}`,
    ],
  ];
}

export function generateTraps(rows: TrapRow[]): [string, string][] {
  return [
    [
      'native/vm/generated/trap_kinds.inc',
      `${cNotice}// CTI_TRAP(name, id, has_address)\n${rows.map((row) => `CTI_TRAP(${row.name}, ${row.id}, ${row.address})\n`).join('')}`,
    ],
    [
      'lib/generated/traps.ts',
      `${cNotice}
/** Trap -> its stable number, whether it has a guest address, and what it means. */
export const TRAPS = {
${rows.map((row) => `  ${row.name}: { id: ${row.id}, address: ${row.address}, doc: ${JSON.stringify(row.doc)} },\n`).join('')}} as const;

export type TrapKind = keyof typeof TRAPS;
`,
    ],
    [
      'docs/reference/traps.md',
      `${mdNotice}# Traps

How a program can be stopped against its will. A trap has a kind, the pc (instruction slot) and, where one is meant, the guest address.

| number | trap | meaning |
|---|---|---|
${rows.map((row) => `| ${row.id} | \`${row.name}\` | ${cell(row.doc)} |\n`).join('')}`,
    ],
  ];
}

export function generateKernelFunctions(sets: KernelSet[]): [string, string][] {
  const rows = sets.flatMap((set) => set.functions.map((fn) => ({ set: set.set, ...fn })));
  return [
    [
      'native/vm/generated/kernel_functions.inc',
      `${cNotice}// CTI_KERNEL_FUNCTION(set, number, name, version, n_args): implemented as set_name in native/vm/kernel_functions/.
${rows.map((fn) => `CTI_KERNEL_FUNCTION(${fn.set}, ${fn.number}, ${fn.name}, ${fn.version}, ${fn.args.length})\n`).join('')}`,
    ],
    [
      'lib/generated/kernel-functions.ts',
      `${cNotice}
/** Set -> name -> the number a call uses, and the signature's version. */
export const KERNEL_FUNCTIONS = {
${sets
  .map(
    (set) => `  ${set.set}: {
${set.functions.map((fn) => `    ${fn.name}: { number: ${fn.number}, version: ${fn.version}, nArgs: ${fn.args.length} },\n`).join('')}  },
`,
  )
  .join('')}} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
`,
    ],
    [
      'docs/reference/kernel-functions.md',
      `${mdNotice}# Kernel functions

What a program may call. A program is linked against one set; pointers are guest addresses and are checked against the program's window.
${sets
  .map(
    (set) => `
## Set \`${set.set}\`: ${set.doc}
${set.functions.length === 0 ? '\nNone yet.\n' : ''}${set.functions
  .map(
    (fn) => `
### ${fn.number} \`${fn.name}(${fn.args.map((arg) => `${arg.type}${arg.type.endsWith('*') ? '' : ' '}${arg.name}`).join(', ')})\`

${fn.doc}

${fn.args.map((arg) => `- \`${arg.name}\`${arg.direction ? ` (${arg.direction}${arg.size ? `, ${arg.size} bytes` : ''})` : ''}${arg.doc ? `: ${arg.doc}` : ''}\n`).join('')}- returns ${fn.returns}
- fuel: ${fn.charge}; ${fn.suspends ? 'may suspend the program' : 'does not suspend'}; signature version ${fn.version}
`,
  )
  .join('')}`,
  )
  .join('')}`,
    ],
  ];
}
