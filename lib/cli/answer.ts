/** Asks a question of the switch, or of a saved dump, and writes the answer. `query` and `flows` are this. */
import { type QuestionResult, runQuestion } from '../query/run.js';
import type { Captured } from '../sources/registry.js';
import type { TableSchema } from '../table-schema.js';
import { formatCell, jsonCell } from '../tables/format.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { TableView } from '../tables/view.js';
import { type Context, formatOf } from './context.js';
import { count, integer, ms } from './figures.js';
import { type Cell, type Listing, writeListing } from './output.js';
import { startProgress } from './progress.js';
import type { Options, Status } from './registry.js';
import { costLine, readingLines, takeSnapshot } from './take-snapshot.js';

/** Rows of the answer as cells, made one at a time. */
function* cells(result: QuestionResult, snapshot: TableSnapshot): Generator<Cell[]> {
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
  } else {
    for (const group of answer.groups) {
      const keys = new Map(answer.keys.map((title, index) => [title, group.keys[index] ?? null]));
      yield columns.map(({ title }) => {
        if (!keys.has(title)) return { text: integer.format(group.count), json: group.count };
        const column = view.column(title);
        const cell = keys.get(title) ?? null;
        return { text: formatCell(column, cell, view), json: jsonCell(column, cell, view) };
      });
    }
  }
}

function footer(result: QuestionResult, { snapshot, passedOver }: Captured, wallMs: number): string[] {
  const { facts } = result;
  const { facts: about } = snapshot;
  const lines: string[] = [];
  const scanned = count(facts.rowsScanned, snapshot.schema.noun);
  const shown =
    result.answer.kind === 'count'
      ? `${scanned} looked at`
      : `${count(facts.rowsShown, result.answer.kind === 'groups' ? 'group' : 'row')} of ${scanned}`;
  lines.push(`${shown}; ${about.source}; answered in ${ms(wallMs)}, of which the program ${ms(facts.runMs)}`);
  lines.push(...passedOver);
  lines.push(...readingLines(about));
  if (facts.undecided > 0)
    lines.push(
      `${count(facts.undecided, 'row')} undecided: what is asked for is not known of them ('FIELD is unknown' shows them)`,
    );
  if (facts.noValue > 0) lines.push(`${count(facts.noValue, 'row')} left out: no value to order by`);
  if (facts.couldCarry.rows > 0) {
    const fields = Object.entries(facts.couldCarry.byField).map(([field, n]) => `${field}: ${integer.format(n)}`);
    lines.push(
      `${count(facts.couldCarry.rows, 'more row')} do not look at a field asked for and could carry it (${fields.join(', ')}); covers(...) shows them`,
    );
  }
  lines.push(costLine(about));
  return lines;
}

/** An answer as a listing; its rows are made one at a time, while the snapshot is open. */
export function listingOf(question: string, result: QuestionResult, captured: Captured, wallMs: number): Listing {
  const { snapshot } = captured;
  const numeric = new Set(['u8', 'u16', 'u32', 'u64', 'i32']);
  const view = new TableView(snapshot);
  const columns =
    result.answer.kind === 'count'
      ? [{ name: 'count' }]
      : result.columns.map(({ title, column }) => {
          if (column.kind === 'row') return { name: title };
          if (title === 'count' && result.answer.kind === 'groups') return { name: title, align: 'right' as const };
          const { field, flags } = view.column(title);
          const align = numeric.has(field.type) && !flags && !field.enum ? ('right' as const) : ('left' as const);
          return { name: title, align };
        });
  return {
    columns,
    rows: cells(result, snapshot),
    footer: footer(result, captured, wallMs),
    facts: { question, wallMs, ...result.facts, snapshot: snapshot.facts, passedOver: captured.passedOver },
  };
}

export async function answer(
  context: Context,
  table: TableSchema,
  question: string,
  options: Options,
): Promise<Status> {
  const format = formatOf(options);
  const begin = performance.now();
  const progress = await startProgress(context);
  let captured: Captured | undefined;
  try {
    captured = await takeSnapshot(context, table, options, progress);
    const { snapshot } = captured;
    const result = await runQuestion(question, snapshot, {
      signal: context.signal,
      onProgress: () => progress.update('running the program'),
    });
    progress.stop();
    const wallMs = performance.now() - begin;
    const listing = listingOf(question, result, captured, wallMs);
    await writeListing(context, format, listing);
    if (result.answer.kind === 'count') return result.answer.count === 0n ? 1 : 0;
    return result.facts.rowsShown === 0 ? 1 : 0;
  } finally {
    progress.stop();
    captured?.snapshot.close();
  }
}
