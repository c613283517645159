// `ctinspector run` with the original's programs, as a user types it: a process of its own, nodes, and memory that another process shares.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { createRegion } from '../lib/index.js';

const exec = promisify(execFile);
const program = (name: string) => `examples/upstream/${name}.c`;

async function cli(args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  try {
    const { stdout, stderr } = await exec(process.execPath, ['dist/cli/bin.js', 'run', ...args], { timeout: 120_000 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as unknown as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

/** Lines that nodes print come in each node's own order. */
const byNode = (text: string, url: string): number[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${url}: `))
    .map((line) => Number(line.slice(line.lastIndexOf(' '))));

t.test('twenty migrations to and fro between two nodes', async (t) => {
  const { status, stdout } = await cli([program('migrate'), '--nodes', '2']);
  t.equal(status, 0);
  t.match(stdout, /result: 0\n$/);
  const odd = Array.from({ length: 10 }, (_, i) => (2 * i + 1) * 1000);
  t.same(byNode(stdout, 'local://1'), odd);
  t.same(
    byNode(stdout, 'local://2'),
    odd.map((n) => n + 1000),
  );
});

t.test('without a second node the migration fails, and the program goes on', async (t) => {
  const { status, stdout } = await cli([program('migrate'), '--nodes', '1']);
  t.equal(status, 0);
  t.same(byNode(stdout, 'local://1')[0], 1000);
  t.notMatch(stdout, /local:\/\/2/);
});

t.test('a clone to two nodes; a thread on each of two', async (t) => {
  const clone = await cli([program('clone'), '--nodes', '3']);
  t.match(clone, { status: 0, stdout: /result: 2\n$/ });
  for (const url of ['local://2', 'local://3']) t.equal(byNode(clone.stdout, url).length, 1, url);
  const threads = await cli([program('remote_thread'), '--nodes', '3']);
  t.match(threads, { status: 0, stdout: /result: 0\n$/ });
  t.same(byNode(threads.stdout, 'local://2'), [100]);
  t.same(byNode(threads.stdout, 'local://3'), [101]);
});

t.test("another process's memory: mapped by name, read and written", async (t) => {
  const region = createRegion('counters', 4096);
  t.teardown(() => region.close());
  const words = new BigUint64Array(region.buffer);
  words[0] = 5n;
  const map = ['--map', `counters=/proc/${process.pid}/fd/${region.fd}:rw`, '--arg', 'counters', '--arg', '4096'];
  const result = await cli([program('mmap'), ...map, '--arg', '42']);
  t.match(result, { status: 0, stdout: 'vm debug: 5\nvm debug: 42\nresult: 0\n' });
  t.equal(words[0], 42n);
  const refused = await cli([program('mmap'), '--arg', '0x7f0000000000', '--arg', '4096', '--arg', '1']);
  t.match(refused.stdout, /^result: 18446744073709551615 \(-1\)\n$/, 'an address of the host is no handle');
});

t.test("another process's memory: watched until it changes", async (t) => {
  const region = createRegion('counters', 4096);
  t.teardown(() => region.close());
  const words = new BigUint64Array(region.buffer);
  const map = ['--map', `counters=/proc/${process.pid}/fd/${region.fd}:rw`, '--arg', 'counters', '--arg', '4096'];
  const child = spawn(process.execPath, ['dist/cli/bin.js', 'run', program('monitor_address'), ...map, '--arg', '7'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const exit = new Promise((done) => {
    child.on('exit', done);
  });
  // Other values first: they must not wake it.
  const writer = setInterval(() => {
    words[0] = words[0]! < 7n ? words[0]! + 1n : words[0]!;
  }, 300);
  t.equal(await exit, 0);
  clearInterval(writer);
  t.equal(stdout, 'vm debug: 77\nvm debug: 7\nresult: 0\n');
  t.equal(words[1], 8n, 'its answer');
});
