/** A table's schema with the columns that two samples of it have: rates, and what changed. They follow the fields of the rows. */
import { createHash } from 'node:crypto';
import { CtiError } from '../errors.js';
import type { FieldSchema, TableSchema } from '../table-schema.js';
import { resolveColumn } from './columns.js';

/** A column of counts a second; `field` is what counts. */
export interface RateColumn {
  readonly name: string;
  readonly field: FieldSchema;
  /** A rate of bytes is asked for in bits. */
  readonly times: number;
}

/** Short names of rates: what they are of, in tables that have it. */
const SHORT: Readonly<
  Record<string, { readonly fields: readonly string[]; readonly times: number; readonly doc: string }>
> = {
  pps: { fields: ['packets', 'n_packets'], times: 1, doc: 'packets a second, over two samples, rounded up' },
  bps: { fields: ['bytes', 'n_bytes'], times: 8, doc: 'bits a second, over two samples, rounded up' },
};

const COUNTS = ['u8', 'u16', 'u32', 'u64'];

/** Whether a rate of it says something: a number of the row that counts. */
const counts = ({ type, unit, index_of, internal, enum: words, flags, format }: FieldSchema): boolean =>
  COUNTS.includes(type) && unit !== 'ms' && !index_of && !internal && !words && !flags && !format;

/** The rates that a table has, for whoever lists its names. */
export function rateDocs(schema: TableSchema): { readonly name: string; readonly doc: string }[] {
  const rows = schema.segments[0]!;
  if (!rows.fields.some(counts)) return [];
  const short = Object.entries(SHORT).filter(([name]) => rateColumn(schema, name));
  return [
    ...short.map(([name, { doc }]) => ({ name, doc })),
    { name: 'rate(FIELD)', doc: 'how much a counter grew a second, over two samples, rounded up' },
  ];
}

export const isRateName = (name: string): boolean => Object.hasOwn(SHORT, name) || /^rate\(.*\)$/.test(name);

/** undefined: the table has nothing that this short name is of. QUERY_NAME, QUERY_TYPE: rate(FIELD) of what is no counter. */
export function rateColumn(schema: TableSchema, name: string): RateColumn | undefined {
  const rows = schema.segments[0]!;
  const short = SHORT[name];
  if (short) {
    const field = rows.fields.find((field) => short.fields.includes(field.name));
    return field && { name, field, times: short.times };
  }
  const asked = /^rate\((.*)\)$/.exec(name)?.[1] ?? '';
  const { segment, field, dictionary, width } = resolveColumn(schema, asked);
  const isWhole = width === field.size * 8 && !dictionary;
  if (segment !== rows || !isWhole || !counts(field)) {
    const there = rows.fields.filter(counts).map(({ name }) => name);
    throw new CtiError(
      'QUERY_TYPE',
      `a rate is of something that counts, ${asked} does not: ${schema.name} has ${there.join(', ') || 'nothing that does'}`,
    );
  }
  return { name, field, times: 1 };
}

/** What a row is in comparison with the sample before. */
export const CHANGE = { same: 0, new: 1, gone: 2, changed: 3 } as const;

/** In a schema's identity: all masked segments together. */
export const MATCH = 'match';

/** The most fields whose change a row can tell. */
const MAX_CHANGED = 32;

/** What is compared of a row, each with the bit that says it changed: fields of the rows, and the match as one. */
export function comparedFields(schema: TableSchema): {
  readonly fields: readonly FieldSchema[];
  readonly match: boolean;
} {
  const fields = schema.segments[0]!.fields.filter(
    (field) =>
      (!field.internal || field.type === 'ref' || field.flags !== undefined) &&
      !schema.notCompared?.includes(field.name) &&
      !schema.identity?.includes(field.name) &&
      field.name !== 'verbatim' &&
      field.name !== 'unknown',
  );
  // The masked segments as one, unless they tell the rows apart already.
  const match = schema.segments.some(({ masked }) => masked) && !schema.identity?.includes(MATCH);
  if (fields.length + (match ? 1 : 0) > MAX_CHANGED)
    throw new CtiError(
      'INTERNAL',
      `${schema.name} has ${fields.length} fields to compare, there is room for ${MAX_CHANGED}`,
    );
  return { fields, match };
}

/** What the masked segments are called in `changed`: `match` of a flow, `tuple` of a connection. */
const matchName = ({ segments }: TableSchema): string =>
  segments.find(({ masked, per }) => masked && per === 'row')?.name ?? MATCH;

function changeFields(schema: TableSchema): { fields: Omit<FieldSchema, 'offset'>[]; flags: Record<string, number> } {
  const { fields, match } = comparedFields(schema);
  // The low bit first; the 32nd is not negative.
  const flags = Object.fromEntries(
    [...fields.map(({ name }) => name), ...(match ? [matchName(schema)] : [])].map((name, i) => [name, 2 ** i]),
  );
  return {
    flags,
    fields: [
      {
        name: 'changed',
        type: 'u32',
        size: 4,
        internal: false,
        flags: 'changed',
        doc: 'fields that are not as they were (times since the last hit aside)',
      },
      {
        name: 'change',
        type: 'u32',
        size: 4,
        internal: false,
        enum: { new: CHANGE.new, gone: CHANGE.gone, changed: CHANGE.changed },
        doc: 'new, gone, or changed since the sample before',
      },
    ],
  };
}

export interface SampledSchema {
  readonly schema: TableSchema;
  readonly rates: readonly RateColumn[];
  readonly changes: boolean;
}

/** The schema with these rates, and with the columns of `changes since`. */
export function sampledSchema(schema: TableSchema, rates: readonly RateColumn[], changes: boolean): SampledSchema {
  const rows = schema.segments[0]!;
  const change = changes ? changeFields(schema) : { fields: [], flags: undefined };
  const taken = new Set(rows.fields.map(({ knownBit }) => knownBit));
  const free = Array.from({ length: 32 }, (_, i) => 31 - i).filter((bit) => !taken.has(bit));
  if (rates.length > free.length || (rates.length > 0 && !rows.fields.some(({ name }) => name === 'known')))
    throw new CtiError(
      'INVALID_ARGUMENT',
      `${schema.name}: expected at most ${free.length} rates in a question but received ${rates.length}`,
    );
  const added: Omit<FieldSchema, 'offset'>[] = [
    ...rates.map(({ name, field, times }, i) => ({
      name,
      type: 'u64' as const,
      size: 8,
      internal: false,
      knownBit: free[i]!,
      doc: SHORT[name]?.doc ?? `${field.name} a second${times === 1 ? '' : ' in bits'}, over two samples, rounded up`,
    })),
    ...change.fields,
  ];
  if (rows.stride % 8 !== 0)
    throw new CtiError('INTERNAL', `${schema.name}.${rows.name}: records of ${rows.stride} bytes`);
  let offset = rows.stride;
  const fields = added.map((field): FieldSchema => {
    const placed = { ...field, offset };
    offset += field.size;
    return placed;
  });
  const hash = createHash('sha256')
    .update(JSON.stringify([schema.hash, fields, change.flags]))
    .digest('hex')
    .slice(0, 16);
  const wider = { ...rows, fields: [...rows.fields, ...fields], half: offset, stride: offset };
  return {
    rates,
    changes,
    schema: {
      ...schema,
      hash,
      show: changes ? ['change', 'changed', ...schema.show] : schema.show,
      segments: [wider, ...schema.segments.slice(1)],
      flags: change.flags ? { ...schema.flags, changed: change.flags } : schema.flags,
    },
  };
}
