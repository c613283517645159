// A table's schema as C++ structs, C structs for programs, TypeScript metadata, and a reference page.
import { createHash } from 'node:crypto';
import { cell, cNotice, mdNotice } from './lists.js';
import { type LaidOutField, type LaidOutSegment, layOut, type Table } from './schema.js';

const C_TYPE: Record<LaidOutField['type'], string> = {
  u8: 'uint8_t',
  u16: 'uint16_t',
  u32: 'uint32_t',
  u64: 'uint64_t',
  i32: 'int32_t',
  be128: 'struct cti_be128',
  mac: 'uint64_t',
  ipv4: 'uint32_t',
  port: 'uint32_t',
  datapath: 'uint32_t',
  actions: 'uint32_t',
  text: 'uint32_t',
  ref: 'struct cti_ref',
};

const kebab = (name: string) => name.replaceAll('_', '-');
const upper = (name: string) => name.toUpperCase();

/** What two builds must agree on to read each other's segments: every segment's fields, types and offsets. */
function schemaHash(table: Table, segments: LaidOutSegment[]): string {
  const shape = segments.map((s) => [
    s.name,
    s.per,
    s.masked,
    s.stride,
    s.fields.map((f) => [f.name, f.type, f.offset, f.knownBit ?? -1, f.enum ?? {}]),
  ]);
  return createHash('sha256')
    .update(JSON.stringify([table.table, table.version, shape, table.flags, ...(table.actions ? [table.actions] : [])]))
    .digest('hex')
    .slice(0, 16);
}

const structName = (table: Table, segment: LaidOutSegment) => `cti_${table.table}_${segment.name}`;

/** For loops over a masked segment's fields: F(name, offset in a half, bytes, bits that count), a line each. */
function fieldLists(table: Table, segments: LaidOutSegment[]): string {
  return segments
    .filter((segment) => segment.masked)
    .map((segment) => {
      const rows = segment.fields
        .filter((f) => !f.internal)
        .map((f) => `  F(${f.name}, ${f.offset}, ${f.size}, ${f.type === 'mac' ? 48 : 8 * f.size})`);
      return `/* The fields of a half of ${segment.name}: F(name, offset, bytes, bits that count). */\n#define CTI_${upper(table.table)}_${upper(segment.name)}_FIELDS(F) \\\n${rows.join(' \\\n')}\n`;
    })
    .join('\n');
}

/** The structs, in C that C++ also accepts: used by programs and by the native code alike. */
function cStructs(table: Table, segments: LaidOutSegment[], hash: string): string {
  const structs = segments
    .filter((segment) => segment.per !== 'bytes')
    .map((segment) => {
      const half = `struct ${structName(table, segment)}${segment.masked ? '_half' : ''}`;
      const fields = segment.fields.map((f) => `  ${C_TYPE[f.type]} ${f.name}; /* ${f.offset}: ${f.doc} */\n`).join('');
      const pair = segment.masked
        ? `struct ${structName(table, segment)} {\n  ${half} key;\n  ${half} mask;\n};\n`
        : '';
      return `/* ${segment.doc} (${segment.per === 'row' ? 'one a row' : segment.per}) */\n${half} {\n${fields}};\n${pair}`;
    });
  const known = segments.flatMap((segment) => segment.fields.filter((f) => f.knownBit !== undefined));
  const enums = segments.flatMap((segment) =>
    segment.fields
      .filter((f) => f.enum)
      .map(
        (f) =>
          `enum cti_${table.table}_${f.name} {\n${Object.entries(f.enum ?? {})
            .map(([key, value]) => `  CTI_${upper(table.table)}_${upper(f.name)}_${upper(key)} = ${value},\n`)
            .join('')}};\n`,
      ),
  );
  const flags = Object.entries(table.flags).map(
    ([name, bits]) =>
      // Tables may have the same set; a program may include the headers of several.
      `#ifndef CTI_FLAGS_${upper(name)}\n#define CTI_FLAGS_${upper(name)}\nenum cti_${name}_flags {\n${Object.entries(
        bits,
      )
        .map(([key, value]) => `  CTI_${upper(name)}_${upper(key)} = 0x${value.toString(16)},\n`)
        .join('')}};\n#endif\n`,
  );
  const actions = table.actions
    ? [
        `/* Bits of ${table.table}.action_lists.does. */\nenum cti_${table.table}_action {\n${Object.entries(
          table.actions,
        )
          .map(([key, bit]) => `  CTI_${upper(table.table)}_ACTION_${upper(key)} = ${bit},\n`)
          .join('')}};\n`,
      ]
    : [];
  return `#define CTI_${upper(table.table)}_SCHEMA_HASH 0x${hash}ULL

${structs.join('\n')}
${fieldLists(table, segments)}
/* Bits of ${table.table}.rows.known. */
enum cti_${table.table}_known {
${known.map((f) => `  CTI_${upper(table.table)}_KNOWN_${upper(f.name)} = 1u << ${f.knownBit},\n`).join('')}};

/* Index of a segment in struct cti_table. */
enum cti_${table.table}_segment {
${segments.map((segment, index) => `  CTI_${upper(table.table)}_SEGMENT_${upper(segment.name)} = ${index},\n`).join('')}};

${[...enums, ...flags, ...actions].join('\n')}`;
}

