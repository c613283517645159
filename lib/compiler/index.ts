/**
 * The compiler of questions: text -> an eBPF program and where it leaves its answer. Passes, each a file: parse, columns
 * (names), check (types, exact sets), normal-form, plan, codegen. It runs nothing and knows no snapshot: what a question needs
 * of one is in Dictionaries. lib/query runs what comes out.
 */
import type { TableSchema } from '../table-schema.js';
import { checkQuestion, noSuchTable, type OutputColumn } from './check.js';
import { type Compiled, generate } from './codegen.js';
import { relationOf } from './columns.js';
import type { Dictionaries } from './dictionaries.js';
import { type Definition, expandNames, type Names, NO_NAMES } from './names.js';
import { parseCondition, parseQuestion } from './parse.js';
import { type Plan, planOf } from './plan.js';
import { describePlan } from './plan-text.js';

export type { Atom } from './ast.js';
export type { OutputColumn } from './check.js';
export type { Compiled, ProgramLayout } from './codegen.js';
export { TOO_LARGE } from './codegen-feeds.js';
export type { Column, ColumnKind } from './columns.js';
export { type QuestionErrorDetails, questionError } from './diagnostics.js';
export type { ActionLists, Dictionaries, PortEntry } from './dictionaries.js';
export { ENTRY } from './group-keys.js';
export type { GroupLayout } from './groups.js';
export { HEADER } from './memory.js';
export { type Definition, type Names, NO_NAMES, parseNames } from './names.js';
export { type NamesUsed, namesUsed } from './names-used.js';
export { describeWork } from './plan-text.js';

export interface CompileInput {
  readonly schema: TableSchema;
  readonly dictionaries: Dictionaries;
  readonly nRows: number;
  /** The user's names, if there are any. */
  readonly names?: Names;
  /** Each stage has a loop of its own, and the program notes when it ended and what it left (ProgramLayout.measures). */
  readonly apart?: boolean;
}

export interface CompiledQuestion extends Compiled {
  readonly plan: Plan;
  readonly columns: readonly OutputColumn[];
  /** The plan in words, a line a step. */
  readonly planText: string;
  /** What of the question is not asked (parts of a pasted line), and columns that no row can have, a sentence each. */
  readonly notes: readonly string[];
  /** Those of the user's names that the question uses. */
  readonly names: readonly Definition[];
}

/** What is known of dictionaries without a snapshot: nothing. */
export const NO_DICTIONARIES: Dictionaries = {
  ports: [],
  datapaths: [],
  texts: [],
  actions: { size: 0, text: () => '', outPorts: () => [], hasUnknown: () => false },
  derived: () => undefined,
};

/**
 * Compiles a question over the table of `input.schema`.
 *
 * Throws CtiError: QUERY_SYNTAX, QUERY_NAME, QUERY_TYPE with QuestionErrorDetails; WINDOW_FULL if its working memory does not
 * fit into a program.
 */
export function compileQuestion(source: string, input: CompileInput): CompiledQuestion {
  const { schema, dictionaries, nRows, names = NO_NAMES, apart = false } = input;
  const relation = relationOf(schema);
  const { question, used } = expandNames(source, parseQuestion(source), names, relation);
  const checked = checkQuestion(source, question, relation, dictionaries);
  const plan = planOf(checked, apart);
  const compiled = generate(plan, { source, schema, dictionaries, nRows });
  const { columns, notes } = checked;
  return { ...compiled, plan, columns, planText: describePlan(plan, source), notes, names: used };
}

/** The schema of the table that a question is about. QUERY_NAME if there is none of that name. */
export function tableOf(source: string, schemas: readonly TableSchema[]): TableSchema {
  const { table } = parseQuestion(source);
  const found = schemas.find(({ name }) => name === table.text.toLowerCase());
  if (found) return found;
  throw noSuchTable(source, table, schemas.map(relationOf));
}

/** The question `TABLE | where CONDITION`. A condition that does not parse is reported at its own characters. */
export function questionOfCondition(table: string, condition: string): string {
  if (condition.trim() === '') return table;
  parseCondition(condition);
  return `${table} | where ${condition}`;
}
