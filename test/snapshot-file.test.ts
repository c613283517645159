/**
 * Snapshot files: what is saved comes back, on every question; what was cut, flipped or made up is refused with a reason.
 *
 *   CTI_SNAPSHOT_MUTATIONS=100000 npx tsx test/snapshot-file.test.ts       as many damaged files as that (10,000 unless told)
 */
// Takes 16 s.
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { runQuestion } from '../lib/query/run.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { captureTable } from '../lib/sources/registry.js';
import {
  describeSnapshotFile,
  isSnapshotFile,
  loadSnapshotFile,
  readSnapshotFile,
  saveSnapshots,
} from '../lib/sources/snapshot-file.js';
import { crc32c, ENTRY_SIZE, HEADER_SIZE, type Part } from '../lib/sources/snapshot-format.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { PMDS } from '../lib/tables/generated/pmds.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { cli } from './support/cli.js';
import { randomOf } from './support/mutate-elf.js';
import { startPrivateSwitch } from './support/private-switch.js';

const MUTATIONS = Number(process.env.CTI_SNAPSHOT_MUTATIONS ?? 10_000);
const dir = mkdtempSync(join(tmpdir(), 'cti-snapshot-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

const DUMPS = ['rules-more', 'actions-more', 'tunnels-more', 'grammar1-more', 'bond-more'];
const dump = (name: string) => `test/fixtures/dumps/${name}.txt`;

/** Where the parts of a file lie. */
function partsOf(bytes: Buffer): Part[] {
  return Array.from({ length: bytes.readUInt32LE(12) }, (_, i) => {
    const at = HEADER_SIZE + ENTRY_SIZE * i;
    return {
      offset: Number(bytes.readBigUInt64LE(at)),
      size: Number(bytes.readBigUInt64LE(at + 8)),
      crc: bytes.readUInt32LE(at + 16),
    };
  });
}

/** Every checksum made right again, so that only what the bytes say is wrong. */
function sign(bytes: Buffer): void {
  for (const [i, { offset, size }] of partsOf(bytes).entries())
    bytes.writeUInt32LE(crc32c(bytes.subarray(offset, offset + size)), HEADER_SIZE + ENTRY_SIZE * i + 16);
  const directory = bytes.subarray(HEADER_SIZE, HEADER_SIZE + ENTRY_SIZE * bytes.readUInt32LE(12));
  bytes.writeUInt32LE(crc32c(directory), 24);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28)), 28);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, bytes.length - 4)), bytes.length - 4);
}

async function refusal(path: string): Promise<CtiError | undefined> {
  try {
    const { snapshots } = await loadSnapshotFile(path);
    for (const snapshot of snapshots) snapshot.close();
    return undefined;
  } catch (error) {
    if (error instanceof CtiError) return error;
    throw error;
  }
}

t.test('what is saved comes back: bytes, facts, texts, answers', async (t) => {
  for (const name of DUMPS) {
    const path = join(dir, `${name}.cti`);
    using saved = await readDpFlowsFile(dump(name));
    const size = await saveSnapshots(path, [saved]);
    t.equal(statSync(path).size, size);
    t.equal(statSync(path).mode & 0o777, 0o600, 'nobody else may read it');
    using loaded = await readSnapshotFile(path, DP_FLOWS);
    for (const [i, segment] of saved.segments.entries()) {
      const other = loaded.segments[i]!;
      t.equal(other.name, segment.name);
      t.ok(Buffer.from(segment.buffer).equals(Buffer.from(other.buffer)), `${name}: ${segment.name}`);
    }
    const { source, cost, ...facts } = saved.facts;
    t.match({ ...loaded.facts }, facts);
    t.match(loaded.facts.source, `file:${path} (${source} of `);
    for (let row = 0; row < saved.facts.nRows; row++) t.equal(loaded.rowText(row), saved.rowText(row));
    for (const question of ['dp_flows | where tcp or does ct | show flow', 'dp_flows | count by in_port, actions']) {
      const [before, after] = [await runQuestion(question, saved), await runQuestion(question, loaded)];
      t.same(after.answer, before.answer);
    }
  }
  t.same(
    readdirSync(dir).filter((name) => !name.endsWith('.cti')),
    [],
    'no temporary file is left',
  );
});

