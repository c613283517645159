/** `ctinspector tables`: the tables, their sources, and which one is in use. `ctinspector tables TABLE`: what can be asked of it. */

import { CtiError } from '../../errors.js';
import { kindOfPath, openFileSet, readEachFile } from '../../sources/file-set.js';
import { sourcesOf } from '../../sources/registry.js';
import { formOf, TEXT_FORMS } from '../../sources/text-forms.js';
import type { TableSchema } from '../../table-schema.js';
import { type Column, columnNames, resolveColumn } from '../../tables/columns.js';
import { TABLES } from '../../tables/generated/tables.js';
import { rateDocs } from '../../tables/sampled-schema.js';
import type { Note } from '../../tables/snapshot.js';
import { type Context, type Format, fileOf, formatOf, switchOptions } from '../context.js';
import { count, integer } from '../figures.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

const FROM_FILES = TEXT_FORMS.map(({ schema }) => schema.name);

const cell = (text: string): Cell => ({ text, json: text });

/** More would push the meaning of every field off the screen. */
const MAX_TYPE_WIDTH = 40;

const wordsOf = ({ field, flags, derived }: Column): string[] =>
  Object.keys((derived ? derived.enum : (flags ?? field.enum)) ?? {});

/** The words of a column, if they fit where types stand. */
const fitting = (column: Column, separator: string, instead: string): string => {
  const words = wordsOf(column).join(separator);
  return words.length <= MAX_TYPE_WIDTH ? words : instead;
};

/** Else they stand behind the meaning. */
const moreWords = (column: Column): string =>
  wordsOf(column).join(', ').length <= MAX_TYPE_WIDTH ? '' : `: ${wordsOf(column).join(', ')}`;

function typeOf(column: Column): string {
  const { field, flags, dictionary, width, derived } = column;
  if (derived) {
    const type = derived.enum ? fitting(column, ', ', 'word') : derived.type!;
    return derived.set ? `list: ${type}` : type;
  }
  if (dictionary) return 'number';
  if (flags) return moreWords(column) === '' ? `flags: ${Object.keys(flags).join(' ')}` : 'flags';
  if (field.enum) return fitting(column, ', ', 'word');
  if (field.unit === 'ms') return 'duration';
  if (field.type === 'be128')
    return field.format === 'ipv6' || field.format === 'ip'
      ? field.format
      : field.format === 'hex'
        ? 'number (128 bits)'
        : 'ufid';
  return /^[ui][0-9]/.test(field.type) ? `number (${width} bit${width === 1 ? '' : 's'})` : field.type;
}

const placeOf = ({ derived, segment }: Column): string => {
  if (derived) return derived.derived === 'actions' ? 'actions' : derived.derived === 'row' ? 'match' : 'row';
  return segment.masked ? 'match' : 'row';
};

/** Every name a condition or a stage can use. */
async function listNames(context: Context, format: Format, table: TableSchema): Promise<Status> {
  const fields = columnNames(table).map((name) => {
    const column = resolveColumn(table, name);
    return [cell(name), cell(typeOf(column)), cell(placeOf(column)), cell(column.doc + moreWords(column))];
  });
  const rates = rateDocs(table).map(({ name, doc }) => [
    cell(name),
    cell('number (64 bits)'),
    cell('two samples'),
    cell(doc),
  ]);
  const words = Object.entries(table.words).filter(([, word]) => !word.hidden);
  const rows = [
    ...fields,
    ...rates,
    ...words.map(([name, { doc }]) => [cell(name), cell('a condition'), cell('word'), cell(doc)]),
  ];
  await writeListing(context, format, {
    columns: ['name', 'type', 'of the', 'meaning'].map((name) => ({ name })),
    rows,
    footer: [
      `${fields.length + rates.length} fields and ${words.length} words of ${table.name}. flow is the whole row. Fields of the match have four meanings: docs/questions.md.`,
    ],
    facts: { table: table.name, version: table.version, hash: table.hash, doc: table.doc },
  });
  return 0;
}

