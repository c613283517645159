/** A table's columns by name: fields, other names for them, parts of them, fields of what they point to. */
import { CtiError } from '../errors.js';
import type { ColumnSchema, FieldSchema, SegmentSchema, TableSchema } from '../table-schema.js';

export interface Column {
  /** As asked for; an alias keeps its own name. */
  readonly name: string;
  readonly segment: SegmentSchema;
  readonly field: FieldSchema;
  /** The part of the field that this is: bits shift .. shift + width - 1. */
  readonly shift: number;
  readonly width: number;
  /** Bits of the field that must be matched and set for the part to exist. */
  readonly present: bigint;
  /** The word a row must satisfy for this column to have a value; what the field itself requires is in its mask. */
  readonly requires: string | undefined;
  readonly flags: Readonly<Record<string, number>> | undefined;
  /** The column is this field of the dictionary that `field` points into. */
  readonly dictionary: { readonly segment: SegmentSchema; readonly field: FieldSchema } | undefined;
  /** Made of what `field` points to (derived.ts); a cell's value is then an id of its values. */
  readonly derived: ColumnSchema | undefined;
  readonly doc: string;
}

/** The dictionary that a field of this type points into. */
export const DICTIONARIES: Readonly<Record<string, string>> = {
  port: 'ports',
  datapath: 'datapaths',
  actions: 'action_lists',
  text: 'texts',
};

const fieldBits = (field: FieldSchema): number => (field.type === 'mac' ? 48 : field.size * 8);

const segmentNamed = (schema: TableSchema, name: string) => schema.segments.find((segment) => segment.name === name);

/** All names that resolveColumn knows: the fields in the schema's order, then the others. */
export function columnNames(schema: TableSchema): string[] {
  const ofRows = schema.segments.filter((segment) => segment.per === 'row' || segment.per === 'some-rows');
  const fields = ofRows.flatMap((segment) => segment.fields.filter((field) => !field.internal));
  return [...fields.map((field) => field.name), ...schema.columns.map((column) => column.name)];
}

function findField(schema: TableSchema, name: string): { segment: SegmentSchema; field: FieldSchema } | undefined {
  for (const segment of schema.segments) {
    if (segment.per !== 'row' && segment.per !== 'some-rows') continue;
    const field = segment.fields.find((field) => field.name === name);
    if (field) return { segment, field };
  }
  return undefined;
}

function dictionaryField(schema: TableSchema, of: FieldSchema, name: string): NonNullable<Column['dictionary']> {
  const segment = segmentNamed(schema, DICTIONARIES[of.type] ?? '');
  const field = segment?.fields.find((field) => field.name === name);
  if (!segment || !field) throw new CtiError('INTERNAL', `${schema.name}: ${of.name} has no dictionary field ${name}`);
  return { segment, field };
}

/** The field of `rows` that says what a derived column is made of; for a row itself, the first. */
function derivedFrom(schema: TableSchema, { derived }: ColumnSchema): { segment: SegmentSchema; field: FieldSchema } {
  const segment = schema.segments[0]!;
  return { segment, field: segment.fields.find(({ type }) => type === derived) ?? segment.fields[0]! };
}

/** The column of that name; QUERY_NAME if the table has none. */
export function resolveColumn(schema: TableSchema, name: string): Column {
  const extra = schema.columns.find((column) => column.name === name);
  if (extra?.alias) return { ...resolveColumn(schema, extra.alias), name };
  const found = extra?.derived ? derivedFrom(schema, extra) : findField(schema, extra?.of ?? name);
  if (!found || (found.field.internal && !extra)) {
    throw new CtiError(
      'QUERY_NAME',
      `${schema.name} has no column '${name}'; it has ${columnNames(schema).join(', ')}`,
    );
  }
  const { segment, field } = found;
  const flags = extra?.flags ?? field.flags;
  return {
    name,
    segment,
    field,
    shift: extra?.shift ?? 0,
    width: extra?.width ?? fieldBits(field),
    present: BigInt(extra?.present ?? 0),
    requires: extra?.requires,
    flags: flags === undefined ? undefined : schema.flags[flags],
    dictionary: extra?.dictionary === undefined ? undefined : dictionaryField(schema, field, extra.dictionary),
    derived: extra?.derived ? extra : undefined,
    doc: extra?.doc ?? field.doc,
  };
}
