// Derived columns: what they are, against the text of recorded dumps; and each in where, sort, top, count by, show, with what is unknown.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { explain } from '../lib/query/explain.js';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { derivedColumn } from '../lib/tables/derived.js';
import { formatCell, jsonCell } from '../lib/tables/format.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { expectedDerived, expectedShape } from './support/derived-reader.js';
import { ROW } from './support/second-reader.js';
import { makeSnapshot } from './support/snapshot.js';

const DUMPS = new URL('fixtures/dumps/', import.meta.url);

const rowsOf = ({ answer }: QuestionResult): number[] => {
  if (answer.kind !== 'rows') throw new Error(`expected rows, received ${answer.kind}`);
  return [...answer.rows];
};

const linesOf = (name: string): Record<string, string>[] =>
  readFileSync(new URL(name, DUMPS), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('flow-dump'))
    .map((line) => ROW.exec(line)!.groups as Record<string, string>);

t.test('of every recorded dump: cells, conditions and groups are what the text says', async (t) => {
  let n = 0;
  const seen = { encaps: 0, drops: 0, several: 0, shapes: new Set<string>() };
  for (const name of readdirSync(DUMPS)) {
    using snapshot = await readDpFlowsFile(new URL(name, DUMPS).pathname);
    const lines = linesOf(name);
    const view = new TableView(snapshot);
    const json = (row: number, column: string) =>
      jsonCell(view.column(column), view.cell(row, view.column(column)), view);
    const want = lines.map(({ actions }) => expectedDerived(actions!));
    for (const [row, expected] of want.entries()) {
      const sorted = (cell: unknown) => [...(cell as readonly (string | number)[])].sort();
      const isBond = lines[row]!.actions!.includes('lb_output(');
      // Which port of a bond is by hash: there may be more than the list names.
      const ports = json(row, 'out_port') as (string | null)[] | null;
      t.equal(ports === null || ports.includes(null), isBond);
      t.same(sorted((ports ?? []).filter((port) => port !== null)), expected.outPorts, `${name}:${row} out_port`);
      t.same(sorted(json(row, 'encap.dst')), expected.dst, `${name}:${row} encap.dst`);
      t.same(json(row, 'encap.vni'), expected.vni, `${name}:${row} encap.vni`);
      t.equal(json(row, 'drop'), expected.drop ? 'yes' : 'no');
      t.equal(json(row, 'age'), null);
      n++;
      if (expected.dst.length > 0 && expected.vni.length > 0) seen.encaps++;
      if (expected.drop) seen.drops++;
      if (expected.outPorts.length > 1) seen.several++;
    }
    const ask = async (condition: string) => rowsOf(await runQuestion(`dp_flows | where ${condition}`, snapshot));
    const bond = (row: number) => lines[row]!.actions!.includes('lb_output(');
    const such = (is: (expected: (typeof want)[number]) => boolean) => [...want.keys()].filter((i) => is(want[i]!));
    t.same(
      await ask('drop'),
      such(({ drop }) => drop),
    );
    t.same(
      await ask('not drop'),
      such(({ drop }) => !drop),
    );
    t.same(
      await ask('has out_port'),
      such(({ outPorts }) => outPorts.length > 0),
    );
    t.same(
      await ask('encap.dst = 1.1.2.92'),
      such(({ dst }) => dst.includes('1.1.2.92')),
    );
    t.same(
      await ask('encap.dst within 1.1.0.0/16'),
      such(({ dst }) => dst.length > 0 && dst.every((a) => a.startsWith('1.1.'))),
    );
    t.same(
      await ask('encap.vni in 100..1000'),
      such(({ vni }) => vni.some((v) => v >= 100 && v <= 1000)),
    );
    t.same(
      await ask('encap.vni < 100'),
      such(({ vni }) => vni.some((v) => v < 100)),
    );
    for (const port of new Set(want.flatMap(({ outPorts }) => outPorts))) {
      // Where the dump has numbers, no port has a name.
      const isNumber = /^[0-9]+$/.test(port);
      if (isNumber) continue;
      t.same(
        await ask(`out_port = "${port}"`),
        such(({ outPorts }) => outPorts.includes(port)),
        `${name} = ${port}`,
      );
      t.same(
        await ask(`to "${port}"`),
        such(({ outPorts }) => outPorts.includes(port)),
      );
      t.same(
        await ask(`out_port != "${port}"`),
        such(({ outPorts }) => outPorts.length > 0 && !outPorts.includes(port)).filter((row) => !bond(row)),
      );
    }

    // Rows are of one shape if and only if the text has the same masks.
    const shapes = lines.map(({ match }) => expectedShape(match!));
    for (const shape of shapes) seen.shapes.add(shape);
    const { ids } = derivedColumn(snapshot, { name: 'mask_shape' });
    const partition = (of: ArrayLike<number | string>) => {
      const first = new Map<number | string, number>();
      return Array.from(of as ArrayLike<string>, (key, row) => {
        if (!first.has(key)) first.set(key, row);
        return first.get(key);
      });
    };
    t.same(partition(ids), partition(shapes), `${name}: shapes`);
    const texts = new Set([...ids.keys()].map((row) => json(row, 'mask_shape')));
    t.equal(texts.size, new Set(shapes).size, `${name}: different shapes print differently`);
    const groups = await runQuestion('dp_flows | count by mask_shape', snapshot);
    t.equal(groups.facts.rowsShown, texts.size);
    const some = json(0, 'mask_shape') as string;
    t.same(
      await ask(`mask_shape = "${some}"`),
      [...shapes.keys()].filter((row) => shapes[row] === shapes[0]),
    );
  }
  t.ok(
    n > 700 && seen.encaps > 20 && seen.drops > 20 && seen.several > 10 && seen.shapes.size > 60,
    JSON.stringify([n, seen.encaps, seen.drops, seen.several, seen.shapes.size]),
  );
});

