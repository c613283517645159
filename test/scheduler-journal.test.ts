// The journal's file: what is written comes back; torn tails, flipped bytes, a full disk, another process, compaction.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { CtiError } from '../lib/errors.js';
import { Journal, type TaskRecord } from '../lib/scheduler/journal.js';
import { scanJournal } from '../lib/scheduler/journal-format.js';
import { caught } from './support/errors.js';

const root = mkdtempSync(join(tmpdir(), 'cti-journal-'));
t.teardown(() => rmSync(root, { recursive: true, force: true }));
const fresh = (name: string): string => join(root, name);

const id = (n: number): string => n.toString(16).padStart(32, '0');
const record = (n: number, durable: boolean, more: Partial<TaskRecord> = {}): TaskRecord => ({
  kind: 'task',
  id: id(n),
  epoch: BigInt(n),
  name: `task ${n} ä"\n`,
  durable,
  ...more,
});
const image = (n: number, size = 40): Uint8Array => Buffer.alloc(size, n);

/** A journal of a few tasks, closed. */
async function filled(dir: string): Promise<void> {
  const journal = Journal.open(dir);
  const after = { tasks: [id(3)], mode: 'all', condition: { r0: 7n } } as const;
  await Promise.all([
    journal.keep(record(1, true), image(1)),
    journal.keep(record(2, true, { after }), image(2)),
    journal.keep(record(1, true, { wait: { kind: 'timer', untilNs: 1n << 60n } }), image(11)),
    journal.end({ kind: 'end', id: id(3), end: 'exited', r0: 7n }),
    journal.end({ kind: 'end', id: id(5), end: 'exited', r0: 7n }),
  ]);
  journal.note(record(4, false));
  await journal.close();
}

const names = (journal: Journal) => ({
  durable: journal.recovered.durable.map(({ record, image }) => [record.id, Buffer.from(image).toString('hex')]),
  lost: journal.recovered.lost.map((item) => item.id),
  ends: [...journal.recovered.ends.keys()],
});

t.test('what was kept comes back, the last image of each; ends that a condition names stay', async (t) => {
  const dir = fresh('back');
  await filled(dir);
  for (const round of [1, 2]) {
    const journal = Journal.open(dir);
    t.same(
      journal.recovered.durable.map(({ record }) => record),
      [
        record(2, true, { after: { tasks: [id(3)], mode: 'all', condition: { r0: 7n } } }),
        record(1, true, { wait: { kind: 'timer', untilNs: 1n << 60n } }),
      ],
    );
    t.same(
      journal.recovered.durable.map(({ image }) => image[0]),
      [2, 11],
    );
    t.same(journal.recovered.lost, [record(4, false)], `in round ${round}: nobody said that it was reported`);
    t.same([...journal.recovered.ends.values()], [{ kind: 'end', id: id(3), end: 'exited', r0: 7n }]);
    t.same(await journal.read(id(1)), image(11));
    t.equal(await journal.read(id(4)), undefined);
    await journal.close();
  }
});

t.test('a file that ends anywhere: what was whole is back, nothing else is', async (t) => {
  const dir = fresh('torn');
  await filled(dir);
  const path = join(dir, 'journal');
  const whole = readFileSync(path);
  const ends = scanJournal(whole).found.map(({ offset, size }) => offset + size);
  t.ok(ends.length >= 4);
  for (let size = 0; size < whole.length; size++) {
    for (const zeros of [0, 100]) {
      const scan = scanJournal(Buffer.concat([whole.subarray(0, size), Buffer.alloc(zeros)]));
      const wasWhole = ends.filter((end) => end <= size).length;
      if (scan.found.length !== wasWhole)
        t.fail(`${scan.found.length} records of ${size} bytes and ${zeros} zeros, not ${wasWhole}`);
      // Zeros inside a record are told from a file that just ends only if its head is whole: then they are its body.
      if (zeros === 0 && scan.damage.length > 0) t.fail(`damage in a file of ${size} bytes: ${scan.damage[0]?.reason}`);
    }
  }
  truncateSync(path, whole.length - 1);
  const journal = Journal.open(dir);
  t.ok(journal.recovered.tornBytes > 0);
  t.same([journal.recovered.durable.length, journal.recovered.lost.length], [2, 0], 'all but the last line');
  await journal.keep(record(9, true), image(9));
  await journal.close();
  t.equal(scanJournal(readFileSync(path)).damage.length, 0, 'and it goes on behind what was whole');
});

t.test('every byte flipped, every way: noticed', async (t) => {
  const dir = fresh('flip');
  await filled(dir);
  const whole = readFileSync(join(dir, 'journal'));
  let nCases = 0;
  for (let at = 0; at < whole.length; at++) {
    for (const mask of [0x01, 0x80, 0xff, whole[at]!]) {
      if (mask === 0) continue;
      const bytes = Buffer.from(whole);
      bytes[at]! ^= mask;
      nCases++;
      if (scanJournal(bytes).damage.length === 0) t.fail(`byte ${at} ^ ${mask} of ${whole.length}`);
    }
  }
  t.ok(nCases > 1000, `${nCases} cases`);
});

