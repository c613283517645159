/**
 * Cells of groups. A key, and what has the values of a column of the table (a least nw_ttl, a sum of times), look as that column's do; other
 * aggregates are numbers. `-`, null in JSON: no row of the group has a value for it.
 */
import type { OutputColumn } from '../compiler/index.js';
import type { Answer, AnswerFacts, KeyCell } from '../query/run.js';
import type { TableSchema } from '../table-schema.js';
import { formatCell, jsonCell } from '../tables/format.js';
import { allOnes, type TableView } from '../tables/view.js';
import { count, integer } from './figures.js';
import type { Cell } from './output.js';

const exact = (value: bigint): number | bigint => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value);

/** A number with `decimals` digits behind its point. In JSON a string where a number of 64 bits would lose some. */
function decimal(value: bigint, decimals: number): Cell {
  if (decimals === 0) return { text: integer.format(value), json: value };
  const one = 10n ** BigInt(decimals);
  const fraction = (value % one).toString().padStart(decimals, '0');
  const plain = `${value / one}.${fraction}`;
  const number = Number(plain);
  const isExact = typeof exact(value) === 'number';
  return { text: `${integer.format(value / one)}.${fraction}`, json: isExact ? number : plain };
}

function aggregateCell(cell: KeyCell, { column }: OutputColumn, view: TableView): Cell {
  if (cell === null) return { text: '-', json: null };
  if (column.shows === undefined) return decimal(cell.value, column.decimals ?? 0);
  const shown = view.column(column.shows);
  const whole = { value: cell.value, mask: allOnes(shown.width) };
  return { text: formatCell(shown, whole, view), json: jsonCell(shown, whole, view) };
}

function keyOf(cell: KeyCell, output: OutputColumn, view: TableView): Cell {
  const { shows } = output.column;
  if (shows === undefined) return aggregateCell(cell, output, view);
  const column = view.column(shows);
  return { text: formatCell(column, cell, view), json: jsonCell(column, cell, view) };
}

/** Rows of the answer as cells, made one at a time. */
export function* groupCells(
  answer: Extract<Answer, { kind: 'groups' }>,
  columns: readonly OutputColumn[],
  view: TableView,
): Generator<Cell[]> {
  // A column can be shown twice, and under no other name than its own.
  const places = columns.map(({ column }) => ({
    key: answer.keys.indexOf(column.name),
    value: answer.aggregates.indexOf(column.name),
  }));
  for (const { keys, values } of answer.groups) {
    yield columns.map((output, i) => {
      const { key, value } = places[i]!;
      return key >= 0 ? keyOf(keys[key]!, output, view) : aggregateCell(values[value]!, output, view);
    });
  }
}

/** Sentences of the footer about what was left out of sums and other aggregates. */
export function aggregateLines({ leftOut, passes }: AnswerFacts, schema: TableSchema): string[] {
  const lines: string[] = [];
  const each = Object.entries(leftOut).map(([text, n]) => `${text}: ${integer.format(n)}`);
  if (each.length > 0)
    lines.push(
      `rows left out of an aggregate, having no one value for it (not known, or not matched exactly): ${each.join('; ')}`,
    );
  if (!passes) return lines;
  const { by, counters } = schema.passes!;
  const sums = `sums of ${counters.join(' and ')} are of`;
  if (passes.of === 'all') return [...lines, `${sums} all passes: a packet is counted once in each pass it makes`];
  const later =
    passes.later === 0
      ? 'there are no others'
      : `${integer.format(passes.later)} of later passes are left out; all passes has them`;
  lines.push(`${sums} first passes (${by} 0): ${later}`);
  if (passes.undecided > 0)
    lines.push(
      `${count(passes.undecided, 'row')} in those sums do not look at ${by}: they may be of later passes, too`,
    );
  return lines;
}
