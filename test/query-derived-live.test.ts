// Derived columns of a real switch: what its memory says beyond its text (why a flow drops), and that both say the same of the rest.
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { addPorts, packet, rowsOf, send, startDummy, take } from './support/dummy-switch.js';

t.test('drop_reason, from memory; all else alike from memory and text', async (t) => {
  const sw = await startDummy('0xf');
  t.teardown(() => sw.stop());
  addPorts(sw);
  for (const rule of [
    'table=0,priority=9,udp,tp_dst=99,actions=drop',
    'table=0,priority=9,udp,tp_dst=98,actions=resubmit(,0)',
  ])
    execFileSync('ovs-ofctl', ['add-flow', `unix:${sw.rundir}/br0.mgmt`, rule]);
  for (const port of [98, 99]) sw.appctl('netdev-dummy/receive', 'p0', packet(0, '10.1.0.1', port));
  await send(sw);
  using memory = await take('dp_flows', 'memory', sw);
  using text = await take('dp_flows', 'unixctl', sw);
  const reasons = rowsOf(memory, ['drop', 'drop_reason', 'tp_dst']).filter(({ drop }) => drop === 'yes');
  t.same(reasons.map((row) => `${row.tp_dst} ${row.drop_reason}`).sort(), ['98 recursion_too_deep', '99 of_pipeline']);
  const found = await runQuestion('dp_flows | where drop_reason = recursion_too_deep | count', memory);
  t.match(found.answer, { kind: 'count', count: 1n });
  const unsaid = await runQuestion('dp_flows | where drop and drop_reason is unknown | count', text);
  t.match(unsaid.answer, { kind: 'count', count: 2n }, 'the text says drop, and not why');
  const names = ['ufid', 'drop', 'out_port', 'encap.dst', 'encap.vni', 'mask_shape', 'age'];
  const sorted = (rows: Record<string, unknown>[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
  t.same(sorted(rowsOf(memory, names)), sorted(rowsOf(text, names)));
  t.ok(memory.facts.nRows >= 4, `${memory.facts.nRows} flows`);
  for (const row of Array.from({ length: memory.facts.nRows }, (_, i) => i))
    t.notMatch(memory.rowText(row), /drop\(/, 'printed as OVS does');
});
