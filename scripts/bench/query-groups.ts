// Part of `npm run bench -- query`: count and sum by two keys over a million megaflows in 100,000 groups, against the same by hand in C++ with a
// hash table made for it (native/tools/group_loop.cc), and beside it DuckDB, whose table holds nothing but the four columns that the question
// needs. All on one thread, warm, times of CPU; loading is not counted. The answers of all are compared, once with every group.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { compileQuestion } from '../../lib/compiler/index.js';
import { tableMapping } from '../../lib/mapper/table-mapping.js';
import { type Group, readAnswer, runQuestion } from '../../lib/query/run.js';
import { dictionariesOf } from '../../lib/query/snapshot-dictionaries.js';
import { Program } from '../../lib/runner/program.js';
import { readDpFlowsFile } from '../../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { type Bench, bestInTurn } from './bench.js';
import { writeGroupDump } from './flows.js';
import { TouchedPages } from './pages.js';

const FLOWS = 1_000_000;
const GROUPS = 100_000;
const BY = 'dp_flows | count, sum(packets) as p by nw_src, tp_dst';
const QUESTION = `${BY} | top 10 by p`;
const SQL = `SELECT nw_src, tp_dst, count(*) AS c, coalesce(sum(packets) FILTER (WHERE recirc_id = 0), 0) AS p
  FROM flows GROUP BY nw_src, tp_dst`;
const LOOP = '.build/release/native/tools/group_loop';
const rounds = Number(process.env.BENCH_ROUNDS ?? 15);
const NO_END = 1n << 60n;

interface Timed {
  readonly ns: number;
  /** The ten groups, in order. */
  readonly top: string;
}

const groupText = ({ keys, values }: Group): string =>
  [...keys.map((cell) => `${cell!.value}/${cell!.mask}`), ...values.map((cell) => cell!.value)].join();

/** Groups with equal sums are in any order. */
const sumsOf = (top: string): string =>
  top
    .split(' ')
    .map((group) => group.split(',')[3])
    .join(' ');

function cpuTime(work: () => void): number {
  const begin = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(begin);
  return 1000 * (user + system);
}

/** The four columns as DuckDB's own table. */
async function loadDuckDb(snapshot: TableSnapshot, dir: string): Promise<DuckDBConnection> {
  const view = (name: string): DataView => new DataView(snapshot.segment(name).buffer);
  const field = (segment: string, name: string): number => {
    const schema = snapshot.schema.segments.find((one) => one.name === segment)!;
    return schema.fields.find((one) => one.name === name)!.offset;
  };
  const [rows, match] = [view('rows'), view('match')];
  const [rowSize, matchSize] = [snapshot.segment('rows').stride, snapshot.segment('match').stride];
  const [src, dst, pass] = [field('match', 'nw_src'), field('match', 'tp_dst'), field('match', 'recirc_id')];
  const packets = field('rows', 'packets');
  const lines = Array.from({ length: FLOWS }, (_, i) => {
    const at = i * matchSize;
    const key = `${match.getUint32(at + src, true)},${match.getUint16(at + dst, true)},${match.getUint32(at + pass, true)}`;
    return `${key},${rows.getBigUint64(i * rowSize + packets, true)}`;
  });
  const file = join(dir, 'flows.csv');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await connection.run(
    `CREATE TABLE flows AS FROM read_csv('${file}', header = false, columns = {nw_src: 'UINTEGER', tp_dst: 'USMALLINT', recirc_id: 'UINTEGER', packets: 'UBIGINT'})`,
  );
  return connection;
}

/** Every group, by the program, by hand and by DuckDB. */
async function compareAll(snapshot: TableSnapshot, byHand: () => string, duckDb: DuckDBConnection): Promise<void> {
  const { answer } = await runQuestion(BY, snapshot);
  const ours = answer.kind === 'groups' ? answer.groups.map(groupText).sort() : [];
  const hand = byHand().trim().split('\n').slice(2).filter(Boolean).sort();
  const rows = (await duckDb.runAndReadAll(SQL)).getRows();
  const theirs = rows.map(([src, dst, c, p]) => `${src}/4294967295,${dst}/65535,${c},${p}`).sort();
  const same = (a: readonly string[], b: readonly string[]): boolean =>
    a.length === b.length && a.every((x, i) => x === b[i]);
  if (ours.length !== GROUPS || !same(ours, hand) || !same(ours, theirs))
    throw new Error(
      `${ours.length} groups by the program, ${hand.length} by hand, ${theirs.length} by DuckDB, and they differ`,
    );
}

