// include/ctinspector/ctinspector.h: what a C program includes. Kernel functions of set `ctinspector` as externs, every table's structs.

import type { KernelSet } from './kernel-sets.js';
import { cNotice } from './lists.js';
import type { KernelFunction, Table } from './schema.js';

const C_TYPES: Readonly<Record<string, string>> = {
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  u64: 'uint64_t',
  i32: 'int32_t',
};

const declared = (type: string, name: string): string => {
  const c = C_TYPES[type] ?? type;
  return c.endsWith('*') ? `${c}${name}` : `${c} ${name}`;
};

/** Text as lines of a comment, at most 118 wide. */
function comment(paragraphs: string[]): string {
  const lines: string[] = [];
  for (const paragraph of paragraphs) {
    let line = '';
    for (const word of paragraph.replaceAll('*/', '* /').split(' ')) {
      if (line !== '' && line.length + 1 + word.length > 115) {
        lines.push(line);
        line = `  ${word}`;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return `/* ${lines.join('\n * ')} */\n`;
}

function declaration(fn: KernelFunction): string {
  const head = declared(fn.result, fn.name);
  const args = fn.args.map((arg) => declared(arg.type, arg.name)).join(', ');
  const docs = [
    fn.doc,
    ...fn.args.filter((arg) => arg.doc).map((arg) => `${arg.name}: ${arg.doc}`),
    `Returns ${fn.returns}.`,
  ];
  return `${comment(docs)}extern ${head}(${args || 'void'});\n`;
}

const open = ({ table }: Table): string => `
/* Opens ${table}. 0; -CTI_ESTALE: its layout is not the one this program was compiled for; else as table_open. */
static inline int64_t cti_${table}_open(struct cti_table *table) {
  int64_t failed = table_open("${table}", ${table.length}, table, sizeof *table);
  if (failed) return failed;
  return table->schema_hash == CTI_${table.toUpperCase()}_SCHEMA_HASH ? 0 : -CTI_ESTALE;
}
`;

export function generateProgramHeader(sets: KernelSet[], tables: Table[]): [string, string][] {
  const functions = sets.find((set) => set.set === 'ctinspector')?.functions ?? [];
  const includes = [
    'ctinspector/program.h',
    'ctinspector/table.h',
    'ctinspector/mapper.h',
    ...tables.map((table) => `ctinspector/${table.table}.h`),
  ];
  return [
    [
      'include/ctinspector/ctinspector.h',
      `${cNotice}/* Everything a program in C needs: docs/programs.md. A program starts at vm_main, with up to five 64-bit arguments. */
#ifndef CTINSPECTOR_H
#define CTINSPECTOR_H

${includes.map((file) => `#include "${file}"\n`).join('')}
${functions.map(declaration).join('\n')}
/* Prints a string constant. */
#define print_text(text) print((text), sizeof(text) - 1)

/* Where the segment of an index (enum cti_TABLE_segment) begins; an array of the segment's struct. */
static inline const void *cti_segment(const struct cti_table *table, uint32_t index) {
  return (const void *)table->segments[index].address;
}
${tables.map(open).join('')}
#endif
`,
    ],
  ];
}
