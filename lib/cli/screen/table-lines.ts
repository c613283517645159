/** Rows as lines of a screen: as wide as they need where there is room, cut where there is not. */
import { fit, type Marks, pad, widthOf } from './text.js';

export interface ScreenColumn {
  readonly name: string;
  readonly align: 'left' | 'right';
}

const GAP = 2;
/** No column is made narrower than this for others. */
const MIN_WIDTH = 6;

/** Widths that together fit into `room`: the widest give way first. Columns that do not fit at all have 0. */
export function columnWidths(wanted: readonly number[], room: number): number[] {
  const widths = [...wanted];
  const total = () => widths.reduce((sum, width) => sum + width, 0) + GAP * (widths.length - 1);
  while (total() > room) {
    const widest = Math.max(...widths);
    if (widest <= MIN_WIDTH) break;
    const second = Math.max(MIN_WIDTH, ...widths.filter((width) => width < widest));
    const among = widths.filter((width) => width === widest).length;
    const step = Math.max(1, Math.min(widest - second, Math.ceil((total() - room) / among)));
    const at = widths.lastIndexOf(widest);
    widths[at] = widest - step;
  }
  let used = 0;
  return widths.map((width, i) => {
    const left = room - used - (i > 0 ? GAP : 0);
    const own = Math.min(width, Math.max(0, left));
    used += own + (i > 0 ? GAP : 0);
    return own;
  });
}

export interface TableOptions {
  /** The column the rows are in order of. */
  readonly order?: { readonly name: string; readonly descending: boolean } | undefined;
  /** Widths that columns had wanted before. */
  readonly atLeast?: readonly number[];
}

/** The head and the rows, and how wide each column would be if there were room. */
export function tableLines(
  columns: readonly ScreenColumn[],
  rows: readonly (readonly string[])[],
  room: number,
  marks: Marks,
  { order: sorted, atLeast = [] }: TableOptions = {},
): { head: string; rows: string[]; wanted: number[] } {
  const titles = columns.map(({ name }) =>
    name === sorted?.name ? `${name}${sorted.descending ? marks.descending : marks.ascending}` : name,
  );
  const cells = rows.map((row) => row.map((cell) => fit(cell, room, marks.cut)));
  const wanted = titles.map((title, i) =>
    Math.max(atLeast[i] ?? 0, widthOf(title), ...cells.map((row) => widthOf(row[i] ?? ''))),
  );
  const widths = columnWidths(wanted, room);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => {
        const width = widths[i]!;
        const text = widthOf(cell) <= width ? cell : fit(cell, width, marks.cut);
        return width === 0 ? '' : pad(text, width, columns[i]!.align);
      })
      .filter((_, i) => widths[i]! > 0)
      .join(' '.repeat(GAP));
  return { head: pad(line(titles), room, 'left'), rows: cells.map((row) => line(row).trimEnd()), wanted };
}