async function compare(snapshot: TableSnapshot, duckDb: DuckDBConnection, report: Parameters<Bench>[0]): Promise<void> {
  const input = { schema: snapshot.schema, dictionaries: dictionariesOf(snapshot), nRows: FLOWS };
  const compiled = compileQuestion(QUESTION, input);
  const pages = new TouchedPages(snapshot);
  const program = Program.load(pages.before(compiled.spec));
  if (!program.machineCode({ engine: 'jit' })) throw new Error('expected machine code');

  const ours = (): Timed => {
    const run = program.start({ tables: [tableMapping(snapshot)], engine: 'jit' });
    try {
      pages.touch(run);
      let kind = '';
      const ns = cpuTime(() => {
        kind = run.step(NO_END).kind;
      });
      if (kind !== 'exited') throw new Error(`the program ${kind}`);
      const answer = readAnswer(run, compiled);
      return { ns, top: answer.kind === 'groups' ? answer.groups.map(groupText).join(' ') : '' };
    } finally {
      run.close();
    }
  };
  const byHand = (...more: string[]): string => {
    const fds = ['rows', 'match'].map((name) => snapshot.segment(name).fd);
    const stdio = ['ignore' as const, 'pipe' as const, 'inherit' as const, ...fds];
    return execFileSync(LOOP, ['3', '4', String(FLOWS), ...more], { stdio, encoding: 'utf8', maxBuffer: 1 << 26 });
  };
  const hand = (): Timed => {
    const [ns, n, ...top] = byHand().split('\n')[1]!.split(' ');
    if (Number(n) !== GROUPS) throw new Error(`expected ${GROUPS} groups by hand, got ${n}`);
    return { ns: Number(ns), top: top.join(' ') };
  };
  await compareAll(snapshot, () => byHand('all'), duckDb);
  const expected = sumsOf(hand().top);
  const time = ({ ns, top }: Timed): number => {
    if (sumsOf(top) !== expected || top.split(' ').length !== 10)
      throw new Error(`groups ${top} instead of those with sums ${expected}`);
    return ns;
  };
  const best = await bestInTurn(
    {
      jit: () => time(ours()),
      cpp: () => time(hand()),
      duckDb: async () => {
        const begin = process.cpuUsage();
        const rows = (await duckDb.runAndReadAll(`${SQL} ORDER BY p DESC LIMIT 10`)).getRows();
        const { user, system } = process.cpuUsage(begin);
        return time({ ns: 1000 * (user + system), top: rows.map((row) => row.join()).join(' ') });
      },
    },
    rounds,
  );
  const ms = (ns: number): string => `${(ns / 1e6).toFixed(1)} ms`;
  const what = `${FLOWS} rows, ${GROUPS} groups, one thread, best of ${rounds} in turn`;
  report({
    metric: 'query.group_vs_cpp',
    value: best.jit / best.cpp,
    unit: 'times',
    against: `a loop by hand with its own hash table, g++ -O2, ${what}: ${ms(best.jit)} and ${ms(best.cpp)}`,
    goal: { atMost: 2.5 },
  });
  report({
    metric: 'query.group_vs_duckdb',
    value: best.jit / best.duckDb,
    unit: 'times',
    against: `DuckDB ${(await duckDb.runAndReadAll('SELECT version()')).getRows()[0]}, over a table of the four columns alone, loaded before, ${what}: ${ms(best.jit)} and ${ms(best.duckDb)}`,
    goal: null,
  });
}

export const benchGroups: Bench = async (report) => {
  const dir = mkdtempSync(join(tmpdir(), 'ctinspector-bench-'));
  try {
    const file = join(dir, 'flows.txt');
    writeGroupDump(file, FLOWS, GROUPS);
    using snapshot = await readDpFlowsFile(file);
    const duckDb = await loadDuckDb(snapshot, dir);
    try {
      await compare(snapshot, duckDb, report);
    } finally {
      duckDb.closeSync();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};
