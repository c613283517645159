/**
 * `exit`: who asked for it gets the answer, others are told that it ends, and nothing is left, however busy the machine is. CTI_ROUNDS=50 for the full
 * size; 4 usually.
 */
// Runs alone: its busy loops take all processors.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import t from 'tap';
import { cli } from './support/cli.js';
import { isAlive, RawClient, startDaemon, until } from './support/daemon.js';
import { addPorts, startDummy } from './support/dummy-switch.js';

const N_ROUNDS = Number(process.env.CTI_ROUNDS ?? 4);

const sw = await startDummy('0xf');
t.teardown(() => sw.stop());
addPorts(sw);
/** Parts and standbys. */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const left = (): string[] => readdirSync(sw.rundir).filter((name) => /^ctinspectord\.(pid|\d)/.test(name));

t.test(`${N_ROUNDS} rounds of start and exit beside busy loops`, async (t) => {
  const busy = Array.from({ length: 2 * availableParallelism() }, () => spawn('sh', ['-c', 'while :; do :; done']));
  t.teardown(() => {
    for (const one of busy) one.kill('SIGKILL');
  });
  for (let i = 0; i < N_ROUNDS; i++) {
    const d = await startDaemon(sw.rundir);
    const parts = childrenOf(d.pid);
    const exited = once(d.child, 'exit');
    const { status, out, err } = await d.appctl('exit');
    const [code] = (await exited) as [number | null];
    const alive = parts.filter(isAlive);
    if (
      status !== 0 ||
      out + err !== '' ||
      code !== 0 ||
      left().length > 0 ||
      alive.length > 0 ||
      /"error"/.test(d.console())
    )
      t.fail(`round ${i}: ${JSON.stringify({ status, out, err, code, left: left(), alive, log: d.console() })}`);
  }
  t.pass(`${N_ROUNDS} rounds`);
});

t.test('others are told, and a client that takes nothing does not hold it up', async (t) => {
  const d = await startDaemon(sw.rundir);
  t.teardown(() => d.stop());
  // Asked for and not answered when it ends: over ovs-appctl's socket, over the command line's, and by a client that never reads.
  const waiting = await RawClient.open(d.socketPath);
  waiting.send('query', ['dp_flows | where pps > 0 | count'], 1); // two samples, 2 s apart
  const other = cli(['query', '--rundir', sw.rundir, '--daemon', 'answer', 'dp_flows | where pps > 0 | count']);
  const deaf = await RawClient.open(d.socketPath);
  deaf.socket.pause();
  for (let i = 0; i < 3000; i++) deaf.send('list-commands', [], i);
  const idle = await RawClient.open(d.socketPath);
  await until('the two questions to be read for', async () =>
    /executor +question/.test((await d.appctl('coverage/show')).out)
      ? true
      : /dp_flows +[1-9]/.test((await d.appctl('cost/show')).out),
  );
  const exited = once(d.child, 'exit');
  t.match(await cli(['ctl', '--rundir', sw.rundir, 'exit']), {
    status: 0,
    out: '',
    err: /^answered by ctinspectord, process \d+\n$/,
  });
  t.match(await waiting.replies(1), [{ id: 1, result: null, error: /ctinspectord ends/ }]);
  t.match(await other, { status: 2, err: /ctinspectord end/ });
  await until('the idle client to be hung up on', () => idle.isClosed || idle.socket.readableEnded);
  await exited;
  t.equal(d.child.exitCode, 0);
  t.same(left(), []);
  for (const { socket } of [waiting, deaf, idle]) socket.destroy();
});
