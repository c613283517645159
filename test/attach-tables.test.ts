/**
 * Tables pmds and ports, and marks of hardware offload, of a switch with several PMD threads: from its memory, from its control socket, and questions
 * about them.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { attachMemory } from '../lib/sources/memory.js';
import { difference } from '../lib/sources/small-tables.js';
import { formatCell, jsonCell } from '../lib/tables/format.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { cli } from './support/cli.js';
import { addPorts, dumpedByCore, handled, packet, rowsOf, send, startDummy, take } from './support/dummy-switch.js';
import { codeOf } from './support/errors.js';
import type { PrivateSwitch } from './support/private-switch.js';
import { until } from './support/until.js';

t.test(
  'several PMD threads: flows per thread, counters, queues, ports; from memory as from the control socket',
  async (t) => {
    const sw = await startDummy('0xf');
    t.teardown(() => sw.stop());
    addPorts(sw);
    await send(sw);

    // Flows of each thread.
    const flows = await take('dp_flows', 'memory', sw);
    const dumped = dumpedByCore(sw);
    t.ok([...dumped].filter(([core, ufids]) => core >= 0 && ufids.size > 0).length >= 3, 'three threads have flows');
    const ours = new Map<number, Set<string>>();
    for (const { pmd, ufid } of rowsOf(flows, ['pmd', 'ufid']))
      ours.set(Number(pmd), (ours.get(Number(pmd)) ?? new Set()).add(String(ufid)));
    const sorted = (of: Map<number, Set<string>>) => [...of].map(([core, ufids]) => [core, [...ufids].sort()]).sort();
    t.strictSame(sorted(ours), sorted(dumped), 'each flow under its thread');
    t.strictSame(flows.facts.rejected, []);

    // The threads themselves; the proof compared every counter already, this looks at what the text does not have.
    const pmds = await take('pmds', 'memory', sw);
    t.equal(pmds.facts.source, `memory:${sw.pid}`);
    const threads = rowsOf(pmds, [
      'core',
      'numa',
      'flows',
      'subtables',
      'rxqs',
      'isolated',
      'packets',
      'upcalls',
      'busy_cycles',
    ]);
    t.strictSame(
      threads.map(({ core, numa }) => [core, numa]),
      [
        [-1, null],
        [0, 0],
        [1, 0],
        [2, 1],
        [3, 1],
      ],
    );
    for (const { core, flows: n, subtables } of threads) {
      t.equal(n, dumped.get(Number(core))?.size ?? 0, `flows of core ${core}`);
      t.equal(subtables, distinctMasks(flows, Number(core)), `subtables of core ${core}`);
    }
    t.strictSame(
      threads.map(({ rxqs }) => rxqs),
      [null, 1, 1, 1, 1],
    );
    t.strictSame(
      threads.map(({ isolated }) => isolated),
      [null, 'yes', 'yes', 'yes', 'yes'],
    );
    // p0: 3, of which one by queue 1 (core 3); p1: 4; p2: 6.
    t.strictSame(
      threads.map(({ packets }) => packets),
      [0, 2, 4, 6, 1],
    );
    t.ok(threads.slice(1).every(({ upcalls, busy_cycles }) => Number(upcalls) > 0 && Number(busy_cycles) > 0));

    // The control socket agrees where it says something, and says what it does not know.
    const asked = await take('pmds', 'unixctl', sw);
    const after = await take('pmds', 'memory', sw);
    t.equal(difference(pmds, asked, after), null);
    t.strictSame(
      rowsOf(asked, ['core', 'flows', 'subtables', 'packets', 'rxqs']).map(({ flows: n, subtables, packets }) => [
        n,
        subtables,
        packets,
      ]),
      [0, 2, 4, 6, 1].map((packets) => [null, null, packets]),
    );
    // A proof that cannot fail proves nothing: another order of counters is seen.
    const before = handled(sw);
    sw.appctl('netdev-dummy/receive', 'p2', packet(2, '10.0.0.1', 80));
    await until('the packet', () => handled(sw) > before);
    const later = await take('pmds', 'unixctl', sw);
    t.match(difference(pmds, later, after), /(packets is 6|sleeps is \d+) in memory and \d+ by the control socket/);

    const ports = await take('ports', 'memory', sw);
    t.strictSame(rowsOf(ports), [
      {
        datapath: 'dummy@ovs-dummy',
        odp_port: 0,
        name: 'ovs-dummy',
        type: 'dummy-internal',
        rx_queues: 1,
        tx_queues: 1,
      },
      { datapath: 'dummy@ovs-dummy', odp_port: 1, name: 'p0', type: 'dummy-pmd', rx_queues: 2, tx_queues: 1 },
      { datapath: 'dummy@ovs-dummy', odp_port: 2, name: 'p1', type: 'dummy-pmd', rx_queues: 1, tx_queues: 1 },
      { datapath: 'dummy@ovs-dummy', odp_port: 3, name: 'p2', type: 'dummy-pmd', rx_queues: 1, tx_queues: 1 },
      { datapath: 'dummy@ovs-dummy', odp_port: 100, name: 'br0', type: 'dummy-internal', rx_queues: 1, tx_queues: 1 },
    ]);
    const shown = await take('ports', 'unixctl', sw);
    // Later releases print what was asked for, not what there is (scripts/other-release).
    const saysQueues = sw.appctl('dpctl/show').includes('configured_rx_queues');
    const said = (n: number): number | null => (saysQueues ? n : null);
    t.strictSame(
      rowsOf(shown, ['name', 'rx_queues', 'tx_queues']).map(({ name, rx_queues, tx_queues }) => [
        name,
        rx_queues,
        tx_queues,
      ]),
      [
        ['ovs-dummy', null, null],
        ['p0', said(2), null],
        ['p1', said(1), null],
        ['p2', said(1), null],
        ['br0', null, null],
      ],
    );

    await t.test('questions about them are programs like any', async (t) => {
      const answered = async (question: string, snapshot: TableSnapshot): Promise<unknown> => {
        const { answer, columns } = await runQuestion(question, snapshot);
        const view = new TableView(snapshot);
        if (answer.kind === 'count') return answer.count;
        if (answer.kind === 'groups')
          return answer.groups.map(({ count, keys }) => [
            Number(count),
            ...answer.keys.map((key, i) => jsonCell(view.column(key), keys[i] ?? null, view)),
          ]);
        return [...answer.rows].map((row) =>
          columns.map(({ title }) => formatCell(view.column(title), view.cell(row, view.column(title)), view)),
        );
      };
      t.strictSame(await answered('pmds | sort by packets desc | show core, packets', pmds), [
        ['2', '6'],
        ['1', '4'],
        ['0', '2'],
        ['3', '1'],
        ['-1', '0'],
      ]);
      t.strictSame(await answered('pmds | where core >= 0 and packets > 2 | top 1 by packets | show core', pmds), [
        ['2'],
      ]);
      t.strictSame(await answered('pmds | where isolated and numa = 1 | count', pmds), 2n);
      t.strictSame(await answered('pmds | where flows is unknown | count', asked), 5n);
      t.strictSame(
        await answered('ports | where type = dummy-pmd and name matches /p[12]/ | show name, odp_port', ports),
        [
          ['p1', '2'],
          ['p2', '3'],
        ],
      );
      t.strictSame(
        await answered('ports | where name in {br0, "ovs-dummy"} and datapath = ovs-dummy | count', ports),
        2n,
      );
      t.strictSame(await answered('ports | where name != br0 | sort by name desc | limit 2 | show name', ports), [
        ['p2'],
        ['p1'],
      ]);
      t.strictSame(await answered('ports | count by type', ports), [
        [3, 'dummy-pmd'],
        [2, 'dummy-internal'],
      ]);
      t.strictSame(await answered('ports | where type = tea | count', ports), 0n, 'a text may be any');
      for (const [question, message] of [
        ['pmds | where tcp', /pmds has no field or word called "tcp"/],
        ['ports | where does drop', /ports has no actions: this is a condition on megaflows/],
        ['ports | where name > a', /name has no order/],
        ['pmds | where core matches /1/', /matches is for text \(dp\); core/],
        ['flows | count', /there is no table called "flows"/],
      ] as const) {
        const [, said] = await codeOf(() => runQuestion(question, question.startsWith('ports') ? ports : pmds));
        t.match(said, message, question);
      }
      const where = ['--rundir', sw.rundir];
      t.match(await cli(['query', 'pmds | where core = 2 | show packets', ...where]), {
        status: 0,
        out: /^packets\n +7\n$|^7\n$/,
        err: /1 row of 5 threads; memory:\d+/,
      });
      t.match(await cli(['query', '--source', 'unixctl', 'ports', ...where]), {
        status: 0,
        out: /p2 +dummy-pmd/,
        err: /5 rows of 5 ports; unixctl:/,
      });
      t.match(await cli(['query', 'prots | count', ...where]), {
        status: 2,
        err: /there is no table called "prots"; did you mean ports\?/,
      });
      t.match(await cli(['query', 'tcp', ...where]), {
        status: 2,
        err: /there is no table called "tcp": a question begins with one; there are dp_flows, ct/,
      });
      t.match(await cli(['query', '--from', join(sw.rundir, 'flows'), 'ports']), {
        status: 2,
        err: /the tables that are read from texts are dp_flows, ct, of_rules, not ports/,
      });
      t.match(await cli(['tables', 'pmds']), { status: 0, out: /megaflow_hits +number \(64 bits\)/ });
      const tables = JSON.parse((await cli(['tables', ...where, '--format', 'json'])).out);
      t.strictSame(
        tables.rows.map((row: Record<string, unknown>) => [row.table, row.source, row['in use']]),
        [
          ['dp_flows', 'memory', true],
          ['dp_flows', 'unixctl', false],
          ['ct', 'unixctl', true],
          ['of_rules', 'files', false],
          ['pmds', 'memory', true],
          ['pmds', 'unixctl', false],
          ['ports', 'memory', true],
          ['ports', 'unixctl', false],
        ],
      );
    });

    await t.test('a program in C opens the tables it is given', async (t) => {
      const file = join(sw.rundir, 'sum.c');
      writeFileSync(
        file,
        `#include <ctinspector/ctinspector.h>
         uint64_t vm_main(void) {
           static struct cti_table pmds, ports;
           if (cti_pmds_open(&pmds) || cti_ports_open(&ports)) return 0;
           const struct cti_pmds_rows *rows = cti_segment(&pmds, CTI_PMDS_SEGMENT_ROWS);
           uint64_t sum = 0;
           for (uint64_t i = 0; i < pmds.n_rows; i++) sum += rows[i].packets;
           return 1000 * ports.n_rows + sum;
         }`,
      );
      const where = ['--rundir', sw.rundir];
      t.match(await cli(['run', file, '--table', 'pmds', '--table', 'ports', ...where]), {
        status: 0,
        out: /^result: 5014$/m,
        err: /pmds: 5 rows from memory:\d+[\s\S]*ports: 5 rows from memory/,
      });
      t.match(await cli(['run', file, '--table', 'tea', ...where]), {
        status: 2,
        err: /dp_flows, ct, of_rules, pmds, ports but received 'tea'/,
      });
    });

    for (const snapshot of [flows, pmds, asked, after, later, ports, shown]) snapshot.close();
  },
);

/** Distinct pairs of a port and a mask among the flows of a thread, from the table's own records: each is a subtable of a classifier. */
function distinctMasks(flows: TableSnapshot, core: number): number {
  const view = new TableView(flows);
  const column = view.column('pmd');
  const { buffer, stride } = flows.segment('match');
  const bytes = new Uint8Array(buffer);
  const seen = new Set<string>();
  for (let row = 0; row < flows.facts.nRows; row++) {
    if (Number(BigInt.asIntN(32, view.cell(row, column)!.value)) !== core) continue;
    const at = row * stride;
    const port = view.cell(row, view.column('odp_port'))!.value;
    const attrs = 8; // how the row is written, not what it matches
    seen.add(`${port} ${Buffer.from(bytes.subarray(at + stride / 2 + attrs, at + stride)).toString('hex')}`);
  }
  return seen.size;
}