const number = (n: number): Cell => ({ text: integer.format(n), json: n });

/** How many, and the first of them. */
function notes(some: readonly Note[]): Cell {
  const total = some.reduce((sum, { count }) => sum + count, 0);
  const [first] = some;
  const more = some.length > 1 ? ` and ${some.length - 1} other kinds` : '';
  return { text: first ? `${integer.format(total)}: ${first.what} (${first.sample})${more}` : 'none', json: some };
}

/** What there is in files: those that a table is read from, and what reading each gave. */
async function listFiles(context: Context, format: Format, path: string): Promise<Status> {
  if (path === '-') throw new CtiError('INVALID_ARGUMENT', 'tables --from: give the path of a file, it is read twice');
  const { signal } = context;
  const set = await openFileSet(path, await kindOfPath(path), { signal });
  const rows = (await readEachFile(set, { signal })).map(({ file, facts }): Cell[] => [
    cell(file.path),
    cell(file.form.schema.name),
    { text: file.datapath || '?', json: file.datapath || null },
    number(facts.nRows),
    notes(facts.unknown),
    notes(facts.rejected),
    { text: file.passedOver ?? 'yes', json: file.passedOver ?? true },
  ]);
  const { links, special } = set.skipped;
  await writeListing(context, format, {
    columns: [
      { name: 'file' },
      { name: 'table' },
      { name: 'datapath or bridge' },
      { name: 'rows', align: 'right' },
      { name: 'not understood' },
      { name: 'rejected' },
      { name: 'read' },
    ],
    rows,
    footer: [
      `${count(rows.length, 'file')} of tables; ${count(set.others, 'other file')}; not followed: ${count(links, 'link')}, ${count(special, 'special file')}`,
    ],
    facts: { path, kind: set.kind, others: set.others, links, special },
  });
  return rows.length > 0 ? 0 : 1;
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const asked = args[0];
  const from = fileOf(options);
  if (from !== undefined && asked)
    throw new CtiError('INVALID_ARGUMENT', `tables: give the name of a table, or --from to list files, not both`);
  if (from !== undefined) return listFiles(context, format, from);
  if (asked) {
    const table = TABLES.find(({ name }) => name === asked.toLowerCase());
    if (table) return listNames(context, format, table);
    const names = TABLES.map(({ name }) => name).join(', ');
    throw new CtiError('INVALID_ARGUMENT', `there is no table called '${asked}'; there is ${names}`);
  }
  const where = { ...switchOptions(options), signal: context.signal };
  const rows: Cell[][] = [];
  for (const table of TABLES) {
    const form = sourcesOf(table.name).length === 0 ? formOf(table.name) : undefined;
    if (form)
      rows.push([
        cell(table.name),
        cell('files'),
        { text: 'no', json: false },
        cell('no switch is asked for it; used with --from PATH'),
        cell(`what ${form.printedBy} printed`),
      ]);
    let taken = false; // by a better source
    for (const source of sourcesOf(table.name)) {
      const found = await source.available(where);
      const inUse = found.ok && !taken;
      taken ||= found.ok;
      const detail = found.ok ? found.detail : found.reason.message;
      rows.push([
        cell(table.name),
        cell(source.name),
        { text: inUse ? 'yes' : 'no', json: inUse },
        cell(found.ok && !inUse ? `${detail}; used if memory cannot be, or with --source ${source.name}` : detail),
        cell(source.doc),
      ]);
    }
  }
  await writeListing(context, format, {
    columns: ['table', 'source', 'in use', 'why', 'what it is'].map((name) => ({ name })),
    rows,
    footer: [
      `${FROM_FILES.join(', ')}: from files, by --from PATH; ctinspector tables --from PATH lists what is there. The names of a table: ctinspector tables TABLE.`,
    ],
    facts: { tables: TABLES.map(({ name, version, hash, doc }) => ({ name, version, hash, doc })) },
  });
  return 0;
}
