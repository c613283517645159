// Error codes, traps and kernel functions: lists with one row each.
import { type Buffer, buffersOf, chargeOf, type KernelSet } from './kernel-sets.js';
import type { ErrorRow, KernelFunction, TrapRow } from './schema.js';

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

const SUSPENDS_CPP = { false: 'never', true: 'always', maybe: 'maybe' } as const;
const SUSPENDS_DOC = {
  false: 'does not suspend',
  true: 'suspends the program until the host answers; `-ENOSYS` in a run that cannot suspend',
  maybe: 'may suspend the program until the host answers, in a run that can suspend',
} as const;

function bufferRow(buffer: Buffer): string {
  return `, {${buffer.arg}, Direction::${buffer.direction}, ${buffer.sizeArg ?? 'kNoArg'}, ${buffer.factor}}`;
}

function describeFunction(fn: KernelFunction): string {
  const args = fn.args.map((arg) => `${arg.type}${arg.type.endsWith('*') ? '' : ' '}${arg.name}`).join(', ');
  const argRows = fn.args.map((arg) => {
    const place = arg.direction ? ` (${arg.direction}${arg.size ? `, ${arg.size} bytes` : ''})` : '';
    return `- \`${arg.name}\`${place}${arg.doc ? `: ${arg.doc}` : ''}\n`;
  });
  const facts = [
    `fuel: ${chargeOf(fn)}`,
    SUSPENDS_DOC[`${fn.suspends}`],
    ...(fn.hook ? [`comes with the hook point \`${fn.hook}\``] : []),
    `signature version ${fn.version}`,
  ];
  return `
### ${fn.number} \`${fn.name}(${args})\`

${fn.doc}

${argRows.join('')}- returns ${fn.returns}
- ${facts.join('; ')}
`;
}

export function generateKernelFunctions(sets: KernelSet[]): [string, string][] {
  const rows = sets.flatMap((set) => set.functions.map((fn) => ({ set: set.set, ...fn })));
  const nativeRow = (fn: (typeof rows)[number]) =>
    `CTI_KERNEL_FUNCTION(${fn.set}, ${fn.number}, ${fn.name}, ${fn.version}, ${fn.args.length}, ${SUSPENDS_CPP[`${fn.suspends}`]}, ${fn.fuel ?? 0}${buffersOf(fn).map(bufferRow).join('')})\n`;
  return [
    [
      'native/vm/generated/kernel_functions.inc',
      `${cNotice}// CTI_KERNEL_FUNCTION(set, number, name, version, n_args, suspends, fuel, buffers...): implemented as set_name in native/vm/kernel_functions/,
// unless it always suspends. A buffer: {argument, direction, the argument that has its size, a factor of the size}.
${rows.map(nativeRow).join('')}`,
    ],
    [
      'native/vm/generated/suspending_functions.inc',
      `${cNotice}// CTI_SUSPENDING_FUNCTION(set, name): those that always suspend.
${rows
  .filter((fn) => fn.suspends === true)
  .map((fn) => `CTI_SUSPENDING_FUNCTION(${fn.set}, ${fn.name})\n`)
  .join('')}`,
    ],
    [
      'lib/generated/kernel-functions.ts',
      `${cNotice}
/** Set -> name -> the number a call uses, the signature's version, and whether the host may be asked. */
export const KERNEL_FUNCTIONS = {
${sets
  .map(
    (set) => `  ${set.set}: {
${set.functions.map((fn) => `    ${fn.name}: { number: ${fn.number}, version: ${fn.version}, nArgs: ${fn.args.length}, suspends: ${fn.suspends !== false} },\n`).join('')}  },
`,
  )
  .join('')}} as const;

export type KernelFunctionSet = keyof typeof KERNEL_FUNCTIONS;
`,
    ],
    [
      'docs/reference/kernel-functions.md',
      `${mdNotice}# Kernel functions

What a program may call. A program is linked against one set; pointers are guest addresses and are checked against the program's window. Functions that suspend take at most 64 KiB a buffer
(\`-E2BIG\`); a buffer that is not all readable or writable is \`-EFAULT\`.
${sets
  .map(
    (set) => `
## Set \`${set.set}\`: ${set.groups.map((group) => group.doc).join('; ')}
${set.functions.length === 0 ? '\nNone yet.\n' : ''}${set.functions.map(describeFunction).join('')}`,
  )
  .join('')}`,
    ],
  ];
}