/** A switch with two ports, two kinds of flows each; what is read of them once `done`, or after a minute. */
async function offloaded(
  t: Test,
  config: readonly string[],
  done: (rows: Record<string, unknown>[]) => boolean,
): Promise<{ sw: PrivateSwitch; rows: Record<string, unknown>[] }> {
  const sw = await startDummy('0x3', config);
  t.teardown(() => sw.stop());
  for (const i of [0, 1]) sw.vsctl('add-port', 'br0', `p${i}`, '--', 'set', 'Interface', `p${i}`, 'type=dummy-pmd');
  for (const rule of ['udp,tp_dst=53,actions=IN_PORT', 'priority=0,actions=IN_PORT'])
    execFileSync('ovs-ofctl', ['add-flow', `unix:${sw.rundir}/br0.mgmt`, rule]);
  let rows: Record<string, unknown>[] = [];
  for (const end = Date.now() + 60_000; Date.now() < end && !(rows.length >= 4 && done(rows)); await sleep(200)) {
    for (const port of [0, 1])
      for (const dst of [53, 80]) sw.appctl('netdev-dummy/receive', `p${port}`, packet(port, '10.0.0.1', dst));
    const snapshot = await take('dp_flows', 'memory', sw);
    rows = rowsOf(snapshot, ['ufid', 'mark', 'hw', 'layer', 'pmd']);
    snapshot.close();
  }
  return { sw, rows };
}

