/** A pid that was the switch's and that the kernel has given to another process since. */
// Runs alone: it says which pid the kernel gives next, to any process of the machine.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { MemoryAttachment } from '../lib/sources/memory.js';
import { findSwitch } from '../lib/sources/unixctl.js';
import { codeOf } from './support/errors.js';
import { startPrivateSwitch } from './support/private-switch.js';

t.test('a pid that another process has now is not the switch', async (t) => {
  const sw = await startPrivateSwitch();
  t.teardown(() => sw.stop());
  sw.addBridge({ type: 'netdev' });
  const attachment = MemoryAttachment.open(sw.pid);
  t.ok(attachment.alive);
  await sw.kill('SIGKILL');
  // The kernel gives the next process the pid after the last one.
  const reuse = `for i in $(seq 200); do echo ${sw.pid - 1} >/proc/sys/kernel/ns_last_pid; sleep 60 & [ $! = ${sw.pid} ] && wait; kill $!; done`;
  const shell = spawn('sh', ['-c', reuse], { detached: true, stdio: 'ignore' });
  t.teardown(() => process.kill(-shell.pid!, 'SIGKILL'));
  const isReused = () =>
    existsSync(`/proc/${sw.pid}/comm`) && readFileSync(`/proc/${sw.pid}/comm`, 'utf8') === 'sleep\n';
  for (const end = Date.now() + 60_000; !isReused() && Date.now() < end; ) await sleep(20);
  t.ok(isReused(), 'another process has the pid');
  t.equal(attachment.alive, false);
  t.match(await codeOf(() => attachment.capture()), ['SWITCH_CLOSED', /ended or was replaced/]);
  t.match(await codeOf(() => findSwitch({ pid: sw.pid })), ['SWITCH_FOREIGN', /\(sleep\) is no ovs-vswitchd/]);
  t.match(await codeOf(() => findSwitch({ rundir: sw.rundir })), ['SWITCH_STALE', /no process holds its lock/]);
});
