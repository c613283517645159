/**
 * Third pass, stages that make something of many rows: `count, sum(bytes) as b by nw_src`, `count distinct FIELD`, `distinct FIELD`.
 * Names and types are checked here; accumulators.ts has where the numbers are kept, codegen-groups.ts the program.
 */
import type { Aggregate, AggregateFunction, Name, Span, Stage } from './ast.js';
import { type Column, type ColumnKind, type Relation, resolve } from './columns.js';
import { questionError } from './diagnostics.js';
import { type CheckedKey, type GroupLayout, groupsOf } from './groups.js';

export interface CheckedAggregate {
  readonly fn: AggregateFunction;
  readonly columns: readonly Column[];
  /** What later stages call it: the name given, else sum_bytes, distinct_nw_dst, count. */
  readonly title: string;
  /** For messages: sum(bytes). */
  readonly text: string;
  /** A sum of a counter that counts a packet in each pass: of first passes alone, or of all. */
  readonly passes?: 'first' | 'all';
  readonly span: Span;
}

/** Kinds of columns whose values are numbers with an order. */
const ORDERED: readonly ColumnKind[] = ['number', 'duration', 'mac', 'ipv4'];

export class AggregateChecker {
  constructor(
    private readonly source: string,
    private readonly relation: Relation,
    private readonly notes: string[],
  ) {}

  group({ aggregates, keys, allPasses, span }: Extract<Stage, { kind: 'aggregate' }>): GroupLayout {
    const checkedKeys = keys.map((name) => this.key(name));
    const checked = aggregates.map((aggregate) => this.aggregate(aggregate, allPasses !== undefined));
    this.refuseTwice([
      ...checkedKeys.map(({ title, name }) => ({ title, span: name.span })),
      ...checked.map(({ title, span: at }) => ({ title, span: at })),
    ]);
    if (allPasses && !checked.some(({ passes }) => passes === 'all')) this.noPasses(allPasses);
    return groupsOf(checkedKeys, checked, this.relation, span);
  }

  distinct(columns: readonly Name[], span: Span): GroupLayout {
    const keys = columns.map((name) => this.key(name));
    this.refuseTwice(keys.map(({ title, name }) => ({ title, span: name.span })));
    return groupsOf(keys, [], this.relation, span);
  }

  private key(name: Name): CheckedKey {
    return { name, title: name.text.toLowerCase(), column: this.column(name) };
  }

  private column(name: Name): Column {
    const column = resolve(this.source, this.relation, name, this.notes);
    if (column.kind === 'row')
      this.fail(name.span, `${column.name} is ${column.doc}: it can be shown, not ordered or counted by`);
    return column;
  }

  private aggregate({ fn, fields, as, span }: Aggregate, allPasses: boolean): CheckedAggregate {
    const columns = fields.map((name) => this.column(name));
    const names = fields.map(({ text }) => text.toLowerCase());
    const title = (as?.text ?? [fn, ...names].join('_')).toLowerCase();
    const text = fn === 'count' ? fn : fn === 'distinct' ? `count(distinct ${names.join(', ')})` : `${fn}(${names[0]})`;
    if (fn !== 'count' && fn !== 'distinct') this.checkNumber(fn, columns[0]!, fields[0]!);
    const inPasses = fn === 'sum' && this.relation.passes?.counters.includes(columns[0]!.name);
    return { fn, columns, title, text, span, ...(inPasses && { passes: allPasses ? 'all' : 'first' }) };
  }

  private checkNumber(fn: AggregateFunction, column: Column, { text, span }: Name): void {
    const adds = fn === 'sum' || fn === 'avg';
    const instead = `; count distinct ${text} says how many there are`;
    if (column.size === 16) this.fail(span, `${fn} takes numbers of up to 64 bits, and ${text} has 128${instead}`);
    if (adds && column.signed) this.fail(span, `${fn} takes amounts, and ${text} can be negative${instead}`);
    if (ORDERED.includes(column.kind) && !(adds && (column.kind === 'mac' || column.kind === 'ipv4'))) return;
    if (column.kind === 'derived')
      this.fail(span, `${fn} takes columns that a row itself has, and ${text} is derived from others${instead}`);
    const takes = adds ? 'numbers and durations' : 'numbers, durations and addresses';
    this.fail(span, `${fn} takes ${takes}, and ${text} is none${instead}`);
  }

  private refuseTwice(names: readonly { title: string; span: Span }[]): void {
    const seen = new Set<string>();
    for (const { title, span } of [...names].sort((a, b) => a.span.start - b.span.start)) {
      if (seen.has(title)) this.fail(span, `${title} is there twice: give one another name with as`);
      seen.add(title);
    }
  }

  private noPasses(span: Span): never {
    const { name, passes } = this.relation;
    const counters = passes?.counters.map((counter) => `sum(${counter})`).join(' or ');
    this.fail(
      span,
      counters
        ? `all passes says that ${counters} counts a packet in each pass: this stage has no such sum`
        : `all passes is about counters of megaflows: ${name} has none`,
    );
  }

  private fail(span: Span, message: string): never {
    throw questionError('QUERY_TYPE', this.source, span, message);
  }
}