const COMMON_C = `${cNotice}/* What every table shares: how a run tells a program where a table lies. */
#ifndef CTINSPECTOR_TABLE_H
#define CTINSPECTOR_TABLE_H

#include <stdint.h>

/* Bytes in a table's blob segment. */
struct cti_ref {
  uint32_t offset;
  uint32_t size;
};

/* 16 bytes in wire order. */
struct cti_be128 {
  uint64_t word[2];
};

struct cti_segment {
  uint64_t address;
  uint64_t size; /* bytes */
  uint32_t stride; /* bytes a record; 1 for a blob */
  uint32_t n_records;
};

struct cti_table {
  uint64_t n_rows;
  uint64_t generation;
  uint64_t schema_hash;
  uint32_t n_segments;
  uint32_t reserved;
  struct cti_segment segments[16];
};

#endif
`;

function metadata(table: Table, segments: LaidOutSegment[], hash: string): string {
  const json = JSON.stringify(
    {
      name: table.table,
      version: table.version,
      hash,
      doc: table.doc,
      noun: table.noun,
      ...(table.row_text && { rowText: table.row_text }),
      ...(table.identity && { identity: table.identity }),
      ...(table.not_compared && { notCompared: table.not_compared }),
      show: table.show,
      ...(table.passes && { passes: table.passes }),
      segments: segments.map((s) => ({
        name: s.name,
        per: s.per,
        masked: s.masked,
        half: s.half,
        stride: s.stride,
        doc: s.doc,
        fields: s.fields.map(({ known: _known, size, ...f }) => ({ ...f, size })),
      })),
      ...(table.actions && { actions: table.actions }),
      flags: table.flags,
      words: table.words,
      columns: table.columns.map(({ never_known, ...column }) => ({
        ...column,
        ...(never_known && { neverKnown: true }),
      })),
    },
    null,
    2,
  );
  return `${cNotice}import type { TableSchema } from '../../table-schema.js';

export const ${upper(table.table)}: TableSchema = ${json};
`;
}

function reference(table: Table, segments: LaidOutSegment[], hash: string): string {
  const describe = (f: {
    name: string;
    doc?: string | undefined;
    type?: string;
    requires?: string | undefined;
    unit?: string | undefined;
    enum?: Record<string, number> | undefined;
    flags?: string | undefined;
  }) => {
    const type = f.enum
      ? Object.keys(f.enum).join(', ')
      : f.flags
        ? `flags: ${Object.keys(table.flags[f.flags] ?? {}).join(' ')}`
        : `${f.type ?? ''}${f.unit ? ` (${f.unit})` : ''}`;
    return `| \`${f.name}\` | ${cell(type)} | ${cell(f.doc ?? '')}${f.requires ? ` (${cell(table.words[f.requires]?.doc ?? f.requires)})` : ''} |\n`;
  };
  const byName = new Map(segments.flatMap((s) => s.fields.map((f) => [f.name, f] as const)));
  const visible = (masked: boolean) =>
    segments
      .filter((s) => s.masked === masked && s.per !== 'distinct')
      .flatMap((s) => s.fields.filter((f) => !f.internal));
  const section = (title: string, head: string, rows: string[]): string =>
    rows.length === 0 ? '' : `## ${title}\n\n${head}\n${rows.join('')}\n`;
  const matched = visible(true).map(describe).join('');
  return `${mdNotice}# Table \`${table.table}\`

${table.doc} Schema version ${table.version}, hash \`${hash}\`.

## What a ${table.noun} is and did

| name | type | meaning |
|---|---|---|
${visible(false).map(describe).join('')}
${
  matched &&
  `## What a ${table.noun} matches

Each has a value and a mask; \`docs/questions.md\` has the four meanings of a comparison with such a field.

| name | type | meaning |
|---|---|---|
${matched}
`
}${section(
  'Derived',
  '| name | type | meaning |\n|---|---|---|',
  table.columns
    .filter((c) => c.derived)
    .map((c) => {
      const type = c.enum ? Object.keys(c.enum).join(', ') : c.type === 'address' ? 'ipv4 or ipv6' : (c.type ?? '');
      return `| \`${c.name}\` | ${c.set ? 'a list: ' : ''}${cell(type)} | ${cell(c.doc ?? '')} |\n`;
    }),
)}${section(
  'Other names',
  '| name | is | meaning |\n|---|---|---|',
  table.columns
    .filter((c) => !c.derived)
    .map((c) => {
      const target = c.alias ?? c.of ?? '';
      const bits = c.width === undefined ? '' : `, bits ${c.shift} to ${(c.shift ?? 0) + c.width - 1}`;
      return `| \`${c.name}\` | \`${target}\`${bits}${c.requires ? `, ${cell(table.words[c.requires]?.doc ?? c.requires)}` : ''} | ${cell(c.doc ?? byName.get(target)?.doc ?? 'the same')} |\n`;
    }),
)}${section(
  'Words',
  '| word | meaning |\n|---|---|',
  Object.entries(table.words)
    .filter(([, word]) => !word.hidden)
    .map(([name, word]) => `| \`${name}\` | ${cell(word.doc)} |\n`),
)}## Layout

