/** ctinspectord stops reading by itself while a real switch loses upcalls, or its revalidators are late; says why; and goes on. */
// Takes 15 s.
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startDaemon, type TestDaemon, until } from './support/daemon.js';
import { startLab } from './support/lab.js';
import { startLossySwitch } from './support/lost-upcalls.js';

const read = (d: TestDaemon) => d.appctl('query', 'max-age=0', 'ports | count');

/** Asks it to read, and `meanwhile`, until it keeps back. */
async function untilPaused(d: TestDaemon, meanwhile: () => void): Promise<string> {
  let shown = '';
  await until(
    () => `the pause: ${shown} ${d.console()}`,
    async () => {
      meanwhile();
      await read(d);
      shown = (await d.appctl('limits/show')).out;
      return shown.includes('reading is paused');
    },
    60_000,
  );
  return shown;
}

async function goesOn(t: Test, d: TestDaemon, why: RegExp): Promise<void> {
  t.match(await read(d), { status: 2, err: why }, 'a question that needs a reading is told why');
  t.match(d.console(), /"level":"warn".*"msg":"reading is paused until .*ctinspectord keeps back/, 'the log has it');
  t.match((await d.appctl('coverage/show')).out, /collector +backoff +1/);
  await until('reading to go on', async () => (await read(d)).status === 0, 60_000);
  t.match(d.console(), /reading goes on: the time of 'ctinspectord keeps back/, 'and that it goes on');
}

t.test('upcalls are lost', async (t) => {
  const lossy = await startLossySwitch();
  t.teardown(() => lossy.sw.stop());
  const d = await startDaemon(lossy.sw.rundir, {
    config: 'backoff: { period: 1s, lost_upcalls: 20, pause: 3s }\npace: { period: 0, share: 1 }\n',
  });
  t.teardown(() => d.stop());
  lossy.lose();
  await until(
    () => `the switch to lose them: ${lossy.nLost()} by its own count`,
    () => lossy.nLost() === 50,
  );
  // What was lost before it looked first is no reason.
  for (const end = Date.now() + 3000; Date.now() < end; await sleep(100)) await read(d);
  t.match((await d.appctl('limits/show')).out, /reading is not paused/);
  const why = /the switch lost \d+ upcalls since it was looked at last \(backoff\.lost_upcalls is 20\)/;
  t.match(await untilPaused(d, () => lossy.lose()), why);
  await goesOn(t, d, why);
});

t.test('revalidators are late', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.fill(30_000);
  await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:max-revalidator=500');
  await until('a round of over 10 ms', async () =>
    [...(await lab.appctl('upcall/show')).matchAll(/dump duration : (\d+)ms/g)].some(([, ms]) => Number(ms) > 10),
  );
  const d = await startDaemon(lab.rundir, { config: 'backoff: { period: 1s, dump_duration: 10ms, pause: 3s }\n' });
  t.teardown(() => d.stop());
  const why = /its revalidators took \d+ ms for a round \(backoff\.dump_duration is 10 ms\)/;
  t.match(await untilPaused(d, () => {}), why);
  await goesOn(t, d, why);
});