/** A release of 3.7 or later has none (scripts/other-release). */
async function hasMarks({ rundir }: PrivateSwitch): Promise<boolean> {
  const { attachment, proof } = await attachMemory({ rundir });
  proof?.capture.snapshot.close();
  return attachment.layout.names.includes('dp_netdev_flow.mark');
}

t.test('offload marks: none without hardware offload', async (t) => {
  const { sw, rows } = await offloaded(t, [], () => true);
  t.ok(rows.length >= 4);
  const none = (await hasMarks(sw)) ? 0 : null;
  for (const { mark, hw, layer } of rows) t.strictSame([mark, hw, layer], [none, 'no', 'ovs']);
});

t.test('offload marks: one a megaflow with it, and the switch finds flows by them', async (t) => {
  const { sw, rows } = await offloaded(t, ['hw-offload=true'], (some) =>
    some.every(({ mark, hw }) => (mark === null ? hw === null : mark !== 0)),
  );
  t.ok(rows.length >= 4);
  if (!(await hasMarks(sw))) {
    for (const { mark, hw, layer } of rows)
      t.strictSame([mark, hw, layer], [null, null, null], 'offloaded, by whom is unknown');
    return;
  }
  const marks = rows.map(({ mark }) => Number(mark));
  t.ok(
    marks.every((mark) => mark > 0),
    JSON.stringify(rows),
  );
  t.equal(new Set(marks).size, marks.length, 'each flow has its own');
  // A dummy device takes flows and cannot say what became of them: neither yes nor no.
  for (const { hw, layer } of rows) t.strictSame([hw, layer], [null, null]);
  // Packets that carry a mark skip the caches, which the switch counts itself.
  const before = handled(sw);
  for (let n = 0; n < 3; n++) sw.appctl('netdev-dummy/receive', 'p0', packet(0, '10.0.0.1', 53));
  await until('the packets', () => handled(sw) >= before + 3);
  const pmds = await take('pmds', 'unixctl', sw);
  t.ok(rowsOf(pmds, ['phwol_hits']).reduce((sum, { phwol_hits }) => sum + Number(phwol_hits), 0) > 0);
  pmds.close();
  const asked = await take('dp_flows', 'unixctl', sw);
  t.ok(
    rowsOf(asked, ['mark']).every(({ mark }) => mark === null),
    'the text has no marks',
  );
  asked.close();
});
