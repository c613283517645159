// Lines of dump-flows and of ovs-ofctl, pasted as conditions.
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { expectedMatch, ROW } from './support/second-reader.js';
import { makeSnapshot } from './support/snapshot.js';

const DUMPS = new URL('fixtures/dumps/', import.meta.url);

const rowsOf = ({ answer }: QuestionResult): number[] => {
  if (answer.kind !== 'rows') throw new Error(`expected rows, received ${answer.kind}`);
  return [...answer.rows];
};

t.test('every line of every recorded dump finds its flow, and no other one', async (t) => {
  let n = 0;
  const notes = new Map<string, number>();
  for (const name of readdirSync(DUMPS)) {
    using snapshot = await readDpFlowsFile(new URL(name, DUMPS).pathname);
    const lines = readFileSync(new URL(name, DUMPS), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('flow-dump'));
    // Flows of two PMD threads, or datapaths, may have one key.
    const key = (line: string): string => {
      const { fields, geneve, inPort } = expectedMatch(ROW.exec(line)!.groups!.match!);
      const all = [...fields]
        .filter(([, { mask }]) => mask !== 0n)
        .map(([field, { key, mask }]) => `${field}=${key & mask}/${mask}`);
      return `${all.sort().join()} ${JSON.stringify(geneve)} ${inPort}`;
    };
    const keys = lines.map(key);
    for (const [row, line] of lines.entries()) {
      const result = await runQuestion(`dp_flows | where ${line}`, snapshot);
      const ufid = ROW.exec(line)!.groups!.ufid;
      const want = [...keys.keys()].filter((i) => (ufid ? i === row : keys[i] === keys[row]));
      t.same(rowsOf(result), want, line);
      for (const note of result.facts.notes) notes.set(note, (notes.get(note) ?? 0) + 1);
      n++;
      // The key alone, and as a packet: the flow is among those that could match it.
      const { match } = ROW.exec(line)!.groups!;
      t.same(
        rowsOf(await runQuestion(`dp_flows | where ${match}`, snapshot)),
        [...keys.keys()].filter((i) => keys[i] === keys[row]),
      );
      if (row % 4 === 0)
        t.ok(
          rowsOf(await runQuestion(`dp_flows | where covers(${match})`, snapshot)).includes(row),
          `covers(${match})`,
        );
    }
  }
  t.ok(n > 700, `${n} lines`);
  t.equal(
    notes.get('the pasted flow is found by its key: what stands after it, counters and actions, is not compared'),
    n,
  );
  t.same(
    [...notes.keys()].filter((note) => !/^the pasted flow is found|geneve\(\.\.\.\)|^key32\(/.test(note)),
    [],
    'all else is compared',
  );
});

const PORTS = [{ name: 'veth1', number: 2 }, { name: 'veth2', number: 3 }, { number: 9 }];
const FULL = 0xffff_ffff;
const flow = (port: number, dst: readonly [number, number], more = {}) => ({
  in_port: [port, FULL] as const,
  recirc_id: [0, FULL] as const,
  eth_type: [0x0800, 0xffff] as const,
  vlan_tci: [0, 0xffff] as const,
  nw_proto: [6, 255] as const,
  nw_dst: dst,
  ...more,
});
const SNAPSHOT = makeSnapshot({
  ports: PORTS,
  actions: [{ text: 'drop' }],
  rows: [
    flow(0, [0x0a000000, 0xff000000], { tp_dst: [80, 0xffff] }),
    flow(0, [0x0a010000, 0xffff0000], { tp_dst: [80, 0xffff] }),
    flow(1, [0x0a000000, 0xff000000], { tp_dst: [443, 0xffff] }),
    flow(2, [0x0a000000, 0xff000000]),
    flow(0, [0, 0], { tp_dst: [80, 0xffff] }),
    flow(0, [0x0a000000, 0xff000000], { tp_dst: [80, 0xffff], vlan_tci: [0x1005, 0xffff] }),
  ],
});

t.test('parts of a key, written by hand and among other conditions', async (t) => {
  const ask = async (condition: string, rows: readonly number[]): Promise<QuestionResult> => {
    const result = await runQuestion(`dp_flows | where ${condition}`, SNAPSHOT);
    t.same(rowsOf(result), rows, condition);
    return result;
  };
  await ask('recirc_id(0),in_port(2)', [0, 1, 4, 5]);
  await ask('recirc_id(0), in_port(veth1)', [0, 1, 4, 5]);
  await ask('in_port(9)', [3]);
  await ask('in_port(2),eth_type(0x0800),ipv4(dst=10.0.0.0/8,proto=6)', [0]);
  await ask('in_port(2),eth_type(0x0800),ipv4(dst=10.0.0.0/255.0.0.0,proto=6),tcp(dst=80)', [0]);
  await ask('in_port(2),ipv4(dst=10.0.0.0/8)', [0, 5]);
  await ask('eth_type(0x0800),ipv4(dst=0.0.0.0/0)', [4]);
  await ask('covers(in_port(2),eth_type(0x0800),ipv4(dst=10.0.0.0/8))', [0, 1, 4]);
  await ask('covers(eth_type(0x0800),ipv4(dst=10.1.2.3),tcp(dst=80))', [0, 1, 3, 4]);
  await ask('not in_port(2) and tcp', [2, 3]);
  await ask('in_port(2) and not ipv4(dst=10.0.0.0/8)', [1, 4]);
  await ask('in_port(3), packets = 0 || in_port(9)', [2, 3]);
  await ask('eth_type(0x8100),vlan(vid=5,pcp=0),encap(eth_type(0x0800),ipv4(proto=6),tcp(dst=80))', []);
  await ask('vlan(vid=5,pcp=0),encap(eth_type(0x0800),ipv4(proto=6),tcp(dst=80))', [5]);
  const tail = await ask(
    'in_port(3),eth_type(0x0800), packets:3, bytes:4, used:1.2s, flags:S., actions:ct(zone=1,nat(src=1.1.1.1)),recirc(0x2)',
    [2],
  );
  t.equal(tail.facts.notes.length, 1);
  const staged = await runQuestion(
    'dp_flows | where in_port(2),eth_type(0x0800), packets:3, bytes:4, used:never, actions:drop | limit 1',
    SNAPSHOT,
  );
  t.same(rowsOf(staged), [0], 'the next stage is not part of the line');
  t.same((await ask('in_port(2)', [0, 1, 4, 5])).facts.notes, []);
  const packet = await ask('covers(ufid:00000000-0000-0000-0000-000000000001, in_port(3))', [2]);
  t.match(packet.facts.notes, [/^the ufid of the pasted flow is not compared: in covers/]);
});

t.test('an OpenFlow match, as ovs-ofctl --names prints it', async (t) => {
  const ask = async (condition: string, rows: readonly number[], notes: number): Promise<void> => {
    const result = await runQuestion(`dp_flows | where ${condition}`, SNAPSHOT);
    t.same(rowsOf(result), rows, condition);
    t.equal(result.facts.notes.length, notes, condition);
  };
  await ask('tcp,in_port=veth1,nw_dst=10.0.0.0/8,tp_dst=80', [0, 1, 5], 0);
  await ask('priority=100,tcp,in_port="veth1",nw_dst=10.1.0.0/16,tp_dst=80 actions=output:veth2', [0, 1, 5], 1);
  await ask(
    'cookie=0x0, duration=3.1s, table=0, n_packets=0, n_bytes=0, idle_age=3, priority=100,tcp,tp_dst=443 actions=drop',
    [2],
    1,
  );
  await ask(
    ' cookie=0x0, duration=3.1s, table=0, n_packets=0, n_bytes=0, reset_counts priority=0 actions=NORMAL'.replace(
      'reset_counts ',
      'reset_counts,',
    ),
    [0, 1, 2, 3, 4, 5],
    1,
  );
  await t.rejects(runQuestion('dp_flows | where tcp,in_port=1,nw_dst=10.0.0.0/8', SNAPSHOT), {
    code: 'QUERY_TYPE',
    message: /an OpenFlow number.*ovs-ofctl --names/,
  });
  await t.rejects(runQuestion('dp_flows | where table=0, tcp', SNAPSHOT), { message: /table is of OpenFlow rules/ });
});