For programs: \`include/ctinspector/${table.table}.h\`.

| segment | bytes a record | what |
|---|---|---|
${segments.map((s) => `| \`${s.name}\` | ${s.stride}${s.masked ? ' (key and mask)' : ''} | ${cell(s.doc)} ${s.per === 'bytes' ? '' : `(${s.per === 'row' ? 'one a row' : s.per})`} |\n`).join('')}`;
}

export function generateTable(table: Table): [string, string][] {
  const segments = layOut(table);
  const hash = schemaHash(table, segments);
  const structs = cStructs(table, segments, hash);
  const guard = `CTINSPECTOR_${upper(table.table)}_H`;
  const checks = segments
    .filter((s) => s.per !== 'bytes')
    .map((s) => `static_assert(sizeof(${structName(table, s)}) == ${s.stride});\n`)
    .join('');
  const descriptors = segments
    .map((s) => `    {"${s.name}", SegmentPer::${s.per.replace('-', '_')}, ${s.masked}, ${s.stride}},\n`)
    .join('');
  return [
    ['include/ctinspector/table.h', COMMON_C],
    [
      `include/ctinspector/${table.table}.h`,
      `${cNotice}/* ${table.doc} */\n#ifndef ${guard}\n#define ${guard}\n\n#include <stdint.h>\n\n#include "ctinspector/table.h"\n\n${structs}\n#endif\n`,
    ],
    [
      `native/tables/generated/${table.table}.h`,
      `${cNotice}// The structs of include/ctinspector/${table.table}.h with what the native code adds.
#pragma once

#include "ctinspector/${table.table}.h"
#include "tables/schema.h"

${checks}
namespace cti::tables::${table.table} {

inline constexpr uint64_t kSchemaHash = CTI_${upper(table.table)}_SCHEMA_HASH;
inline constexpr SegmentSchema kSegments[] = {
${descriptors}};
inline constexpr TableSchema kSchema = {"${table.table}", kSchemaHash, kSegments};

${segments
  .filter((s) => s.per !== 'bytes')
  .map(
    (s) =>
      `using ${s.name.replace(/(^|_)([a-z])/g, (_, _u, c: string) => c.toUpperCase())} = ::${structName(table, s)};\n`,
  )
  .join('')}
}  // namespace cti::tables::${table.table}
`,
    ],
    [`lib/tables/generated/${kebab(table.table)}.ts`, metadata(table, segments, hash)],
    [`docs/reference/${table.table}.md`, reference(table, segments, hash)],
  ];
}

/** All tables, for whoever looks one up by name. */
export function generateTableList(tables: Table[]): [string, string][] {
  // What most questions are about comes first: where a question forgets its table, that one is offered.
  const ordered = [...tables].sort((a, b) => Number(b.table === 'dp_flows') - Number(a.table === 'dp_flows'));
  const rows = ordered.map(({ table }) => ({ name: upper(table), file: kebab(table) }));
  return [
    [
      'lib/tables/generated/tables.ts',
      `${cNotice}import type { TableSchema } from '../../table-schema.js';
${rows.map(({ name, file }) => `import { ${name} } from './${file}.js';\n`).join('')}
export const TABLES: readonly TableSchema[] = [${rows.map(({ name }) => name).join(', ')}];
`,
    ],
    [
      'native/tables/generated/all_tables.h',
      `${cNotice}// Every table, for whoever looks one up by name.
#pragma once

${tables.map(({ table }) => `#include "tables/generated/${table}.h"\n`).join('')}
namespace cti::tables {

inline constexpr const TableSchema* kAllTables[] = {${tables.map(({ table }) => `&${table}::kSchema`).join(', ')}};

}  // namespace cti::tables
`,
    ],
  ];
}
