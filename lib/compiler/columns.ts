/**
 * The names a question can use of a relation (a table, or the groups that `count by` makes) and where each lies in memory.
 * Second pass: names -> columns, or QUERY_NAME with the nearest names.
 */
import type { DerivedFrom, DerivedType } from '../derived-column.js';
import type { ColumnSchema, FieldSchema, SegmentSchema, TableSchema, WordSchema } from '../table-schema.js';
import type { Name } from './ast.js';
import { type Cube, ones } from './cubes.js';
import { nearest, questionError } from './diagnostics.js';
import { elsewhere } from './elsewhere.js';

export type ColumnKind =
  | 'number'
  | 'duration'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'ip'
  | 'hex128'
  | 'uuid'
  | 'flags'
  | 'enum'
  | 'port'
  | 'port-number'
  | 'datapath'
  | 'actions'
  | 'text'
  | 'derived'
  | 'row';

/** Which pointer a load goes through: a segment of the table, or an entry of a group table. */
export type Base = string;

export interface Known {
  readonly base: Base;
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8;
  /** Value present iff a bit of this is set. */
  readonly bit: bigint;
}

/** A packet has the field only if its match overlaps these values of another field. */
export interface Requirement {
  readonly column: Column;
  readonly cubes: readonly Cube[];
}

export interface Column {
  /** Canonical: an alias resolves to the column it stands for. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly doc: string;
  readonly base: Base;
  /** For a some-rows segment: where rows has the one-based record number. */
  readonly via?: { readonly offset: number; readonly stride: number };
  readonly offset: number;
  readonly size: 1 | 2 | 4 | 8 | 16;
  /** Bytes from key to mask; absent: the field has no mask. */
  readonly maskAt?: number;
  /** The column is `width` bits of the field, `shift` bits up. */
  readonly shift: number;
  readonly width: number;
  /** Stored as two's complement; compared with the sign bit flipped. */
  readonly signed: boolean;
  readonly known?: Known;
  readonly requires: readonly Requirement[];
  /** Name of the word `requires` comes from, for messages. */
  readonly requiresWord?: string;
  readonly values?: Readonly<Record<string, number>>;
  readonly unit?: string;
  readonly format?: 'hex' | 'hex4' | 'ipv6' | 'ip';
  /** Of kind derived: what is loaded is an index of its ids, or, in a group, of its values. */
  readonly derived?: Derived;
  /** Unknown of every row; `doc` says why. */
  readonly neverKnown?: boolean;
  /** The number is so many decimal digits too large: 1234 with 3 decimals is 1.234. */
  readonly decimals?: number;
  /** Of a group: the column of the table whose values it has; without one it is a number of its own. */
  readonly shows?: string;
}

export interface Derived {
  /** The table's name for it; a group's column keeps it. */
  readonly name: string;
  readonly type: DerivedType;
  readonly set: boolean;
  readonly index: DerivedFrom | 'value';
}

/** The column's bits in its field. */
export const partMask = (column: Column): bigint => ones(column.width) << BigInt(column.shift);

export interface Relation {
  readonly name: string;
  /** What an answer shows unless the question says. */
  readonly show: readonly string[];
  readonly columns: ReadonlyMap<string, Column>;
  readonly words: Readonly<Record<string, WordSchema>>;
  /** Names of `does`, where they are not the datapath's (actions.ts). */
  readonly actions?: Readonly<Record<string, number>>;
  /** Base column by the schema's field name; words refer to those. */
  readonly fields: ReadonlyMap<string, Column>;
  readonly passes?: TableSchema['passes'];
}

const KIND_OF_TYPE: Readonly<Record<string, ColumnKind>> = {
  mac: 'mac',
  ipv4: 'ipv4',
  port: 'port',
  datapath: 'datapath',
  actions: 'actions',
  text: 'text',
};

function kindOf(field: FieldSchema): ColumnKind {
  if (field.flags) return 'flags';
  if (field.enum) return 'enum';
  if (field.unit === 'ms') return 'duration';
  if (field.type === 'be128') {
    if (field.format === 'ip' || field.format === 'ipv6') return field.format;
    return field.format === 'hex' ? 'hex128' : 'uuid';
  }
  return KIND_OF_TYPE[field.type] ?? 'number';
}

export const requirementsOf = (relation: Pick<Relation, 'fields' | 'words'>, word: string): Requirement[] =>
  (relation.words[word]?.all ?? []).map(({ field, in: values }) => {
    const column = relation.fields.get(field)!;
    return { column, cubes: values.map((value) => ({ value: BigInt(value), mask: ones(column.width) })) };
  });

class RelationBuilder {
  readonly columns = new Map<string, Column>();
  readonly fields = new Map<string, Column>();
  readonly words: Readonly<Record<string, WordSchema>>;

  constructor(readonly schema: TableSchema) {
    this.words = schema.words;
    for (const segment of schema.segments) {
      if (segment.per !== 'row' && segment.per !== 'some-rows') continue;
      for (const field of segment.fields) {
        if (field.type !== 'ref' && !field.index_of) this.addField(segment, field);
      }
    }
    // Requirements name fields that may be laid out later, so they are filled in when all are there.
    for (const segment of schema.segments) {
      for (const field of segment.fields) if (field.requires) this.require(field.name, field.requires);
    }
    const aliases = schema.columns.filter((column) => column.alias);
    for (const column of schema.columns) {
      if (column.derived) this.addDerived(column, column.derived);
      else if (!column.alias) this.addPart(column);
    }
    for (const { name, alias } of aliases) this.columns.set(name, this.columns.get(alias!)!);
  }

