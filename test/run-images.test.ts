// `ctinspector image` and what `ctinspector run` does with several programs, as a user types them: processes of their own.
// Takes 24 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { createRegion } from '../lib/index.js';

t.setTimeout(600_000); // compilers, on a machine that may be busy

const dir = mkdtempSync(join(tmpdir(), 'cti-run-images-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));
const at = (name: string): string => join(dir, name);

function program(name: string, text: string): string {
  const file = at(`${name}.c`);
  writeFileSync(file, `#include "ctinspector/ctinspector.h"\n${text}\n`);
  return file;
}

interface Done {
  status: number | null;
  out: string;
  err: string;
}

function start(args: readonly string[], env: object = {}) {
  const child = spawn(process.execPath, ['dist/cli/bin.js', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const done: Done = { status: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    done.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    done.err += text;
  });
  const end = once(child, 'close').then(([status]) => {
    done.status = status;
    return done;
  });
  /** Resolves when it has printed `text`. */
  const says = async (text: string): Promise<void> => {
    while (!done.out.includes(text)) {
      if (done.status !== null) throw new Error(`ended with ${done.status} before '${text}': ${done.out}${done.err}`);
      await new Promise((next) => setTimeout(next, 20));
    }
  };
  return { child, end, says };
}

const cli = (args: readonly string[], env: object = {}): Promise<Done> => start(args, env).end;

const NAP = program(
  'nap',
  `uint64_t vm_main(uint64_t n) {
  uint64_t sum = 0;
  for (volatile uint64_t i = 0; i < 10000; i++) sum += i * n;
  print_text("before\\n");
  sleep(1000000);
  print_text("after\\n");
  return sum + 1;
}`,
);
const NAP_RESULT = `after\nresult: ${49_995_000 * 3 + 1}\n`;

t.test('image: saved at a call, shown, gone on with on every engine', async (t) => {
  const whole = await cli(['run', NAP, '--arg', '3']);
  t.match(whole, { status: 0, out: `before\n${NAP_RESULT}` });
  const image = at('nap.img');
  const saved = await cli(['image', 'save', NAP, '--arg', '3', '--at', 'sleep', '-o', image]);
  t.match(saved, { status: 0, out: /: \d+ bytes; nap waits at sleep at / }, saved.err);
  const shown = await cli(['image', 'show', image]);
  t.equal(shown.status, 0);
  t.match(shown.out, /^name: nap$/m);
  t.match(shown.out, /^waits at: sleep\(0xf4240/m);
  for (const name of ['image', 'program', 'pc', 'depth', 'calls that suspended', 'r0', 'r10']) {
    t.match(shown.out, new RegExp(`^${name}: `, 'm'), name);
  }
  const json = JSON.parse((await cli(['image', 'show', image, '--format', 'json'])).out);
  t.match(json, { name: 'nap', size: readFileSync(image).length, pending: { name: 'sleep' }, set: 'ctinspector' });
  t.equal(json.regs.length, 11);
  t.ok(json.code.length > 5);
  for (const field of ['id', 'epoch', 'imports', 'frames', 'memory', 'tables', 'regions', 'monitors', 'codeHash']) {
    t.ok(field in json, field);
  }
  for (const engine of ['jit', 'interpreter', 'auto']) {
    t.match(await cli(['image', 'resume', image, '--engine', engine]), { status: 0, out: NAP_RESULT }, engine);
  }
  t.match(await cli(['image', 'resume', image], { CTINSPECTOR_JIT: 'off' }), { status: 0, out: NAP_RESULT });
});

t.test('image: saved when its fuel is used up, in the middle of a loop', async (t) => {
  const image = at('fuel.img');
  const saved = await cli(['image', 'save', NAP, '--arg', '3', '--fuel', '20000', '--engine', 'jit', '-o', image]);
  t.match(saved, { status: 0, out: /nap is out of fuel at / }, saved.err);
  const resumed = await cli(['image', 'resume', image, '--engine', 'interpreter']);
  t.match(resumed, { status: 0, out: `before\n${NAP_RESULT}` }, resumed.err);
  const ended = await cli(['image', 'save', NAP, '--at', 'migrate_to', '-o', at('none.img')]);
  t.match(ended, { status: 2, err: /the program exited.* before it stopped at migrate_to/ });
  t.match(await cli(['image', 'save', NAP, '--at', 'snore']), { status: 2, err: /--at: expected .*sleep.*'snore'/ });
});

t.test('image: a damaged file is refused with the reason', async (t) => {
  const image = at('whole.img');
  await cli(['image', 'save', NAP, '--at', 'sleep', '-o', image]);
  const bytes = readFileSync(image);
  writeFileSync(at('short.img'), bytes.subarray(0, bytes.length - 7));
  const flipped = Buffer.from(bytes);
  flipped[bytes.length >> 1]! ^= 0x10;
  writeFileSync(at('flipped.img'), flipped);
  for (const file of ['short.img', 'flipped.img']) {
    for (const action of ['show', 'resume']) {
      const done = await cli(['image', action, at(file)]);
      t.match(done, { status: 2, out: '', err: /^ctinspector: .*image.*\n$/ }, `${action} ${file}`);
      t.notMatch(done.err, /fault of ours/);
    }
  }
});

t.test('image: a region and a monitor come along by name; without the region the range is stale', async (t) => {
  const region = createRegion('counters', 4096);
  t.teardown(() => region.close());
  const words = new BigUint64Array(region.buffer);
  const map = ['--map', `counters=/proc/${process.pid}/fd/${region.fd}:rw`];
  const watch = program(
    'watch',
    `uint64_t vm_main(void) {
  uint64_t size;
  uint64_t *word = mmap("counters", 8, CTI_READ_WRITE, &size);
  if (cti_failed(word)) return (uint64_t)word;
  struct cti_address_event event;
  monitor_address(CTI_MONITOR_EQUAL, (uint64_t)word, 7, 77);
  wait_for_address_event(0, &event);
  word[1] = word[0] + 1;
  return event.tag;
}`,
  );
  const image = at('watch.img');
  const saved = await cli(['image', 'save', watch, ...map, '--at', 'wait_for_address_event', '-o', image]);
  t.equal(saved.status, 0, saved.err);
  t.match((await cli(['image', 'show', image])).out, /^region counters: .*\nmonitor 0: 0x\w+ = 7, tag 77$/m);
  words[0] = 7n;
  t.match(await cli(['image', 'resume', image, ...map]), { status: 0, out: /result: 77\n$/ });
  t.equal(words[1], 8n, 'it has written there');
  const without = await cli(['image', 'resume', image]);
  t.match(without, { status: 2, err: /stale at pc \d+, address 0x/ });
});

t.test('image: a generation that is gone is stale, and opens again', async (t) => {
  const reopen = program(
    'reopen',
    `static struct cti_table table;
uint64_t vm_main(uint64_t again) {
  if (cti_dp_flows_open(&table)) return 1;
  uint64_t rows = table.n_rows;
  sleep(1000);
  if (again && cti_dp_flows_open(&table)) return 2;
  volatile const uint8_t *row = cti_segment(&table, 0);
  uint64_t first = row[0];
  return 1000 + (first & 0) + (rows == table.n_rows);
}`,
  );
  const from = ['--from', 'test/fixtures/dumps/rules-more.txt'];
  for (const [again, expected] of [
    ['0', { status: 2, err: /stale at pc \d+, address 0x/ }],
    ['1', { status: 0, out: /result: 1001\n$/ }],
  ] as const) {
    const image = at(`table${again}.img`);
    const saved = await cli(['image', 'save', reopen, ...from, '--arg', again, '--at', 'sleep', '-o', image]);
    t.equal(saved.status, 0, saved.err);
    t.match((await cli(['image', 'show', image])).out, /^table dp_flows: generation \d+/m);
    t.match(await cli(['image', 'resume', image, ...from]), expected, `opened again: ${again}`);
  }
});

const LOOP = program('loop', 'uint64_t vm_main(void) { for (volatile uint64_t i = 0;; i++) {} }');
const FIVE = program('five', 'uint64_t vm_main(void) { print_text("here\\n"); return 5; }');

t.test('run: an endless loop ends for its budget or its time, and the other program has its result', async (t) => {
  const fuel = await cli(['run', FIVE, '+', LOOP, '--budget', 'fuel=1000000', '--priority', '200', '--workers', '2']);
  t.match(fuel, {
    status: 2,
    out: /^five: here\n(?:.*\n)*five: result: 5\n/,
    err: /loop: the program used up its fuel/,
  });
  const time = await cli(['run', LOOP, '+', FIVE, '--timeout', '6', '--fuel', '1000000000000', '--workers', '2']);
  t.match(time, { status: 2, out: /five: result: 5\n/, err: /loop: the program used up its lifetime/ });
  const json = await cli(['run', FIVE, '+', LOOP, '--budget', 'fuel=1000000', '--format', 'json']);
  t.match(JSON.parse(json.out).programs, [
    { name: 'five', stop: 'exited', r0: '5', output: [{ text: 'here\n' }] },
    { name: 'loop', stop: 'out_of_fuel' },
  ]);
});

const WAIT = program(
  'wait',
  'uint64_t vm_main(uint64_t ms) { print_text("waits\\n"); sleep(ms * 1000000); print_text("woke\\n"); return 6; }',
);

t.test('run --state: killed while it waits, it goes on with the next run', async (t) => {
  const state = at('state');
  const { child, end, says } = start(['run', WAIT, '--arg', '4000', '--state', state]);
  await says('waits\n');
  child.kill('SIGKILL');
  await end;
  const on = await cli(['run', '--state', state]);
  t.equal(on.status, 0, on.err);
  t.match(on.out, /woke\n(?:.*\n)*.*result: 6\n$/);
});

t.test('run: Ctrl-C ends programs in order, each with its line', async (t) => {
  const { child, end, says } = start(['run', WAIT, '+', WAIT, '--arg', '60000']);
  await says('wait: waits\n');
  await says('wait.2: waits\n');
  child.kill('SIGINT');
  t.match(await end, { status: 2, err: /wait: stopped on request at .*\n.*wait\.2: stopped on request at .*\n/ });
});

t.test('random numbers: two calls differ, at most 256 bytes, only where it can write', async (t) => {
  const random = program(
    'random',
    `static uint8_t a[256], b[256];
uint64_t vm_main(void) {
  if (random_u64() == random_u64()) return 1;
  if (random_bytes(a, 256) || random_bytes(b, 256)) return 2;
  uint64_t same = 0;
  for (int i = 0; i < 256; i++) same += a[i] == b[i];
  if (same > 64) return 3;
  if (random_bytes(a, 257) != -CTI_E2BIG) return 4;
  uint8_t before = a[0];
  if (random_bytes(a, 0) || a[0] != before) return 5;
  if (random_bytes((void *)16, 8) != -CTI_EFAULT) return 6;
  return 100;
}`,
  );
  t.match(await cli(['run', random]), { status: 0, out: 'result: 100\n' });
});
