/** Asks a question of the switch, or of a saved dump, and writes the answer. `query` and `flows` are this. */
import type { Names } from '../compiler/index.js';
import { type QuestionResult, runQuestion } from '../query/run.js';
import type { Captured } from '../sources/registry.js';
import type { TableSchema } from '../table-schema.js';
import { formatCell, jsonCell } from '../tables/format.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { TableView } from '../tables/view.js';
import { type Context, formatOf } from './context.js';
import { count, integer, ms } from './figures.js';
import { aggregateLines, groupCells } from './group-cells.js';
import { type Cell, type Listing, type ListingColumn, writeListing } from './output.js';
import { startProgress } from './progress.js';
import type { Options, Status } from './registry.js';
import { takeTable } from './take-samples.js';
import { costLine, readingLines } from './take-snapshot.js';

/** Rows of the answer as cells, made one at a time. */
export function* cells(result: QuestionResult, snapshot: TableSnapshot): Generator<Cell[]> {
  const view = new TableView(snapshot);
  const { answer, columns } = result;
  if (answer.kind === 'count') {
    yield [{ text: integer.format(answer.count), json: answer.count }];
  } else if (answer.kind === 'rows') {
    const shown = columns.map(({ title, column }) => (column.kind === 'row' ? undefined : view.column(title)));
    for (const row of answer.rows) {
      yield shown.map((column) => {
        if (!column) {
          const text = snapshot.rowText(row);
          return { text, json: text };
        }
        const cell = view.cell(row, column);
        return { text: formatCell(column, cell, view), json: jsonCell(column, cell, view) };
      });
    }
  } else yield* groupCells(answer, columns, view);
}

/** The answer's columns, for people: what each is called, and where its cells stand. */
export function columnsOf(result: QuestionResult, snapshot: TableSnapshot): ListingColumn[] {
  const numeric = new Set(['u8', 'u16', 'u32', 'u64', 'i32']);
  const view = new TableView(snapshot);
  return result.answer.kind === 'count'
    ? [{ name: 'count' }]
    : result.columns.map(({ title, column }) => {
        if (column.kind === 'row') return { name: title };
        const tableColumn = result.answer.kind === 'groups' ? column.shows : title;
        if (tableColumn === undefined) return { name: title, align: 'right' as const };
        const { field, flags } = view.column(tableColumn);
        const align = numeric.has(field.type) && !flags && !field.enum ? ('right' as const) : ('left' as const);
        return { name: title, align };
      });
}

function footer(result: QuestionResult, { snapshot, passedOver }: Captured, wallMs: number): string[] {
  const { facts } = result;
  const { facts: about } = snapshot;
  const lines: string[] = [];
  // `limit` ends the program: rows behind were not looked at.
  const isPart = facts.rowsScanned < about.nRows;
  const scanned = isPart
    ? `the first ${integer.format(facts.rowsScanned)} of ${count(about.nRows, snapshot.schema.noun)}`
    : count(facts.rowsScanned, snapshot.schema.noun);
  const shown =
    result.answer.kind === 'count'
      ? `${scanned} looked at`
      : `${count(facts.rowsShown, result.answer.kind === 'groups' ? 'group' : 'row')} of ${scanned}`;
  lines.push(`${shown}; ${about.source}; answered in ${ms(wallMs)}, of which the program ${ms(facts.runMs)}`);
  lines.push(...passedOver);
  lines.push(...readingLines(about));
  lines.push(...facts.notes);
  if (facts.undecided > 0)
    lines.push(
      `${count(facts.undecided, 'row')} undecided: what is asked for is not known of them ('FIELD is unknown' shows them)`,
    );
  if (facts.noValue > 0) lines.push(`${count(facts.noValue, 'row')} left out: no value to order by`);
  lines.push(...aggregateLines(facts, snapshot.schema));
  if (facts.couldCarry.rows > 0) {
    const fields = Object.entries(facts.couldCarry.byField).map(([field, n]) => `${field}: ${integer.format(n)}`);
    lines.push(
      `${count(facts.couldCarry.rows, 'more row')} do not look at a field asked for and could carry it (${fields.join(', ')}); covers(...) shows them`,
    );
  }
  lines.push(costLine(about));
  return lines;
}

export function answerListing(
  question: string,
  { result, captured, wallMs }: { result: QuestionResult; captured: Captured; wallMs: number },
): Listing {
  const { snapshot, passedOver } = captured;
  return {
    columns: columnsOf(result, snapshot),
    rows: cells(result, snapshot),
    footer: footer(result, captured, wallMs),
    facts: { question, wallMs, ...result.facts, snapshot: snapshot.facts, passedOver },
  };
}

export async function answer(
  context: Context,
  table: TableSchema,
  question: string,
  options: Options,
  names: Names,
): Promise<Status> {
  const format = formatOf(options);
  const begin = performance.now();
  const progress = await startProgress(context);
  let captured: Captured | undefined;
  try {
    captured = await takeTable(context, table, question, options, progress, names);
    const { snapshot } = captured;
    const result = await runQuestion(question, snapshot, {
      signal: context.signal,
      names,
      onProgress: () => progress.update('running the program'),
    });
    progress.stop();
    const wallMs = performance.now() - begin;
    const listing = answerListing(question, { result, captured, wallMs });
    await writeListing(context, format, listing);
    if (result.answer.kind === 'count') return result.answer.count === 0n ? 1 : 0;
    // A group of all rows is there where there are none, too: it says so in numbers.
    const { answer } = result;
    const isNothing =
      answer.kind === 'groups' && answer.keys.length === 0 && answer.groups.every(({ count }) => count === 0n);
    return result.facts.rowsShown === 0 || isNothing ? 1 : 0;
  } finally {
    progress.stop();
    captured?.snapshot.close();
  }
}
