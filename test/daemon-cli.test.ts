/** The command line and ctinspectord: commands that it answers, snapshots that it hands over, live answers of its readings. */
import { resolve } from 'node:path';
import t from 'tap';
import { compileBpf, scratch } from './support/clang.js';
import { cli } from './support/cli.js';
import { startDaemon } from './support/daemon.js';
import { addPorts, send, startDummy } from './support/dummy-switch.js';

const sw = await startDummy('0xf');
t.teardown(() => sw.stop());
addPorts(sw);
await send(sw);
const { rundir } = sw;

t.test('the command line asks the daemon, or uses its memory; each answer says whose it is', async (t) => {
  const where = ['--rundir', rundir];
  t.match(await cli(['query', ...where, '--daemon', '--', 'ports | count']), {
    status: 2,
    err: /no ctinspectord runs in/,
  });
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  const question = 'dp_flows | where udp | count by in_port';
  const own = await cli(['query', ...where, question]);
  const asked = await cli(['query', ...where, '--daemon', 'answer', question]);
  const shared = await cli(['query', ...where, '--daemon', 'snapshot', question]);
  t.equal(asked.out, own.out);
  t.equal(shared.out, own.out);
  t.match(asked.err, new RegExp(`answered by ctinspectord, process ${d.pid}`));
  t.match(shared.err, new RegExp(`handed over by ctinspectord, process ${d.pid}; the question ran here`));
  t.notMatch(own.err, /ctinspectord/);
  const json = await cli(['query', ...where, '--daemon', 'answer', '--format', 'json', question]);
  t.match(JSON.parse(json.out), { rows: [{}, {}, {}], footer: { answeredBy: /process/ } });
  t.equal((await cli(['flows', ...where, '--daemon', 'answer', 'tcp'])).status, 1, 'no rows');
  t.match(await cli(['flows', ...where, '--daemon', 'answer', 'nonsense = 3']), { status: 2, err: /nonsense/ });
  t.match(await cli(['query', ...where, '--daemon', 'answer', '--source', 'memory', question]), {
    status: 2,
    err: /--source says nothing to it/,
  });
  t.match(await cli(['doctor', ...where, '--daemon']), { status: 0, out: /sandbox/ });
  t.match(await cli(['doctor', ...where, '--daemon', 'snapshot']), {
    status: 2,
    err: /answered by ctinspectord as a whole/,
  });
  t.match(await cli(['tables', ...where, '--daemon']), {
    status: 0,
    out: /dp_flows +memory +yes/,
    err: new RegExp(`answered by ctinspectord, process ${d.pid}`),
  });
  t.match(await cli(['tables', 'ports', '--daemon']), { status: 0, out: /odp_port/ }, 'needs no switch');
  // Live: each answer of a reading of its own, by the daemon, however fast they come.
  const readings = async () => Number(/read_dp_flows +(\d+)/.exec((await d.appctl('coverage/show')).out)?.[1] ?? 0);
  const before = await readings();
  const live = await cli(['top', ...where, '--daemon', '--times', '2', '--interval', '100ms', 'udp']);
  t.match(live, { status: 0, err: /two samples \d+ ms apart[\s\S]*two samples \d+ ms apart/ });
  t.match(live.err, new RegExp(`handed over by ctinspectord, process ${d.pid}`));
  t.ok((await readings()) >= before + 2, 'the daemon has read for it');
  t.match(await cli(['watch', ...where, '--daemon', '--times', '1', 'ports | count']), { status: 0, out: /\n5\n/ });
  t.match(await cli(['watch', ...where, '--daemon', '--fast', '--times', '1', 'ports | count']), {
    status: 2,
    err: /--fast says nothing to it/,
  });
  t.match(await cli(['ctl', ...where, 'memory/show']), { status: 0, out: /executor/ });
  const object = await compileBpf(resolve('examples/busiest_per_port.c'), scratch());
  const loaded = await cli(['ctl', ...where, 'program/load', 'name=x', object]);
  t.match(loaded.out, /^[0-9a-f]{32}\n$/);
  t.match((await d.appctl('program/wait', loaded.out.trim())).out, /^exited/);
});

t.test('a port whose name would move the cursor is shown, not obeyed', async (t) => {
  const name = 'p\u001b[2J';
  sw.vsctl('--may-exist', 'add-port', 'br0', name, '--', 'set', 'Interface', name, 'type=dummy');
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  for (const words of [['port/show'], ['table/show', 'ports'], ['query', 'ports | show name']]) {
    const { status, out } = await d.appctl(...words);
    t.equal(status, 0);
    t.match(out, /p\\x1b\[2J/, words.join(' '));
    t.notOk(out.includes('\u001b'));
  }
  const refused = await d.appctl('query', `ports | where ${name} = 1`);
  t.equal(refused.status, 2);
  t.notOk(refused.err.includes('\u001b'), 'nor in an error');
});
