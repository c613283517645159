/**
 * Questions that need two samples of their table: rates (`pps`, `bps`, `rate(FIELD)`) and `changes since`. Says what a question needs before
 * anything is read, and makes one table of two samples, which runQuestion() runs over like over any other.
 */
import { type Atom, type Names, NO_NAMES, namesUsed, questionError } from '../compiler/index.js';
import { CtiError } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import {
  isRateName,
  type RateColumn,
  rateColumn,
  type SampledSchema,
  sampledSchema,
} from '../tables/sampled-schema.js';

export interface SamplesNeeded {
  readonly sampled: SampledSchema;
  /** What the question compares with: a file or a time; undefined: it asks for rates only. */
  readonly since: { readonly durationMs: number } | { readonly file: string } | undefined;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function sinceOf(source: string, { text, quoted, span }: Atom): SamplesNeeded['since'] {
  const duration = quoted ? null : /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text);
  if (!duration) return { file: text };
  const durationMs = Number(duration[1]) * UNITS[duration[2]!]!;
  if (durationMs > 0) return { durationMs };
  throw questionError('QUERY_TYPE', source, span, 'expected a time above 0, such as 10s, or a file');
}

/** Two samples if the question needs them; undefined: one does. QUERY_SYNTAX, QUERY_NAME, QUERY_TYPE. */
export function samplesNeeded(question: string, schema: TableSchema, own: Names = NO_NAMES): SamplesNeeded | undefined {
  const { names, since } = namesUsed(question, own);
  const rates = new Map<string, RateColumn>();
  for (const { text, span } of names) {
    const name = text.toLowerCase();
    if (!isRateName(name) || rates.has(name)) continue;
    try {
      const rate = rateColumn(schema, name);
      if (rate) rates.set(name, rate);
    } catch (error) {
      if (!(error instanceof CtiError) || (error.code !== 'QUERY_TYPE' && error.code !== 'QUERY_NAME')) throw error;
      throw questionError(error.code, question, span, error.message);
    }
  }
  if (rates.size === 0 && !since) return undefined;
  return {
    sampled: sampledSchema(schema, [...rates.values()], since !== undefined),
    since: since && sinceOf(question, since),
  };
}

/** The schema that a question is compiled for: with the columns that two samples have, if it needs two. */
export const questionSchema = (question: string, schema: TableSchema, names: Names): TableSchema =>
  samplesNeeded(question, schema, names)?.sampled.schema ?? schema;
