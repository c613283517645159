/**
 * kill -9 of a part at random, under load: the rest goes on, the part is back, no answer is wrong, nothing is left behind. CTI_KILLS=200 for the full
 * size; about 10 usually.
 */
// Runs alone: how soon a part is back is measured.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { random } from './support/brute-force.js';
import { isAlive, RawClient, startDaemon, until } from './support/daemon.js';
import { addPorts, send, startDummy } from './support/dummy-switch.js';

const N_KILLS = Number(process.env.CTI_KILLS ?? 10);
const SEED = Number(process.env.CTI_SEED ?? 1);
const PARTS = ['control', 'collector', 'executor'] as const;
/** A command that only this part answers. */
const PROBE: Readonly<Record<(typeof PARTS)[number], string[]>> = {
  control: ['version'],
  collector: ['snapshot/list'],
  executor: ['program/list'],
};

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const fdsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`).replace(/\d+/g, 'N')];
    } catch {
      return [];
    }
  });

/** What `look` says once it has said as much for a second: a process that is being started has descriptors on both ends for a moment. */
async function atRest(look: () => string[]): Promise<string[]> {
  let last = look();
  for (let since = performance.now(); performance.now() - since < 1000; await sleep(20)) {
    const now = look();
    if (now.length !== last.length) since = performance.now();
    last = now;
  }
  return last;
}

t.test(`${N_KILLS} parts killed at random`, async (t) => {
  const sw = await startDummy('0xf');
  t.teardown(() => sw.stop());
  addPorts(sw);
  await send(sw);
  const d = await startDaemon(sw.rundir, {
    config: 'log: { level: info }\nsnapshots: { max_age: 100ms }\npace: { period: 50ms, share: 1 }\n',
  });
  t.teardown(() => d.stop());
  const readyMs = Number(/ready after (\d+) ms/.exec(d.console())?.[1]);
  // Three parts, and a standby of each.
  await until('the standbys', () => childrenOf(d.pid).length === 6);
  const before = await atRest(() => fdsOf(d.pid));
  let isOver = false;
  const counts = { right: 0, failed: 0, lost: 0 };
  const wrong: string[] = [];

  /** Questions whose answers are known, one after the other over a connection, and a new one when it breaks. */
  const ask = async (k: number): Promise<void> => {
    while (!isOver) {
      let client: RawClient;
      try {
        client = await RawClient.open(d.socketPath);
      } catch (error) {
        wrong.push(`cannot connect: ${(error as Error).message}`); // the socket is the supervisor's: it takes clients always
        return;
      }
      for (let id = 0; !isOver; id++) {
        client.text = '';
        const [question, expected] =
          id % 2 === 0 ? [`ports | where odp_port < ${k} | count`, `${k}\n`] : ['dp_flows | where udp | count', '10\n'];
        client.send('query', [question], id);
        try {
          const [reply] = await client.replies(1);
          if (reply!.id !== id) wrong.push(`id ${String(reply!.id)} for ${id}`);
          else if (reply!.error === null && String(reply!.result).startsWith(expected)) counts.right++;
          else if (
            reply!.error !== null &&
            /ended while it worked on this|could not be asked|does not come up/.test(reply!.error)
          )
            counts.failed++;
          else wrong.push(`${question}: ${reply!.error ?? String(reply!.result)}`);
        } catch {
          counts.lost++; // control ended with its connections
          break;
        }
      }
      client.socket.destroy();
    }
  };
  const load = Promise.all(Array.from({ length: 4 }, (_, k) => ask(k)));

  const rand = random(SEED);
  const pidOf = async (part: (typeof PARTS)[number]): Promise<number> => {
    let pid = 0;
    await until(`${part} to be there`, async () => {
      pid = (await d.parts())[part] ?? 0;
      return pid > 0;
    });
    return pid;
  };
  const back: number[] = [];
  const killed: number[] = [];
  for (let i = 0; i < N_KILLS; i++) {
    const part = PARTS[rand(PARTS.length)]!;
    const pid = await pidOf(part);
    await sleep(rand(300));
    const begin = performance.now();
    process.kill(pid, 'SIGKILL');
    killed.push(pid);
    // Back: a new process answers what only this part can.
    await until(`${part} to be back`, async () => {
      const client = await RawClient.open(d.socketPath);
      try {
        client.send(PROBE[part][0], PROBE[part].slice(1));
        const [reply] = await client.replies(1);
        return reply!.error === null && childrenOf(d.pid).every((child) => child !== pid);
      } catch {
        return false;
      } finally {
        client.socket.destroy();
      }
    });
    back.push(performance.now() - begin);
  }
  isOver = true;
  await load;
  back.sort((a, b) => a - b);
  const median = back[back.length >> 1]!;
  t.comment(
    `${counts.right} right answers, ${counts.failed} errors that say so, ${counts.lost} connections of a killed control; back after ${median.toFixed(0)} ms (median), ${back.at(-1)!.toFixed(0)} ms (longest)`,
  );
  t.same(wrong, [], 'no wrong answer, no other error');
  t.ok(counts.right > N_KILLS, 'the rest went on');
  // Within a second; on a machine that is busy with other things, the start of all three says how fast processes start there.
  const limit = Math.max(1000, 2 * readyMs);
  const late = back.filter((ms) => ms >= 1000).length;
  t.comment(`${late} of ${back.length} took over a second`);
  t.ok(back.at(-1)! < limit, `all are back within ${limit} ms (three at once took ${readyMs} ms)`);
  for (const pid of killed) if (isAlive(pid)) t.fail(`${pid} is alive`);
  await until('three parts', async () => Object.keys(await d.parts()).length === 4);
  await until('three parts, three standbys, no zombie', () => childrenOf(d.pid).length === 6);
  const after = await atRest(() => fdsOf(d.pid));
  t.ok(after.length <= before.length + 1, `no descriptor is left: ${before.length} before, ${after.length} after`, {
    before,
    after,
  });

  // The supervisor itself: nothing outlives it, and another takes its place.
  const parts = childrenOf(d.pid);
  d.child.kill('SIGKILL');
  await until(
    () => `${parts.filter(isAlive)} to end`,
    () => !parts.some(isAlive),
  );
  const next = await startDaemon(sw.rundir);
  t.equal((await next.appctl('query', 'ports | count')).status, 0);
  await next.stop();
  t.same(
    readdirSync(sw.rundir).filter((name) => /^ctinspectord\.(pid|\d)/.test(name)),
    [],
    'no file of any of them is left',
  );
});
