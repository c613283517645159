/** Third pass: names and types of all stages. Its result needs no further look at the question, but for showing it. */
import type { CtiError } from '../errors.js';
import { AggregateChecker } from './aggregates.js';
import type { Name, Question, Span, Stage } from './ast.js';
import { ConditionChecker } from './check-conditions.js';
import { type Column, type Relation, resolve } from './columns.js';
import { nearest, questionError } from './diagnostics.js';
import type { Dictionaries } from './dictionaries.js';
import type { Formula } from './formula.js';
import type { GroupLayout } from './groups.js';

export type Step =
  | { readonly kind: 'filter'; readonly formula: Formula; readonly span: Span }
  | { readonly kind: 'top'; readonly n: number; readonly key: Column; readonly largest: boolean; readonly span: Span }
  | {
      readonly kind: 'sort';
      readonly key: Column;
      readonly descending: boolean;
      /** The order that groups have where the question says none: no stage of its own. */
      readonly implied?: true;
      readonly span: Span;
    }
  | { readonly kind: 'limit'; readonly n: number; readonly span: Span }
  | { readonly kind: 'count'; readonly span: Span }
  | { readonly kind: 'group'; readonly layout: GroupLayout; readonly span: Span };

/** A column of the answer; `title` is the name the user gave it. */
export interface OutputColumn {
  readonly title: string;
  readonly column: Column;
}

export interface CheckedQuestion {
  readonly table: string;
  readonly steps: readonly Step[];
  /** Columns of the answer; for `count` alone none. */
  readonly columns: readonly OutputColumn[];
  /** What of the question is not asked, and what no row can have, for the answer to say. */
  readonly notes: readonly string[];
}

/** Rows a snapshot can have; `top` and `limit` of more say nothing. */
const MAX_COUNT = 0xffff_ffff;

/** What a question begins with is no table, or not one of these. */
export function noSuchTable(source: string, { text, span }: Name, relations: readonly Relation[]): CtiError {
  const names = relations.map(({ name }) => name);
  const key = text.toLowerCase();
  const suggestions = nearest(text, names);
  const meant = relations.find(({ columns, words }) => columns.has(key) || Object.hasOwn(words, key));
  const there = `; there ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}`;
  const instead =
    meant && relations.length === 1
      ? `: a question begins with one, ${meant.name} | where ...`
      : `: a question begins with one${there}`;
  const message = `there is no table called ${JSON.stringify(text)}${suggestions.length > 0 ? '' : instead}`;
  return questionError('QUERY_NAME', source, span, message, { expected: names, suggestions });
}

class Checker {
  private relation: Relation;
  private shown: { columns: OutputColumn[]; span: Span } | undefined;
  private readonly steps: Step[] = [];
  private readonly notes: string[] = [];

  constructor(
    private readonly source: string,
    table: Relation,
    private readonly dictionaries: Dictionaries,
  ) {
    this.relation = table;
  }

  question(question: Question): CheckedQuestion {
    const { table, stages } = question;
    const name = this.relation.name;
    if (table.text.toLowerCase() !== name) {
      throw noSuchTable(this.source, table, [this.relation]);
    }
    for (const [i, stage] of stages.entries()) {
      if (stage.kind === 'changes' && i > 0)
        this.fail(stage.span, `changes since comes first: ${name} | changes since ... | where ...`);
      this.stage(stage, stages[i + 1]);
    }
    // The order of a hash table says nothing: largest groups first, unless told otherwise.
    const lastGroup = this.steps.findLastIndex(({ kind }) => kind === 'group');
    const group = this.steps[lastGroup];
    const ordered = this.steps.slice(lastGroup + 1).some(({ kind }) => ['sort', 'top', 'count'].includes(kind));
    if (group?.kind === 'group' && !ordered && group.layout.keys.length > 0 && group.layout.aggregates.length > 0) {
      const key = group.layout.relation.columns.get(group.layout.aggregates[0]!)!;
      this.steps.splice(lastGroup + 1, 0, { kind: 'sort', key, descending: true, implied: true, span: group.span });
    }
    return { table: name, steps: this.steps, columns: this.output(), notes: [...new Set(this.notes)] };
  }

  private output(): OutputColumn[] {
    if (this.steps.at(-1)?.kind === 'count') return [];
    if (this.shown) return this.shown.columns;
    return this.relation.show.map((title) => ({ title, column: this.relation.columns.get(title)! }));
  }

  private stage(stage: Stage, next: Stage | undefined): void {
    const { span } = stage;
    switch (stage.kind) {
      case 'changes':
        return; // the table has its rows and columns
      case 'where': {
        const { source, relation, dictionaries, notes } = this;
        const formula = new ConditionChecker({ source, relation, dictionaries, notes }).check(stage.condition);
        this.steps.push({ kind: 'filter', formula, span });
        return;
      }
      case 'top':
      case 'bottom': {
        const key = this.key(stage.key);
        this.steps.push({ kind: 'top', n: this.count(stage.n), key, largest: stage.kind === 'top', span });
        return;
      }
      case 'sort':
        this.steps.push({ kind: 'sort', key: this.key(stage.key), descending: stage.descending, span });
        return;
      case 'limit':
        this.steps.push({ kind: 'limit', n: this.count(stage.n), span });
        return;
      case 'show':
        this.shown = { columns: stage.columns.map((name) => this.show(name)), span };
        return;
      case 'aggregate': {
        const { aggregates, keys, allPasses } = stage;
        const isCount = aggregates.length === 1 && aggregates[0]!.fn === 'count' && aggregates[0]!.as === null;
        if (!isCount || keys.length > 0 || allPasses) {
          this.group(new AggregateChecker(this.source, this.relation, this.notes).group(stage), span);
          return;
        }
        this.refuseShown('count');
        if (next) this.fail(next.span, 'count gives one number: nothing can follow it');
        this.steps.push({ kind: 'count', span });
        return;
      }
      case 'distinct':
        this.group(new AggregateChecker(this.source, this.relation, this.notes).distinct(stage.columns, span), span);
    }
  }

  private group(layout: GroupLayout, span: Span): void {
    this.refuseShown(layout.aggregates[0] === 'count' ? 'count' : 'the stage that follows');
    this.steps.push({ kind: 'group', layout, span });
    this.relation = layout.relation;
  }

  /** A column to order by. */
  private key(name: Name): Column {
    const column = resolve(this.source, this.relation, name, this.notes);
    if (column.kind === 'row')
      this.fail(name.span, `${column.name} is ${column.doc}: it can be shown, not ordered or counted by`);
    if (column.size === 16) {
      this.fail(
        name.span,
        `${column.name} has 128 bits and cannot be ordered by: use count by ${column.name}, or a field of up to 64 bits`,
      );
    }
    return column;
  }

  private show(name: Name): OutputColumn {
    return { title: name.text.toLowerCase(), column: resolve(this.source, this.relation, name, this.notes) };
  }

  private refuseShown(what: string): void {
    if (this.shown) this.fail(this.shown.span, `${what} has columns of its own: put show after it`);
  }

  private count(name: Name): number {
    const n = name.text.length > 12 ? Number.POSITIVE_INFINITY : Number(name.text);
    if (n < 1 || n > MAX_COUNT) this.fail(name.span, `expected a number from 1 to ${MAX_COUNT}, received ${name.text}`);
    return n;
  }

  private fail(span: Span, message: string): never {
    throw questionError('QUERY_TYPE', this.source, span, message);
  }
}

export const checkQuestion = (
  source: string,
  question: Question,
  table: Relation,
  dictionaries: Dictionaries,
): CheckedQuestion => new Checker(source, table, dictionaries).question(question);
