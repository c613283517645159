// Reads and validates schema/*.yaml. What is wrong in a schema is reported with file and path, before anything is generated.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { kernelSets } from './kernel-sets.js';

const name = z.string().regex(/^[a-z][a-z0-9_]*$/);
/** A name of the query language alone: orig.src. */
const dotted = z.string().regex(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$/);

const errorRow = z.strictObject({ name: z.string().regex(/^[A-Z][A-Z_]*$/), doc: z.string() });
const trapRow = z.strictObject({ id: z.number().int(), name, address: z.boolean(), doc: z.string() });

const controlRow = z.strictObject({
  name: z.string().regex(/^[a-z][A-Za-z]*$/),
  type: z.enum(['id', 'u64', 'u32', 'size', 'bool', 'text']),
  required: z.boolean().default(false),
  doc: z.string(),
});

const kernelFunction = z.strictObject({
  number: z.number().int().min(1).max(65535),
  name,
  version: z.number().int().min(1),
  args: z
    .array(
      z.strictObject({
        name,
        type: z.string(),
        direction: z.enum(['in', 'out', 'inout']).optional(),
        size: z.string().optional(),
        doc: z.string().optional(),
      }),
    )
    .max(5),
  result: z.string().default('int64_t'),
  returns: z.string(),
  charge: z.string().optional(),
  suspends: z.union([z.boolean(), z.literal('maybe')]),
  fuel: z.number().int().min(1).max(1_000_000).optional(),
  hook: name.optional(),
  doc: z.string(),
});
const kernelGroup = z.strictObject({
  group: name,
  set: z.enum(['conformance', 'upstream', 'ctinspector']),
  doc: z.string(),
  functions: z.array(kernelFunction),
});

export const SCALAR_SIZE = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  i32: 4,
  be128: 16,
  mac: 8,
  ipv4: 4,
  port: 4,
  datapath: 4,
  actions: 4,
  text: 4,
  ref: 8,
} as const;

const values = z.record(z.string(), z.number().int());
const field = z.strictObject({
  name,
  type: z.enum(Object.keys(SCALAR_SIZE) as [keyof typeof SCALAR_SIZE, ...(keyof typeof SCALAR_SIZE)[]]),
  doc: z.string(),
  internal: z.boolean().default(false),
  known: z.boolean().default(false),
  index_of: name.optional(),
  format: z.enum(['hex', 'hex4', 'ipv6', 'ip']).optional(),
  unit: z.string().optional(),
  enum: values.optional(),
  flags: name.optional(),
  requires: name.optional(),
});
const segment = z.strictObject({
  name,
  per: z.enum(['row', 'some-rows', 'distinct', 'bytes']),
  masked: z.boolean().default(false),
  doc: z.string(),
  fields: z.array(field).default([]),
});
const column = z.strictObject({
  name: dotted,
  alias: name.optional(),
  of: name.optional(),
  shift: z.number().int().optional(),
  width: z.number().int().optional(),
  present: z.number().int().optional(),
  flags: name.optional(),
  requires: name.optional(),
  dictionary: name.optional(),
  derived: z.enum(['actions', 'row', 'datapath']).optional(),
  type: z.enum(['port', 'address', 'number', 'enum', 'text', 'duration']).optional(),
  set: z.boolean().optional(),
  enum: values.optional(),
  never_known: z.boolean().optional(),
  doc: z.string().optional(),
});
const table = z.strictObject({
  table: name,
  version: z.number().int(),
  doc: z.string(),
  noun: z.string(),
  row_text: name.optional(),
  identity: z.array(name).min(1).optional(),
  not_compared: z.array(name).min(1).optional(),
  show: z.array(dotted).min(1),
  passes: z.strictObject({ by: name, counters: z.array(name).min(1) }).optional(),
  segments: z.array(segment).max(16),
  actions: z.record(name, z.number().int().min(0).max(63)).optional(),
  flags: z.record(name, values).default({}),
  words: z
    .record(
      name,
      z.strictObject({
        doc: z.string(),
        hidden: z.boolean().default(false),
        all: z.array(z.strictObject({ field: name, in: z.array(z.number().int()) })),
      }),
    )
    .default({}),
  columns: z.array(column).default([]),
});

export type ErrorRow = z.infer<typeof errorRow>;
export type ControlRow = z.infer<typeof controlRow>;
export type TrapRow = z.infer<typeof trapRow>;
export type KernelGroup = z.infer<typeof kernelGroup>;
export type KernelFunction = KernelGroup['functions'][number];
export type Table = z.infer<typeof table>;
export type Segment = z.infer<typeof segment>;
export type Field = z.infer<typeof field>;

export interface LaidOutField extends Field {
  offset: number;
  size: number;
  /** Bit number in rows.known, for a field that may have no value. */
  knownBit?: number;
}
export interface LaidOutSegment extends Omit<Segment, 'fields'> {
  fields: LaidOutField[];
  /** Bytes of one half (key or mask) of a masked record, or of the whole record. */
  half: number;
  stride: number;
}

function readYaml<T>(file: string, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parse(readFileSync(file, 'utf8')));
  if (!result.success) throw new Error(`${file}:\n${z.prettifyError(result.error)}`);
  return result.data;
}

/** Offsets by natural alignment, in the order written. A hole is an error: say `reserved` where one is needed. */
export function layOut(table: Table): LaidOutSegment[] {
  let knownBit = 0;
  return table.segments.map((segment) => {
    let offset = 0;
    let align = 1;
    const fields = segment.fields.map((field): LaidOutField => {
      const size = SCALAR_SIZE[field.type];
      const fieldAlign = field.type === 'ref' ? 4 : Math.min(size, 8);
      if (offset % fieldAlign !== 0) {
        throw new Error(
          `${table.table}.${segment.name}.${field.name}: would leave a hole at ${offset}; reorder or add a reserved field`,
        );
      }
      align = Math.max(align, fieldAlign);
      const laidOut: LaidOutField = { ...field, offset, size };
      if (field.known) laidOut.knownBit = knownBit++;
      offset += size;
      return laidOut;
    });
    if (offset % align !== 0)
      throw new Error(
        `${table.table}.${segment.name}: ends at ${offset}, not a multiple of ${align}; add a reserved field`,
      );
    return {
      ...segment,
      fields,
      half: offset,
      stride: segment.masked ? offset * 2 : segment.per === 'bytes' ? 1 : offset,
    };
  });
}

const readFolder = <T>(dir: string, schema: z.ZodType<T>): T[] =>
  readdirSync(dir)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => readYaml(join(dir, file), schema));

export function readSchemas(dir: string) {
  return {
    errors: readYaml(join(dir, 'errors.yaml'), z.array(errorRow)),
    traps: readYaml(join(dir, 'traps.yaml'), z.array(trapRow)),
    imageControl: readYaml(join(dir, 'image-control.yaml'), z.array(controlRow)),
    kernelFunctions: kernelSets(readFolder(join(dir, 'kernel-functions'), kernelGroup)),
    tables: readFolder(join(dir, 'tables'), table),
  };
}