t.test('every table of a real switch, loaded where there is none', async (t) => {
  const ovs = await startPrivateSwitch();
  const path = join(dir, 'switch.cti');
  let answers: string;
  try {
    ovs.addBridge({ ports: ['p1'] });
    ovs.vsctl('set', 'Open_vSwitch', '.', 'other_config:max-idle=3600000'); // it stays, however long this takes
    ovs.appctl(
      'netdev-dummy/receive',
      'p1',
      'in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=1,dst=443)',
    );
    const done = await cli(['snapshot', 'save', path, '--rundir', ovs.rundir]);
    t.equal(done.status, 0, done.err);
    t.match(done.out, /^dp_flows +1 /m);
    t.match(done.out, /^ports +\d/m);
    // What a source does not have is not asked of it.
    const text = join(dir, 'unixctl.cti');
    const memory = await cli([
      'snapshot',
      'save',
      join(dir, 'memory.cti'),
      '--source',
      'memory',
      '--rundir',
      ovs.rundir,
    ]);
    t.notMatch(memory.err, /has no source 'memory'/);
    t.match(await cli(['snapshot', 'save', text, '--source', 'unixctl', '--rundir', ovs.rundir]), {
      status: 0,
      out: /^ct +0 /m,
    });
    t.match(await cli(['snapshot', 'save', text, '--source', 'air', '--rundir', ovs.rundir]), {
      status: 2,
      err: /--source: expected one of/,
    });
    rmSync(text);
    rmSync(join(dir, 'memory.cti'), { force: true });
    answers = (await cli(['query', 'ports | sort by name | show name, type', '--rundir', ovs.rundir])).out;
    using flows = (await captureTable('dp_flows', 'auto', { rundir: ovs.rundir })).snapshot;
    t.equal(flows.facts.nRows, 1);
  } finally {
    await ovs.stop();
  }
  const there = (await describeSnapshotFile(path)).tables.map(({ table }) => table);
  // Those that a switch is read for; of_rules come from texts.
  t.same(there, ['dp_flows', 'ct', 'pmds', 'ports']);
  t.equal((await cli(['query', 'ports | sort by name | show name, type', '--from', path])).out, answers);
  chmodSync(dir, 0o755);
  chmodSync(path, 0o644);
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const flow = await cli(['flows', 'ip', '--from', path], { wrap: nobody });
  t.match(flow.out, /in_port\(p1\)/);
  t.match(flow.err, /file:.*switch\.cti \((memory|unixctl):.* of /);
  const load = await cli(['snapshot', 'load', path]);
  t.equal(load.status, 0, load.err);
  t.match(load.err, /every checksum, index and schema is right/);
  const list = await cli(['snapshot', 'list', dir, '--format', 'json']);
  const rows = (JSON.parse(list.out) as { rows: { file: string; 'tables and rows': unknown }[] }).rows;
  t.match(
    rows.find(({ file }) => file === 'switch.cti'),
    {
      'tables and rows': [
        { table: 'dp_flows', rows: 1 },
        { table: 'ct', rows: 0 },
        { table: 'pmds' },
        { table: 'ports' },
      ],
    },
  );
});

t.test(`${MUTATIONS} damaged files are refused, every part of them`, async (t) => {
  const path = join(dir, 'damaged.cti');
  using flows = await readDpFlowsFile(dump('actions-more'));
  await saveSnapshots(path, [flows]);
  const original = readFileSync(path);
  const parts = partsOf(original);
  const reached = new Map<string, number>();
  const region = (at: number): string => {
    if (at < HEADER_SIZE) return 'header';
    if (at < parts[0]!.offset) return 'directory';
    if (at >= original.length - 4) return 'trailer';
    const i = parts.findLastIndex(({ offset, size }) => at >= offset && size > 0);
    return at < parts[i]!.offset + parts[i]!.size ? `part ${i}` : 'padding';
  };
  const regions = [
    'header',
    'directory',
    'trailer',
    ...parts.flatMap(({ size }, i) => (size > 0 ? [`part ${i}`] : [])),
  ];
  const spans = new Map(
    regions.map((name) => {
      const inside = [...original.keys()].filter((at) => region(at) === name);
      return [name, { first: inside[0]!, n: inside.length }] as const;
    }),
  );
  const codes = new Map<string, number>();
  for (let seed = 0; seed < MUTATIONS; seed++) {
    const random = randomOf(seed);
    let bytes = Buffer.from(original);
    if (seed % 4 === 0) {
      bytes = bytes.subarray(0, random(bytes.length));
      reached.set('cut', (reached.get('cut') ?? 0) + 1);
    } else {
      // Every region as often as every other, however small it is; every eighth anywhere, padding too.
      const { first, n } = spans.get(regions[seed % regions.length]!)!;
      for (let flips = 1 + random(3); flips > 0; flips--) {
        const at = seed % 8 === 1 ? random(bytes.length) : first + random(n);
        bytes[at]! ^= 1 << random(8);
        reached.set(region(at), (reached.get(region(at)) ?? 0) + 1);
      }
      if (bytes.equals(original)) continue; // the same bit twice
    }
    writeFileSync(path, bytes);
    const error = await refusal(path);
    if (
      error?.code !== 'SNAPSHOT_MALFORMED' ||
      !error.message.startsWith(path) ||
      error.message.length < path.length + 20
    )
      t.fail(`seed ${seed}: ${error ? `${error.code}: ${error.message}` : 'was read'}`);
    const reason = error?.message.slice(path.length).replaceAll(/0x[0-9a-f]+|\d+/g, 'N') ?? 'read';
    codes.set(reason, (codes.get(reason) ?? 0) + 1);
  }
  for (const name of [...regions, 'cut']) t.ok((reached.get(name) ?? 0) >= 10, `${name}: ${reached.get(name)} times`);
  t.comment([...codes].map(([reason, n]) => `${n} ${reason}`).join('\n'));
});

t.test('made up with right checksums: refused, or a table that every question works on', async (t) => {
  const path = join(dir, 'made-up.cti');
  using flows = await readDpFlowsFile(dump('actions-more'));
  await saveSnapshots(path, [flows]);
  const original = readFileSync(path);
  const parts = partsOf(original);
  let read = 0;
  let refused = 0;
  for (let seed = 0; seed < 1500; seed++) {
    const random = randomOf(seed);
    const bytes = Buffer.from(original);
    const { offset, size } = parts[random(parts.length)]!;
    if (size === 0) continue;
    for (let n = 1 + random(4); n > 0; n--) bytes[offset + random(size)] = random(3) === 0 ? 0xff : random(256);
    sign(bytes);
    writeFileSync(path, bytes);
    let snapshot: TableSnapshot;
    try {
      snapshot = await readSnapshotFile(path, DP_FLOWS);
    } catch (error) {
      if (!(error instanceof CtiError) || !['SNAPSHOT_MALFORMED', 'INVALID_ARGUMENT'].includes(error.code))
        t.fail(`seed ${seed}: ${(error as Error).stack}`);
      refused++;
      continue;
    }
    read++;
    try {
      for (let row = 0; row < snapshot.facts.nRows; row++) snapshot.rowText(row);
      await runQuestion(
        'dp_flows | where actions matches /ct/ or in_port matches /p1/ or tp_dst = 80 | top 5 by packets',
        snapshot,
      );
    } catch (error) {
      t.fail(`seed ${seed}: ${(error as Error).stack}`);
    }
    snapshot.close();
  }
  t.ok(read > 100 && refused > 100, `${read} read, ${refused} refused`);
});

t.test('what else is refused, and says why', async (t) => {
  const path = join(dir, 'other.cti');
  using flows = await readDpFlowsFile(dump('rules-more'));
  await saveSnapshots(path, [flows]);
  const original = readFileSync(path);
  const [facts] = partsOf(original);
  const edited = (edit: (text: string) => string): Buffer => {
    const bytes = Buffer.from(original);
    const text = edit(bytes.toString('utf8', facts!.offset, facts!.offset + facts!.size));
    t.equal(Buffer.byteLength(text), facts!.size, 'the edit keeps the size');
    bytes.write(text, facts!.offset);
    sign(bytes);
    return bytes;
  };
  const version = Buffer.from(original);
  version.writeUInt32LE(2, 8);
  sign(version);
  const cases: [string, Buffer, RegExp][] = [
    [
      'another schema',
      edited((text) => text.replace(DP_FLOWS.hash, '0123456789abcdef')),
      /dp_flows has the schema 0123456789abcdef \(version 1\), this CTInspector has [0-9a-f]{16}/,
    ],
    ['another format', version, /byte 8: expected version 1 of the format but received 2/],
    ['another table', edited((text) => text.replace('"table":"dp_flows"', '"table":"np_flows"')), /no table np_flows/],
    [
      'facts that are none',
      edited((text) => text.replace('"nVerbatim":0', '"nVerbatim":x')),
      /part 0 \(facts\): expected JSON/,
    ],
    [
      'a time that is none',
      edited((text) => text.replace(/"beginNs":"\d/, '"beginNs":"x')),
      /facts\.beginNs: expected nanoseconds/,
    ],
    ['more at the end', Buffer.concat([original, Buffer.of(0)]), /has more behind its end/],
    ['a text', Buffer.from('recirc_id(0)'), /expected a snapshot file/],
    ['nothing', Buffer.alloc(0), /expected a snapshot file/],
  ];
  for (const [name, bytes, message] of cases) {
    writeFileSync(path, bytes);
    const error = await refusal(path);
    t.equal(error?.code, 'SNAPSHOT_MALFORMED', name);
    t.match(error?.message, message, name);
  }
  writeFileSync(path, original);
  await t.rejects(readSnapshotFile(path, PMDS), { code: 'INVALID_ARGUMENT', message: /it has dp_flows, not pmds/ });
  await t.rejects(readSnapshotFile(join(dir, 'none.cti'), DP_FLOWS), { code: 'FILE' });
  await t.rejects(readSnapshotFile(dir, DP_FLOWS), { code: 'SNAPSHOT_MALFORMED', message: /regular file/ });
  await t.rejects(saveSnapshots(join(dir, 'no/such/file'), [flows]), {
    code: 'FILE',
    message: /^cannot write .*no such file/,
  });
  t.notOk(await isSnapshotFile(dump('rules-more')));
  t.notOk(await isSnapshotFile(join(dir, 'none.cti')));
  const done = await cli(['query', 'pmds', '--from', path]);
  t.equal(done.status, 2);
  t.match(done.err, /it has dp_flows, not pmds/);
});

t.test('a file that cannot be written leaves the one of its name', async (t) => {
  const path = join(dir, 'kept.cti');
  using flows = await readDpFlowsFile(dump('rules-more'));
  await saveSnapshots(path, [flows]);
  const before = readFileSync(path);
  const stop = new AbortController();
  stop.abort();
  await t.rejects(saveSnapshots(path, [flows], stop.signal), { code: 'CANCELLED' });
  t.ok(readFileSync(path).equals(before));
  await saveSnapshots(path, [flows]);
  t.notOk(readFileSync(path).equals(before), 'a second one takes its place');
  symlinkSync('/proc/self/mem', join(dir, 'link.cti'));
  t.notOk(await isSnapshotFile(join(dir, 'link.cti')));
});
