/** Asks a question of the switch, or of a saved dump, and writes the answer. `query` and `flows` are this. */
import { stat } from 'node:fs/promises';
import { type QuestionResult, runQuestion } from '../query/run.js';
import { readDpFlowsFile } from '../sources/dp-flows.js';
import type { OnProgress } from '../sources/job.js';
import { sourcesOf } from '../sources/registry.js';
import { findSwitch } from '../sources/unixctl.js';
import { formatCell, jsonCell } from '../tables/format.js';
import type { Note, TableSnapshot } from '../tables/snapshot.js';
import { TableView } from '../tables/view.js';
import { type Context, fileOf, formatOf, switchOptions } from './context.js';
import { type Cell, type Listing, writeListing } from './output.js';
import { type Progress, startProgress } from './progress.js';
import type { Options, Status } from './registry.js';

const integer = new Intl.NumberFormat('en-US');
const count = (n: number | bigint, what: string): string =>
  `${integer.format(n)} ${what}${n === 1 || n === 1n ? '' : 's'}`;

function bytesText(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

const ms = (value: number): string =>
  value < 10 ? `${value.toFixed(1)} ms` : value < 10_000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;

async function capture(context: Context, options: Options, progress: Progress): Promise<TableSnapshot> {
  const { signal } = context;
  const path = fileOf(options);
  const where = { ...switchOptions(options), signal };
  if (path !== undefined) {
    const size =
      path === '-'
        ? 0
        : await stat(path).then(
            (file) => file.size,
            () => 0,
          );
    const isPacked = path.endsWith('.gz');
    const onProgress: OnProgress = ({ bytes, rows }) =>
      progress.update(`reading ${path}: ${count(rows, 'row')}`, bytes, isPacked ? 0 : size);
    return readDpFlowsFile(path, { signal, onProgress });
  }
  const onProgress: OnProgress = ({ bytes, rows }) =>
    progress.update(
      bytes === 0 ? 'waiting for the switch to make its dump' : `reading: ${count(rows, 'row')}, ${bytesText(bytes)}`,
    );
  for (const source of sourcesOf('dp_flows')) {
    if ((await source.available(where)).ok) return source.capture({ ...where, onProgress });
  }
  await findSwitch(where); // says why no source can be used
  return sourcesOf('dp_flows')[0]!.capture({ ...where, onProgress });
}

/** Rows of the answer as cells, made one at a time. */
function* cells(result: QuestionResult, snapshot: TableSnapshot): Generator<Cell[]> {
  const view = new TableView(snapshot);
  const { answer, columns } = result;
  if (answer.kind === 'count') {
    yield [{ text: integer.format(answer.count), json: answer.count }];
  } else if (answer.kind === 'rows') {
    const shown = columns.map(({ title }) => (title === 'flow' ? undefined : view.column(title)));
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

const noteText = ({ what, sample, count }: Note): string => `${integer.format(count)} × ${what} (first: ${sample})`;

function footer(result: QuestionResult, snapshot: TableSnapshot, wallMs: number): string[] {
  const { facts } = result;
  const { facts: about } = snapshot;
  const lines: string[] = [];
  const scanned = count(facts.rowsScanned, 'flow');
  const shown =
    result.answer.kind === 'count'
      ? `${scanned} looked at`
      : `${count(facts.rowsShown, result.answer.kind === 'groups' ? 'group' : 'row')} of ${scanned}`;
  lines.push(`${shown}; ${about.source}; answered in ${ms(wallMs)}, of which the program ${ms(facts.runMs)}`);
  const span = Number(about.endNs - about.beginNs) / 1e6;
  const begin = new Date(Number(about.beginNs / 1_000_000n)).toISOString();
  lines.push(
    `snapshot taken from ${begin} over ${ms(span)}; rejected: ${about.rejected.length === 0 ? 'none' : about.rejected.map(noteText).join('; ')}`,
  );
  if (about.unknown.length > 0) lines.push(`kept as text, not understood: ${about.unknown.map(noteText).join('; ')}`);
  if (about.nVerbatim > 0) lines.push(`${count(about.nVerbatim, 'row')} printed from the text as received`);
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
  const { cost } = about;
  if (cost) {
    const cpu = cost.cpuMs === null ? 'CPU time not visible' : `${ms(cost.cpuMs)} CPU of its main thread`;
    const memory =
      cost.rssGrowthBytes === null ? 'memory not visible' : `${bytesText(cost.rssGrowthBytes)} more memory`;
    lines.push(
      `cost to the switch: ${count(cost.requests.length, 'request')}, busy ${ms(cost.requestMs)}, ${cpu}, reply ${bytesText(cost.replyBytes)}, ${memory}`,
    );
  } else {
    lines.push('cost to the switch: none');
  }
  return lines;
}

export async function answer(context: Context, question: string, options: Options): Promise<Status> {
  const format = formatOf(options);
  const begin = performance.now();
  const progress = await startProgress(context);
  let snapshot: TableSnapshot | undefined;
  try {
    snapshot = await capture(context, options, progress);
    const result = await runQuestion(question, snapshot, {
      signal: context.signal,
      onProgress: () => progress.update('running the program'),
    });
    progress.stop();
    const wallMs = performance.now() - begin;
    const numeric = new Set(['u8', 'u16', 'u32', 'u64', 'i32']);
    const view = new TableView(snapshot);
    const columns =
      result.answer.kind === 'count'
        ? [{ name: 'count' }]
        : result.columns.map(({ title }) => {
            if (title === 'flow') return { name: title };
            if (title === 'count' && result.answer.kind === 'groups') return { name: title, align: 'right' as const };
            const { field, flags } = view.column(title);
            const align = numeric.has(field.type) && !flags && !field.enum ? ('right' as const) : ('left' as const);
            return { name: title, align };
          });
    const listing: Listing = {
      columns,
      rows: cells(result, snapshot),
      footer: footer(result, snapshot, wallMs),
      facts: { question, wallMs, ...result.facts, snapshot: snapshot.facts },
    };
    await writeListing(context, format, listing);
    if (result.answer.kind === 'count') return result.answer.count === 0n ? 1 : 0;
    return result.facts.rowsShown === 0 ? 1 : 0;
  } finally {
    progress.stop();
    snapshot?.close();
  }
}