  private addField(segment: SegmentSchema, field: FieldSchema): void {
    const rows = this.schema.segments[0]!;
    const at = (fields: readonly FieldSchema[], test: (f: FieldSchema) => boolean): number => fields.find(test)!.offset;
    const flags = field.flags ? this.schema.flags[field.flags] : undefined;
    const values = field.enum ?? flags;
    const column: Column = {
      name: field.name,
      kind: kindOf(field),
      doc: field.doc,
      base: segment.name,
      ...(segment.per === 'some-rows' && {
        via: { offset: at(rows.fields, (f) => f.index_of === segment.name), stride: segment.stride },
      }),
      offset: field.offset,
      size: field.size as Column['size'],
      ...(segment.masked && { maskAt: segment.half }),
      shift: 0,
      width: field.type === 'mac' ? 48 : field.size * 8,
      signed: field.type === 'i32',
      ...(field.knownBit !== undefined && {
        known: {
          base: rows.name,
          offset: at(rows.fields, (f) => f.name === 'known'),
          size: 4,
          bit: 1n << BigInt(field.knownBit),
        },
      }),
      requires: [],
      ...(values && { values }),
      ...(field.unit && { unit: field.unit }),
      ...(field.format && { format: field.format }),
    };
    this.fields.set(field.name, column);
    if (!field.internal) this.columns.set(field.name, column);
  }

  private require(name: string, word: string): void {
    const column = this.fields.get(name)!;
    const full: Column = { ...column, requires: requirementsOf(this, word), requiresWord: word };
    this.fields.set(name, full);
    if (this.columns.has(name)) this.columns.set(name, full);
  }

  private addDerived(column: ColumnSchema, index: DerivedFrom): void {
    const { name, type, set, doc = '', enum: values, neverKnown } = column;
    const rows = this.schema.segments[0]!;
    this.columns.set(name, {
      name,
      kind: 'derived',
      doc,
      base: rows.name,
      // A row's own number is no field.
      offset: rows.fields.find((field) => field.type === index)?.offset ?? 0,
      size: 4,
      shift: 0,
      width: 32,
      signed: false,
      requires: [],
      ...(values && { values }),
      derived: { name, type: type!, set: set ?? false, index },
      ...(neverKnown && { neverKnown }),
    });
  }

  private addPart(part: ColumnSchema): void {
    const field = this.fields.get(part.of!)!;
    const flags = part.flags ? this.schema.flags[part.flags] : undefined;
    const word = part.requires ?? field.requiresWord;
    const requires = word ? requirementsOf(this, word) : [];
    const present = part.present === undefined ? undefined : BigInt(part.present);
    this.columns.set(part.name, {
      ...field,
      name: part.name,
      doc: part.doc ?? field.doc,
      kind: part.dictionary !== undefined ? 'port-number' : flags ? 'flags' : field.kind,
      shift: part.shift ?? field.shift,
      width: part.width ?? field.width,
      requires:
        present === undefined ? requires : [...requires, { column: field, cubes: [{ value: present, mask: present }] }],
      ...(word && { requiresWord: word }),
      ...(flags && { values: flags }),
    });
  }
}

export function relationOf(schema: TableSchema): Relation {
  const { columns, fields, words } = new RelationBuilder(schema);
  const { name, show, rowText, passes } = schema;
  // The row itself, as the switch prints it: something to show, not to compare.
  if (rowText !== undefined) {
    columns.set(rowText, {
      name: rowText,
      kind: 'row',
      doc: 'the whole row, as the switch prints it',
      base: schema.segments[0]!.name,
      offset: 0,
      size: 8,
      shift: 0,
      width: 64,
      signed: false,
      requires: [],
    });
  }
  return {
    name,
    show,
    columns,
    fields,
    words,
    ...(passes && { passes }),
    ...(schema.actions && { actions: schema.actions }),
  };
}

/** Where to look for a name when none is near. */
export const namesOf = ({ name, columns }: Relation): string =>
  columns.size > 20 ? `; \`ctinspector tables ${name}\` lists them` : `; it has ${[...columns.keys()].join(', ')}`;

/** The column called `name`, in any case. */
export function resolve(source: string, relation: Relation, name: Name, notes: string[]): Column {
  const column = relation.columns.get(name.text.toLowerCase());
  if (column?.neverKnown) notes.push(`${column.name} is ${column.doc}`);
  if (column) return column;
  const isWord = Object.hasOwn(relation.words, name.text.toLowerCase());
  const lives = relation.name === 'dp_flows' ? elsewhere(name.text.toLowerCase()) : undefined;
  if (lives !== undefined)
    throw questionError('QUERY_NAME', source, name.span, `${name.text} ${lives}`, { expected: ['a field'] });
  const suggestions = nearest(name.text, relation.columns.keys());
  const message = isWord
    ? `${name.text} is a word for a kind of packet, not a field: write it alone`
    : `${relation.name} has no field called ${JSON.stringify(name.text)}${suggestions.length > 0 ? '' : namesOf(relation)}`;
  throw questionError('QUERY_NAME', source, name.span, message, { expected: ['a field'], suggestions });
}
