/** Nothing of ours runs on the CPUs that the switch's PMD threads have, or will have: neither the daemon's parts nor a command that goes on. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { isolatedCpus, leftOf, parseCpuList } from '../lib/sources/cpus.js';
import { startDaemon } from './support/daemon.js';
import { startDummy } from './support/dummy-switch.js';
import { until } from './support/until.js';

/** CPUs of each thread of a process, all of which are to be the same. */
function cpusOf(pid: number): string[] {
  const found = new Set<string>();
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    try {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
      found.add(parseCpuList(/Cpus_allowed_list:\s*(\S+)/.exec(status)?.[1] ?? '').join());
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return [...found];
}

const all = parseCpuList(/Cpus_allowed_list:\s*(\S+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '');
const skip = (availableParallelism() < 2 || !all.includes(0) || !all.includes(1)) && 'needs CPUs 0 and 1';

t.test('leftOf', async (t) => {
  t.strictSame(leftOf([0, 1, 5], [1, 7]), [0, 5]);
  t.strictSame(leftOf([0, 1], [0, 1, 2]), [0, 1], 'nothing would be left');
});

t.test('pmd-cpu-mask', { skip }, async (t) => {
  const sw = await startDummy('0x2');
  t.teardown(() => sw.stop());
  const without = (cpu: number): string[] => [leftOf(all, [cpu, ...isolatedCpus()]).join()];
  const mask = (value: string) => sw.vsctl('set', 'Open_vSwitch', '.', `other_config:pmd-cpu-mask=${value}`);

  await t.test('all parts of the daemon, and those that take their place', async (t) => {
    const d = await startDaemon(sw.rundir, { config: 'snapshots: { max_age: 0s }\n' });
    t.teardown(() => d.stop());
    const runOn = (cpus: string[]) =>
      until(`on ${cpus}`, async () =>
        Object.values(await d.parts()).every((pid) => JSON.stringify(cpusOf(pid)) === JSON.stringify(cpus)),
      );
    t.equal(Object.keys(await d.parts()).length, 4);
    await runOn([all.join()]);
    t.equal((await d.appctl('query', 'max-age=0', 'ports | count')).status, 0);
    await runOn(without(1));
    t.match((await d.appctl('limits/show')).out, new RegExp(`runs on CPUs ${without(1)} out of ${all}`));
    t.match(d.console(), new RegExp(`runs on CPUs ${without(1)} out of ${all}`));

    const { executor } = await d.parts();
    process.kill(executor!, 'SIGKILL');
    await until('another executor', async () => ![undefined, executor].includes((await d.parts()).executor));
    await runOn(without(1));

    mask('0x1');
    t.equal((await d.appctl('query', 'max-age=0', 'dp_flows | count')).status, 0);
    await runOn(without(0));
    mask('0x2');
  });

  await t.test('a command that goes on', async (t) => {
    const words = ['watch', '--rundir', sw.rundir, '--source', 'memory', '--interval', '200ms', 'ports | count'];
    for (const [more, cpus] of [
      [[], without(1)],
      [['--fast'], [all.join()]],
    ] as const) {
      const child = spawn(process.execPath, [join(packageRoot, 'dist/cli/bin.js'), ...words, ...more], {
        env: { ...process.env, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      await once(child.stdout, 'data'); // an answer
      await until(`on ${cpus}`, () => JSON.stringify(cpusOf(child.pid!)) === JSON.stringify(cpus));
      t.pass(`${more.join()}: ${cpus}`);
      child.kill('SIGINT');
      await once(child, 'exit');
    }
  });
});