/** netlink attributes, as a snapshot has them. */
const attr = (type: number, payload: readonly number[]): number[] => {
  const size = payload.length + 4;
  return [size & 255, size >> 8, type & 255, type >> 8, ...payload, ...Array((4 - (size % 4)) % 4).fill(0)];
};
const tunnel = (...parts: number[][]): number[] => attr(3, attr(16, parts.flat()));
const vni = (n: number): number[] => attr(0, [0, 0, 0, 0, 0, 0, n >> 8, n & 255]);
const dst = (...bytes: number[]): number[] => attr(2, bytes);

const LISTS = [
  { text: 'drop' },
  { text: 'a', does: [1], outPorts: [0] },
  { text: 'a,b', does: [1], outPorts: [0, 1] },
  { text: 'a,odd(1)', does: [1], outPorts: [0], nUnknown: 1 },
  { text: 'odd(1)', nUnknown: 1 },
  { text: 'drop(2)', does: [24], tree: attr(24, [2, 0, 0, 0]) },
  { text: 'drop(77)', does: [24], tree: attr(24, [77, 0, 0, 0]) },
  { text: '9', does: [1], outPorts: [2] },
  { text: 'set(tunnel(tun_id=0x5,dst=2.2.2.2)),b', does: [3, 1], outPorts: [1], tree: tunnel(vni(5), dst(2, 2, 2, 2)) },
  {
    text: 'clone(set(tunnel(tun_id=0x6,dst=2.2.2.3)),b),set(tunnel(tun_id=0x5,dst=10.0.0.1)),b',
    does: [20, 3, 1],
    outPorts: [1],
    tree: [...attr(20, tunnel(vni(6), dst(2, 2, 2, 3))), ...tunnel(vni(5), dst(10, 0, 0, 1))],
  },
  { text: 'lb_output(1)', does: [28] },
];
const SNAPSHOT = makeSnapshot({
  ports: [{ name: 'b-port' }, { name: 'a-port' }, { number: 9 }],
  datapaths: ['netdev@ovs-netdev'],
  actions: LISTS,
  rows: LISTS.map((_, actions) => ({ actions, packets: 100 - actions, eth_type: [0x0800, 0xffff] })),
});

