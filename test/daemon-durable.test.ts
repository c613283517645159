/** Programs that outlive the executor, control and the daemon, and what is said of those that do not. The executor opens no file: control has the journal. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { compileBpf, scratch } from './support/clang.js';
import { startDaemon, type TestDaemon, until } from './support/daemon.js';
import { addPorts, startDummy } from './support/dummy-switch.js';

const sw = await startDummy('0xf');
t.teardown(() => sw.stop());
addPorts(sw);
const { rundir } = sw;
// The run directory of a test's switch is root's alone.
const top = mkdtempSync(join(tmpdir(), 'cti-state-'));
t.teardown(() => rmSync(top, { recursive: true, force: true }));
chmodSync(top, 0o755);
const state = join(top, 'state');
const config = `programs: { state: ${state}, lifetime: 10m }\n`;

// Counts its turns, and looks at a table before and after each sleep.
const dir = scratch();
writeFileSync(
  join(dir, 'turns.c'),
  `#include "ctinspector/ctinspector.h"
#include "ctinspector/text.h"
static long turns;
int vm_main(long n) {
  struct cti_table ports;
  for (; turns < n; turns++) {
    if (table_open("ports", 5, &ports, sizeof ports) != 0) return -1;
    if (ports.n_rows == 0) return -2;
    sleep(300000000ull);
    print("turn\\n", 5);
  }
  print("through\\n", 8);
  return (int)turns;
}
`,
);
const object = readFileSync(await compileBpf(join(dir, 'turns.c'), dir)).toString('base64');
const load = async (d: TestDaemon, ...words: string[]): Promise<string> => {
  const { status, out, err } = await d.appctl('program/load', 'tables=ports', ...words, object);
  if (status !== 0) throw new Error(err);
  return out.trim();
};
const kill = async (d: TestDaemon, part: string): Promise<void> => {
  const pid = (await d.parts())[part]!;
  process.kill(pid, 'SIGKILL');
  await until(`another ${part}`, async () => {
    const now = (await d.parts())[part];
    return now !== undefined && now !== pid;
  });
};

t.test('durable ones go on, the others are lost by name', async (t) => {
  let d = await startDaemon(rundir, { config });
  t.teardown(() => d.stop());
  const kept = await load(d, 'name=kept', 'args=6', 'durable=yes');
  const gone = await load(d, 'name=gone', 'args=1000');
  t.match((await d.appctl('program/show', kept)).out, /durable +yes/);
  await until('a turn', async () => (await d.appctl('program/log', kept)).out.includes('turn'));
  t.equal(statSync(state).mode & 0o777, 0o700);
  if (process.getuid?.() === 0) t.not(statSync(state).uid, 0, 'of the user that control is');
  const executor = (await d.parts()).executor!;
  const open = readdirSync(`/proc/${executor}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${executor}/fd/${fd}`);
    } catch {
      return ''; // closed since
    }
  });
  t.notOk(open.some((path) => path.startsWith(state)));

  await kill(d, 'executor');
  const list = (await d.appctl('program/list')).out;
  t.match(list, new RegExp(`${kept} +kept +(waiting|ready|running|done)`));
  t.match(list, new RegExp(`${gone} +gone +lost`));
  t.match(list, /lost: gone \([0-9a-f]+\): it was not durable/);
  t.match(await d.appctl('program/show', gone), { status: 2, err: /gone \([0-9a-f]+\) is lost: .*; load it again/ });
  t.match(d.console(), /gone \([0-9a-f]+\) is lost/);
  t.match(d.console(), /kept \([0-9a-f]+\) goes on from its last image/);

  await kill(d, 'control');
  t.match((await d.appctl('program/list')).out, new RegExp(`${kept} +kept`), 'a new control has the journal');

  const exited = once(d.child, 'exit');
  process.kill(d.pid, 'SIGKILL'); // and with it all of its parts
  await exited;
  d = await startDaemon(rundir, { config });
  t.match((await d.appctl('program/wait', kept)).out, /^exited, result 6/);
  t.match((await d.appctl('program/log', kept)).out, /^(turn\n){0,5}through\n$/, 'where it was, not anew');

  await kill(d, 'executor');
  t.notMatch((await d.appctl('program/list')).out, new RegExp(kept), 'one that has ended does not come back');
  t.match(await load(d, 'name=again', 'args=0', 'durable=yes'), /^[0-9a-f]{32}$/);
});

t.test('without a directory: names of the lost all the same', async (t) => {
  const d = await startDaemon(rundir);
  t.teardown(() => d.stop());
  t.match(await d.appctl('program/load', 'durable=yes', object), {
    status: 2,
    err: /durable=yes: there is no directory .*programs\.state/,
  });
  await load(d, 'name=before', 'args=1000');
  await kill(d, 'control');
  await until('control to know of it again', async () => {
    await d.appctl('version');
    return true;
  });
  await load(d, 'name=after', 'args=1000');
  await kill(d, 'executor');
  const { out } = await d.appctl('program/list');
  t.match(out, /lost: before \(/);
  t.match(out, /lost: after \(/);
  await kill(d, 'executor');
  t.notMatch((await d.appctl('program/list')).out, /lost:/, 'once');
});

t.test('a directory that cannot be used, and a damaged journal', async (t) => {
  const other = join(rundir, 'other');
  mkdirSync(other, { mode: 0o700 });
  chmodSync(other, 0o700);
  const isRoot = process.getuid?.() === 0;
  const d = await startDaemon(rundir, { config: `programs: { state: ${isRoot ? other : '/proc/none'} }\n` });
  t.teardown(() => d.stop());
  t.match(await d.appctl('program/load', 'durable=yes', object), {
    status: 2,
    err: /programs\.state: .*install -d -m 0700/,
  });
  t.match((await d.appctl('program/list')).out, /programs of before were not looked for: programs\.state/);
  t.match(await load(d, 'args=0'), /^[0-9a-f]{32}$/, 'one that is not durable runs');
  await d.stop();

  const journal = join(state, 'journal');
  const bytes = readFileSync(journal);
  bytes.fill(0x55, 8, 24);
  writeFileSync(journal, Buffer.concat([bytes, Buffer.alloc(64, 0x55)]));
  const damaged = await startDaemon(rundir, { config });
  t.teardown(() => damaged.stop());
  t.match(await damaged.appctl('program/load', 'durable=yes', object), {
    status: 2,
    err: /programs\.state: .*at byte 8 .*move the directory away/,
  });
  t.ok(readFileSync(journal).length > 64, 'it is left as it is');
});

t.test(
  'a state directory without room',
  { skip: process.getuid?.() !== 0 && 'needs root, to mount one' },
  async (t) => {
    const small = join(top, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', small]);
    t.teardown(() => execFileSync('umount', [small]));
    const { uid, gid } = statSync(state);
    chownSync(small, uid, gid);
    const d = await startDaemon(rundir, { config: `programs: { state: ${small}, lifetime: 10m }\n` });
    t.teardown(() => d.stop());
    const running = await load(d, 'name=running', 'args=1000', 'durable=yes');
    await until('a turn', async () => (await d.appctl('program/log', running)).out.includes('turn'));

    const hog = join(small, 'hog');
    try {
      writeFileSync(hog, Buffer.alloc(1 << 20));
    } catch (error) {
      t.match(error, { code: 'ENOSPC' });
    }
    // What is left of the file's last page takes a few images more.
    let refused = await d.appctl('program/load', 'durable=yes', object);
    for (let i = 0; refused.status === 0 && i < 20; i++)
      refused = await d.appctl('program/load', 'durable=yes', object);
    t.match(refused, { status: 2, err: /ENOSPC|no space left/i });
    // Nothing is promised that is not on disk: it ends, and says why.
    await until('its end', async () => /ENOSPC|no space left/i.test((await d.appctl('program/show', running)).out));
    t.match(await load(d, 'args=0'), /^[0-9a-f]{32}$/, 'one that is not durable runs');

    rmSync(hog);
    const later = await load(d, 'name=later', 'args=3', 'durable=yes');
    t.match(await d.appctl('program/wait', later), { status: 0 });
  },
);

t.test(
  'a journal with a flipped bit is told and left as it is, one that was cut off goes on; the daemon runs',
  async (t) => {
    const config = `programs: { state: ${join(top, 'flips')}, lifetime: 10m }\n`;
    const d = await startDaemon(rundir, { config });
    const one = await load(d, 'name=one', 'args=1000', 'durable=yes');
    await load(d, 'name=two', 'args=1000');
    await d.stop();
    const journal = join(top, 'flips', 'journal');
    const whole = readFileSync(journal);
    t.ok(whole.length > 100);
    const startedWith = async (bytes: Buffer): Promise<{ again: TestDaemon; out: string }> => {
      writeFileSync(journal, bytes);
      const again = await startDaemon(rundir, { config });
      t.teardown(() => again.stop());
      return { again, out: (await again.appctl('program/list')).out };
    };
    for (let i = 0; i < 6; i++) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(((i * 0.618) % 1) * bytes.length);
      bytes[at]! ^= 1 << (i % 8);
      const { again, out } = await startedWith(bytes);
      t.match(out, /programs of before were not looked for: .* at byte \d+/, `byte ${at}`);
      t.ok(readFileSync(journal).equals(bytes), 'it is left as it is');
      t.match(await load(again, 'args=0'), /^[0-9a-f]{32}$/, 'programs run');
      await again.stop();
    }
    const { again, out } = await startedWith(Buffer.concat([whole, whole.subarray(8, 50)]));
    t.match(out, new RegExp(one), 'what was being written when the daemon ended is no loss');
    await again.stop();
  },
);