t.test('a damaged journal: refused with the place; salvage goes on with the rest and keeps the file', async (t) => {
  const dir = fresh('damage');
  await filled(dir);
  const path = join(dir, 'journal');
  const bytes = readFileSync(path);
  const second = scanJournal(bytes).found[1]!;
  bytes[second.offset + 20]! ^= 4;
  writeFileSync(path, bytes);
  const error = caught(() => Journal.open(dir));
  t.equal(error.code, 'JOURNAL_DAMAGED');
  t.match(error.message, new RegExp(`${path}: at byte ${second.offset} .*checksum.*4 records after it are intact`));
  t.same(readFileSync(path), bytes, 'nothing was changed');
  const journal = Journal.open(dir, { salvage: true });
  t.equal(names(journal).durable.length + names(journal).lost.length, 2);
  await journal.close();
  t.same(readFileSync(`${path}.damaged.1`), bytes);
  const again = Journal.open(dir);
  await again.close();
});

t.test('another process holds the directory until it is killed', async (t) => {
  const dir = fresh('lock');
  const script = `
    import { Journal } from ${JSON.stringify(new URL('../lib/scheduler/journal.ts', import.meta.url).href)};
    Journal.open(${JSON.stringify(dir)});
    console.log('held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  await once(holder.stdout, 'data');
  t.match(
    caught(() => Journal.open(dir)),
    { code: 'JOURNAL_LOCKED', message: new RegExp(`another process uses .*${dir}`) },
  );
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const journal = Journal.open(dir);
  t.match(
    caught(() => Journal.open(dir)),
    { code: 'JOURNAL_LOCKED' },
    'this process, too, only once',
  );
  await journal.close();
});

t.test('a bound for all images together', async (t) => {
  const dir = fresh('bound');
  const journal = Journal.open(dir, { maxBytes: 10_000 });
  const refused = (n: number, size: number) =>
    journal.keep(record(n, true), image(n, size)).then(
      () => undefined,
      (error: CtiError) => error,
    );
  // Said at once, they are one batch: what fits is kept.
  const [first, second, third] = await Promise.all([refused(1, 4000), refused(2, 4000), refused(3, 4000)]);
  t.same([first, second], [undefined, undefined]);
  t.match(third, { code: 'JOURNAL_WRITE', message: /no room in .*task 3[\s\S]* of at most 10000 together/ });
  t.match(await refused(1, 7000), { code: 'JOURNAL_WRITE' }, 'one that grows');
  t.same(await journal.read(id(1)), image(1, 4000), 'its earlier image stays');
  t.equal(await refused(1, 3000), undefined, 'one that shrinks');
  await journal.end({ kind: 'end', id: id(2), end: 'exited', r0: 0n });
  t.equal(await refused(3, 4000), undefined, 'there is room again');
  for (let i = 0; i < 50; i++) t.equal(await refused(3, 4000), undefined, 'in the place of its own');
  await journal.close();

  const smaller = Journal.open(dir, { maxBytes: 1000 });
  t.equal(names(smaller).durable.length, 2, 'what is there comes back under a smaller bound, too');
  await smaller.keep(record(1, true), image(1, 3000));
  await smaller.close();
});

t.test('a full disk: a clear error, the journal stays whole, and goes on when there is room', async (t) => {
  const dir = fresh('full');
  execFileSync('mkdir', ['-p', dir]);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', dir]);
  t.teardown(() => execFileSync('umount', [dir]));
  const journal = Journal.open(dir);
  await journal.keep(record(1, true), image(1, 20_000));
  const full = await journal.keep(record(2, true), image(2, 200_000)).then(
    () => undefined,
    (error: CtiError) => error,
  );
  t.match(full, { code: 'JOURNAL_WRITE', message: /no space left|ENOSPC/i });
  t.same(await journal.read(id(1)), image(1, 20_000));
  await journal.keep(record(3, true), image(3, 1000));
  await journal.close();
  const again = Journal.open(dir);
  t.same(
    names(again).durable.map(([name]) => name),
    [id(1), id(3)],
  );
  await again.close();
  writeFileSync(join(dir, 'hog'), Buffer.alloc(90_000));
  t.match(
    caught(() => Journal.open(dir)),
    { code: 'JOURNAL_WRITE' },
    'no room to write it anew',
  );
  rmSync(join(dir, 'hog'));
  const last = Journal.open(dir);
  t.equal(last.recovered.durable.length, 2, 'and nothing is gone');
  await last.close();
});

t.test('written anew when most is outdated', async (t) => {
  const dir = fresh('compact');
  const journal = Journal.open(dir, { compactAt: 50_000 });
  journal.note(record(7, false));
  for (let n = 0; n < 300; n++) {
    await journal.keep(record(n % 3, true), image(n & 0xff, 1000));
    if (n % 10 === 0) await journal.end({ kind: 'end', id: id(1000 + n), end: 'killed' });
  }
  t.ok(statSync(join(dir, 'journal')).size < 60_000, `${statSync(join(dir, 'journal')).size} bytes`);
  await journal.compact();
  t.equal(journal.size, statSync(join(dir, 'journal')).size);
  t.ok(journal.size < 4000);
  t.same(await journal.read(id(2)), image(299 & 0xff, 1000));
  await journal.close();
  t.same(readdirSync(dir).sort(), ['journal', 'lock']);
  const again = Journal.open(dir);
  t.equal(again.recovered.durable.length, 3);
  t.equal(again.recovered.lost.length, 1);
  await again.close();
  t.notOk(existsSync(join(dir, 'journal.new')));
});