t.test('what is not known of a list is unknown, and only that', async (t) => {
  const ask = async (condition: string, rows: readonly number[], undecided: number): Promise<void> => {
    const result = await runQuestion(`dp_flows | where ${condition}`, SNAPSHOT);
    t.same(rowsOf(result), rows, condition);
    t.equal(result.facts.undecided, undecided, `${condition}: undecided`);
  };
  await ask('out_port = b-port', [1, 2, 3], 3);
  await ask('not out_port = b-port', [0, 5, 6, 8, 9], 3);
  await ask('out_port != b-port', [8, 9], 3);
  await ask('out_port in {b-port, a-port}', [1, 2, 3, 8, 9], 3);
  await ask('out_port not in {a-port}', [1], 4);
  await ask('out_port matches /^a/', [2, 8, 9], 4);
  await ask('has out_port', [1, 2, 3, 7, 8, 9], 2);
  await ask('out_port is unknown', [3, 4, 7, 10], 0);
  await ask('to a-port', [2, 8, 9], 4);
  await ask('drop', [0, 5, 6], 2);
  await ask('not drop', [1, 2, 7, 8, 9, 10], 2);
  await ask('drop = no and packets > 98', [1], 0);
  await ask('drop_reason = recursion_too_deep', [5], 3);
  await ask('drop_reason in {2, 77}', [5, 6], 3);
  await ask('drop_reason != recursion_too_deep', [6], 3);
  await ask('drop_reason matches /deep$/', [5], 3);
  await ask('drop_reason is unknown', [0, 3, 4], 0);
  await ask('encap.dst = 2.2.2.0/24', [8, 9], 2);
  await ask('encap.dst within 2.2.2.0/24', [8], 2);
  await ask('not encap.dst within 2.2.2.0/24', [0, 1, 2, 5, 6, 7, 9, 10], 2);
  await ask('encap.dst = fd00::/8', [], 2);
  await ask('encap.dst in 2.2.2.3..2.2.2.9', [9], 2);
  await ask('encap.vni = 5', [8, 9], 2);
  await ask('encap.vni >= 6', [9], 2);
  await ask('encap.vni > 6', [], 2);
  await ask('encap.vni != 6', [8], 2);
  await ask('age > 5s', [], 11);
  await ask('age is unknown', [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0);
});

t.test('in order, in groups, and as they are printed', async (t) => {
  const sorted = await runQuestion('dp_flows | sort by out_port', SNAPSHOT);
  // A port without a name first; then by name; lists by their first; those without a value last.
  t.same(rowsOf(sorted), [7, 8, 9, 2, 1, 3, 0, 4, 5, 6, 10]);
  const top = await runQuestion('dp_flows | top 3 by encap.vni', SNAPSHOT);
  t.same(rowsOf(top), [9, 8]);
  t.equal(top.facts.noValue, 9);
  t.same(rowsOf(await runQuestion('dp_flows | bottom 2 by drop_reason', SNAPSHOT)), [5, 6]);
  t.equal(rowsOf(await runQuestion('dp_flows | sort by mask_shape', SNAPSHOT)).length, 11);

  const view = new TableView(SNAPSHOT as unknown as TableSnapshot);
  const printed = async (question: string): Promise<unknown[]> => {
    const { answer } = await runQuestion(question, SNAPSHOT);
    if (answer.kind !== 'groups') throw new Error('expected groups');
    return answer.groups.map(({ count, keys }) => [
      ...keys.map((cell, i) => formatCell(view.column(answer.keys[i]!), cell, view)),
      Number(count),
    ]);
  };
  const byName = (a: unknown[], b: unknown[]): number => (String(a) < String(b) ? -1 : 1);
  t.same((await printed('dp_flows | count by out_port')).sort(byName as never), [
    ['-', 3],
    ['9', 1],
    ['?', 2],
    ['a-port', 2],
    ['a-port,b-port', 1],
    ['b-port', 1],
    ['b-port,?', 1],
  ]);
  t.same(await printed('dp_flows | count by drop | sort by drop'), [
    ['no', 6],
    ['yes', 3],
    ['?', 2],
  ]);
  t.same(await printed('dp_flows | count by out_port | where out_port = a-port | sort by out_port'), [
    ['a-port', 2],
    ['a-port,b-port', 1],
  ]);
  t.same(
    await printed('dp_flows | count by actions | where to a-port | count by actions | where actions matches /^a,b$/'),
    [['a,b', 1]],
  );
  t.same(await printed('dp_flows | count by drop_reason, encap.dst | where has drop_reason | sort by drop_reason'), [
    ['recursion_too_deep', '-', 1],
    ['77', '-', 1],
  ]);
  t.same(await printed('dp_flows | where encap.vni = 5 | count by encap.dst | sort by encap.dst'), [
    ['2.2.2.2', 1],
    ['2.2.2.3,10.0.0.1', 1],
  ]);
  t.same(await printed('dp_flows | count by age, mask_shape'), [['?', 'eth_type', 11]]);
  t.same(await printed('dp_flows | count by mask_shape | count by mask_shape'), [['eth_type', 1]]);
});

t.test('a column that no source says: each answer that names it says why', async (t) => {
  const why = /^age is time since the flow was made; unknown of every row: no command of ovs-vswitchd prints it/;
  for (const question of [
    'dp_flows | where packets > 1 or not age > 5s',
    'dp_flows | top 3 by age',
    'dp_flows | show in_port, AGE',
    'dp_flows | count by age | where age is unknown | sort by age',
    'dp_flows | count(distinct age)',
  ]) {
    const { notes } = (await runQuestion(question, SNAPSHOT)).facts;
    t.equal(notes.length, 1, question);
    t.match(notes[0], why);
    t.same(explain(question, { snapshot: SNAPSHOT }).notes, notes, 'and before it is asked');
  }
  for (const question of ['dp_flows | show drop', 'dp_flows | count as age by in_port | sort by age'])
    t.same((await runQuestion(question, SNAPSHOT)).facts.notes, [], question);
  const column = DP_FLOWS.columns.filter(({ neverKnown }) => neverKnown);
  t.same(
    column.map(({ name }) => name),
    ['age'],
  );
  t.same(
    derivedColumn(SNAPSHOT as never, { name: 'age' }).values,
    [{ elements: [], partial: true }],
    'the schema says what the code does',
  );
});

t.test('a list that is no list of attributes, or ends early, is read as far as it goes', async (t) => {
  const bad = [
    [1, 0, 3, 0],
    [255, 255, 3, 0],
    attr(26, [1, 2, 3]),
    attr(3, attr(16, attr(2, [1, 2]))),
    [4],
    attr(20, [9, 0]),
  ];
  const snapshot = makeSnapshot({
    actions: bad.map((tree) => ({ text: '?', does: [3], tree })),
    rows: bad.map((_, actions) => ({ actions })),
  });
  t.same(rowsOf(await runQuestion('dp_flows | where has encap.dst or has encap.vni', snapshot)), []);
});

t.test('shapes: a record of zeros is no record, dirty bits of the key do not count, 20,000 random masks', async (t) => {
  const masks = Array.from({ length: 20_000 }, (_, i) => [i % 7, (i * 31) % 5, i % 3] as const);
  const snapshot = makeSnapshot({
    rows: masks.map(([a, b, c], i) => ({
      nw_dst: [i, a],
      tp_dst: [i & 0xffff, b],
      ...(c > 0 && { tun_id: [BigInt(i), c === 1 ? 0n : 0xffn] as const }),
    })),
  });
  const { ids, values } = derivedColumn(snapshot, { name: 'mask_shape' });
  const seen = new Map<string, number>();
  let same = true;
  for (const [i, [a, b, c]] of masks.entries()) {
    const key = `${a} ${b} ${c === 2}`;
    if (!seen.has(key)) seen.set(key, ids[i]!);
    same &&= seen.get(key) === ids[i];
  }
  t.ok(same);
  t.equal(seen.size, 7 * 5 * 2);
  t.equal(values.length - 1, seen.size);
  t.equal(values[ids[0]!]!.elements[0], 'none');
});
