/**
 * Megaflows out of ovs-vswitchd's memory: the layouts, equality with dpctl/dump-flows on a quiet switch, the proof that refuses a wrong layout, the
 * fallback that says so, and a switch that is killed while it is read.
 */
// Takes 18 s.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { CtiError } from '../lib/errors.js';
import { captureDpFlows } from '../lib/sources/dp-flows.js';
import { findLayout, listLayouts, parseLayout, readLayout } from '../lib/sources/layouts.js';
import { attachMemory, captureFromMemory, MemoryAttachment, prove } from '../lib/sources/memory.js';
import { sameOrder } from '../lib/sources/memory-proof.js';
import { captureTable } from '../lib/sources/registry.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { codeOf } from './support/errors.js';
import { startLab } from './support/lab.js';

const DEBIAN = 'c78946b5f9be36f9f7caa610c38038375860119a';
const DEBIAN_DPDK = '213eeac4e006cc726373680dc758eb103a8da1ed';

const scratch = mkdtempSync(join(tmpdir(), 'cti-attach-'));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));

const lab = await startLab();
t.teardown(() => lab.stop());

/** What is not the same in two readings one after the other: the time since the last packet. */
const withoutTime = (row: string): string =>
  row.replace(/, used:(never|[\d.]+s),/, (_, used) => `, used:${used === 'never' ? 'never' : 'ago'},`);

function rowsOf(snapshot: TableSnapshot): Map<string, string> {
  const rows = new Map<string, string>();
  for (let row = 0; row < snapshot.facts.nRows; row++) {
    const text = snapshot.rowText(row);
    rows.set(text.slice(0, text.indexOf(',')), withoutTime(text));
  }
  return rows;
}

t.test('layouts that are shipped', async (t) => {
  const at = (build: string, name: string): number => {
    const layout = findLayout(build, { CTINSPECTOR_LAYOUTS: scratch });
    const index = layout.names.indexOf(name);
    if (index < 0) throw new Error(`${name} is not in ${layout.file}`);
    return layout.numbers[2 * index] ?? -1;
  };
  // What was found by hand in Debian's shipped binary, without its symbols (see docs/attach.md).
  const known: Record<string, number> = {
    'dp_netdev.poll_threads': 320,
    'dp_netdev.conntrack': 480,
    'dp_netdev_pmd_thread.flow_table': 9109584,
    'dp_netdev_pmd_thread.core_id': 9109752,
    'dp_netdev_flow.node': 672,
    'dp_netdev_flow.ufid': 696,
    'dp_netdev_flow.pmd_id': 728,
    'dp_netdev_flow.ref_cnt': 732,
    'dp_netdev_flow.dead': 736,
    'dp_netdev_flow.mark': 740,
    'dp_netdev_flow.stats': 760,
    'dp_netdev_flow.actions': 848,
    'dp_netdev_flow.cr': 872,
    'cmap_impl.mask': 12,
    'cmap_impl.buckets': 64,
    'cmap_bucket.hashes': 4,
    'cmap_bucket.nodes': 24,
  };
  for (const [name, offset] of Object.entries(known)) t.equal(at(DEBIAN, name), offset, name);
  const shipped = listLayouts({ CTINSPECTOR_LAYOUTS: scratch });
  t.strictSame(shipped.map(({ name }) => name).sort(), [
    'Debian openvswitch-switch 3.1.0-2+deb12u1 amd64',
    'Debian openvswitch-switch 3.5.0-1+b1 amd64',
    'Debian openvswitch-switch-dpdk 3.1.0-2+deb12u1 amd64',
    'Debian openvswitch-switch-dpdk 3.5.0-1+b1 amd64',
  ]);
  t.ok(shipped.some(({ buildId }) => buildId === DEBIAN_DPDK));
});

t.test('layouts that are wrong are refused with what is wrong', async (t) => {
  const cases: [string, string, RegExp][] = [
    ['no JSON', '{', /expected JSON/],
    ['another format', '{"format":2}', /"format": 1/],
    ['no build id', '{"format":1,"build_id":"../x"}', /build id in hex/],
    [
      'a negative offset',
      `{"format":1,"build_id":"${DEBIAN}","name":"","structures":{"a":{"members":{"b":[-1,8]}}},"enumerators":{}}`,
      /\[offset, size\] of a\.b/,
    ],
  ];
  for (const [what, text, message] of cases)
    t.throws(() => parseLayout(text, 'here.json'), { code: 'INVALID_ARGUMENT', message }, what);
  const [code, message] = await codeOf(() => findLayout('00112233445566778899'));
  t.equal(code, 'LAYOUT_UNKNOWN');
  t.match(message, /00112233445566778899.*ctinspector layout make --debug-info/);
});

t.test('a quiet switch: every flow as dpctl/dump-flows -m prints it', async (t) => {
  await lab.traffic();
  await lab.fill(20_000);
  const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
  t.equal(attachment.buildId, DEBIAN);
  t.ok((proof?.flowsCompared ?? 0) >= 5);
  t.ok((proof?.flowCounts[0]?.unixctl ?? 0) >= 20_000);
  proof?.capture.snapshot.close();
  // Quiet is what has the same dump before and after.
  const dump = async () => {
    const taken = await captureDpFlows({ rundir: lab.rundir });
    return { taken, rows: rowsOf(taken) };
  };
  let before = await dump();
  let captured = await attachment.capture();
  let text = await dump();
  for (let attempt = 0; attempt < 10; attempt++) {
    const same =
      before.rows.size === text.rows.size && [...before.rows].every(([ufid, row]) => text.rows.get(ufid) === row);
    before.taken.close();
    if (same) break;
    await sleep(1000);
    before = text;
    captured.snapshot.close();
    captured = await attachment.capture();
    text = await dump();
  }
  const { snapshot, reading } = captured;
  const [ours, theirs] = [rowsOf(snapshot), text.rows];
  t.ok(theirs.size >= 20_000);
  t.equal(snapshot.facts.nRows, ours.size, 'each once');
  t.equal(ours.size, theirs.size, 'none extra, none missing');
  const differ = [...theirs].filter(([ufid, row]) => ours.get(ufid) !== row);
  t.strictSame(
    differ.slice(0, 3).map(([ufid, row]) => [row, ours.get(ufid)]),
    [],
    'ufid, packets, bytes, key, mask and actions',
  );
  t.strictSame(snapshot.facts.rejected, []);
  t.strictSame(snapshot.facts.unknown, []);
  t.equal(reading.nAccepted, theirs.size);
  // Not only as text: the columns a program sees.
  for (const name of ['rows', 'match', 'tunnel', 'ipv6', 'ct_tuple', 'arp']) {
    t.equal(snapshot.segment(name).nRecords, text.taken.segment(name).nRecords, `records of ${name}`);
  }
  t.equal(snapshot.segment('match').nRecords, snapshot.facts.nRows);
  snapshot.close();
  text.taken.close();
});

t.test(
  "a match's attributes stand in the order that the switch prints them in, whatever was taken for it first",
  async (t) => {
    const first = /^ufid:[^,]+, recirc_id\(/;
    for (const guess of [true, false]) {
      const attachment = MemoryAttachment.open(lab.pid);
      attachment.recircFirst = guess;
      const before = await attachment.capture();
      t.ok(before.snapshot.facts.nRows > 20);
      for (let row = 0; row < before.snapshot.facts.nRows; row++)
        if (first.test(before.snapshot.rowText(row)) !== guess) t.fail(before.snapshot.rowText(row));
      before.snapshot.close();
      const proof = await prove(attachment, { rundir: lab.rundir });
      const text = await captureDpFlows({ rundir: lab.rundir });
      const isFirst = first.test(text.rowText(0));
      t.equal(attachment.recircFirst, isFirst);
      const { snapshot } = proof.capture;
      for (let row = 0; row < snapshot.facts.nRows; row++)
        if (first.test(snapshot.rowText(row)) !== isFirst) t.fail(snapshot.rowText(row));
      text.close();
      snapshot.close();
    }
    const [behind, before] = [
      'skb_priority(0/0),recirc_id(0),in_port(2),eth(src=1,dst=2)',
      'recirc_id(0),skb_priority(0/0),in_port(2),eth()',
    ];
    t.equal(sameOrder(`${behind}, actions:1`, `${before}, actions:1`), false);
    t.equal(sameOrder(`${behind}, actions:1`, `${behind}, actions:2`), true);
    t.equal(
      sameOrder(`${behind}, actions:1`, 'recirc_id(0),in_port(2),encap(in_port(3),recirc_id(1)), actions:1'),
      true,
      'what both have says nothing',
    );
  },
);

t.test('counters move forward and stay whole while packets flow', async (t) => {
  const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
  proof?.capture.snapshot.close();
  let busy = true;
  const sending = (async () => {
    while (busy) await lab.traffic();
  })();
  // A flow that the switch deleted and made again begins at nothing; how many it deleted, it says (late: each of its threads adds up now and then).
  const deleted = async (): Promise<number> =>
    Number(/^dpif_flow_del .* total: (\d+)$/m.exec(await lab.appctl('coverage/show'))?.[1] ?? 0);
  const deletedBefore = await deleted();
  const last = new Map<string, [bigint, bigint]>();
  const wentBack: string[] = [];
  let moved = 0;
  try {
    // Ten readings, and more where packets are slow to come.
    for (let round = 0; round < 10 || (moved === 0 && round < 500); round++) {
      const { snapshot } = await attachment.capture();
      const seen = new Set<string>();
      for (let row = 0; row < snapshot.facts.nRows; row++) {
        const text = snapshot.rowText(row);
        const ufid = text.slice(0, text.indexOf(','));
        const found = /packets:(\d+), bytes:(\d+)/.exec(text);
        const now: [bigint, bigint] = [BigInt(found?.[1] ?? 0), BigInt(found?.[2] ?? 0)];
        if (seen.has(ufid)) t.fail(`${ufid} is there twice`);
        seen.add(ufid);
        const before = last.get(ufid);
        if (before && (now[0] < before[0] || now[1] < before[1])) wentBack.push(`${ufid} from ${before} to ${now}`);
        if (before && now[0] > before[0]) moved++;
        // At least a 42-byte frame a packet, at most 64 KiB; the two counters are written one after the other.
        if (now[1] + 65_536n * 32n < now[0] * 42n || now[1] > (now[0] + 32n) * 65_536n) t.fail(`${ufid} has ${now}`);
        last.set(ufid, now);
      }
      snapshot.close();
      await sleep(50);
    }
  } finally {
    busy = false;
    await sending;
  }
  t.ok(moved > 0, 'some counters moved');
  for (let i = 0; i < 120 && wentBack.length > (await deleted()) - deletedBefore; i++) await sleep(500);
  t.ok(wentBack.length <= (await deleted()) - deletedBefore, `went back, without having been deleted: ${wentBack}`);
});

t.test('flows that come and go while they are read: every row is one that was', async (t) => {
  const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
  proof?.capture.snapshot.close();
  const match = (row: string): string => row.replace(/, packets:\d+, bytes:\d+, used:[^,]+(, flags:[^,]+)?/, '');
  const seen = new Map<string, string>();
  const facts = { readings: 0, rows: 0, retried: 0, dropped: 0 };
  const readUntil = async (done: () => boolean, look: (ufid: string, row: string) => void): Promise<void> => {
    // Once more when it is done, so that there is a reading however fast it was.
    for (let isLast = false; !isLast; ) {
      isLast = done();
      const { snapshot, reading } = await attachment.capture();
      const here = new Set<string>();
      for (let i = 0; i < snapshot.facts.nRows; i++) {
        const row = match(snapshot.rowText(i));
        const ufid = row.slice(0, row.indexOf(','));
        if (here.has(ufid)) t.fail(`${ufid} is there twice`);
        here.add(ufid);
        look(ufid, row);
      }
      facts.readings++;
      facts.rows += snapshot.facts.nRows;
      facts.retried += reading.nRetried;
      facts.dropped += snapshot.facts.rejected.reduce((sum, { count }) => sum + count, 0);
      snapshot.close();
      await sleep(20);
    }
  };

  let filled = false;
  // The lab counts flows before and after; that some of traffic's own expired meanwhile is no matter here.
  const filling = lab.fill(12_000).then(
    () => {
      filled = true;
    },
    (error: unknown) => {
      filled = true;
      if (!(error instanceof CtiError)) throw error;
    },
  );
  await readUntil(
    () => filled,
    (ufid, row) => {
      const before = seen.get(ufid);
      if (before !== undefined && before !== row) t.fail(`a row was '${before}' and is '${row}'`);
      seen.set(ufid, row);
    },
  );
  await filling;
  const dump = await captureDpFlows({ rundir: lab.rundir });
  const real = new Map<string, string>();
  for (let i = 0; i < dump.facts.nRows; i++) {
    const row = match(dump.rowText(i));
    real.set(row.slice(0, row.indexOf(',')), row);
  }
  dump.close();
  const wrong = [...seen].filter(([ufid, row]) => real.has(ufid) && real.get(ufid) !== row);
  t.strictSame(
    wrong.slice(0, 3).map(([ufid, row]) => ({ row, real: real.get(ufid) })),
    [],
    'rows read while flows were installed are as dpctl/dump-flows has them',
  );
  t.ok([...seen.keys()].filter((ufid) => !real.has(ufid)).length < 500, 'but for flows of traffic that ended');

  let purged = false;
  const purging = lab.appctl('dpctl/del-flows').finally(() => {
    purged = true;
  });
  await readUntil(
    () => purged,
    (ufid, row) => {
      if (real.get(ufid) !== row) t.fail(`'${row}' was read while flows were deleted; it was '${real.get(ufid)}'`);
    },
  );
  await purging;
  const after = await attachment.capture();
  t.ok(after.snapshot.facts.nRows < 500, 'deleted flows are gone');
  after.snapshot.close();
  // Whether a row had to be read again is chance here; native/test/test_attach_truth.cc makes it happen at every step.
  t.ok(facts.readings >= 2 && facts.rows > 0, JSON.stringify(facts));
  t.comment(JSON.stringify(facts));
});

/** The shipped layout with changes, in a directory of its own. */
function changedLayout(
  name: string,
  change: (structures: Record<string, { members: Record<string, [number, number]> }>) => void,
): NodeJS.ProcessEnv {
  const dir = join(scratch, name);
  mkdirSync(dir);
  const json = JSON.parse(readFileSync(findLayout(DEBIAN, { CTINSPECTOR_LAYOUTS: scratch }).file, 'utf8'));
  change(json.structures);
  writeFileSync(join(dir, `${DEBIAN}.json`), JSON.stringify(json));
  return { CTINSPECTOR_LAYOUTS: dir };
}

t.test('a layout that does not fit is refused, and what differed is said', async (t) => {
  await lab.fill(2000);
  await lab.traffic();
  type Members = Record<string, [number, number]>;
  const swap = (members: Members, a: string, b: string) => {
    [members[a], members[b]] = [members[b] as [number, number], members[a] as [number, number]];
  };
  const move = (members: Members, name: string, by: number) => {
    const [offset, size] = members[name] as [number, number];
    members[name] = [offset + by, size];
  };
  const m = (structures: Record<string, { members: Members }>, name: string): Members =>
    structures[name]?.members ?? {};
  const cases: [string, Parameters<typeof changedLayout>[1], RegExp][] = [
    [
      'packets-and-bytes',
      (s) => swap(m(s, 'dp_netdev_flow_stats'), 'packet_count', 'byte_count'),
      /LAYOUT_MISMATCH.*more packets or bytes in memory/,
    ],
    [
      'addresses',
      (s) => swap(m(s, 'flow'), 'nw_src', 'nw_dst'),
      /LAYOUT_MISMATCH.*in memory and .* by dpctl\/get-flow/,
    ],
    ['ufid', (s) => move(m(s, 'dp_netdev_flow'), 'ufid', 16), /LAYOUT_MISMATCH.*could be read and proved/],
    ['actions', (s) => move(m(s, 'dp_netdev_flow'), 'actions', 8), /LAYOUT_MISMATCH.*could be read and proved/],
    ['masked key', (s) => move(m(s, 'netdev_flow_key'), 'mf', 8), /INVALID_ARGUMENT|LAYOUT_MISMATCH/],
    ['flow table', (s) => move(m(s, 'dp_netdev_pmd_thread'), 'flow_table', -64), /PROTOCOL|LAYOUT_MISMATCH/],
    ['names', (s) => move(m(s, 'dp_netdev'), 'name', 8), /PROTOCOL.*found 0/],
    ['missing', (s) => delete m(s, 'dp_netdev_flow').cr, /INVALID_ARGUMENT.*dp_netdev_flow\.cr is missing/],
  ];
  for (const [name, change, expected] of cases) {
    const env = changedLayout(name, change);
    const [code, message] = await codeOf(async () =>
      prove(MemoryAttachment.open(lab.pid, env), { rundir: lab.rundir }),
    );
    t.match(`${code}: ${message}`, expected, name);
  }
});

t.test('sources: auto takes memory, and says why it does not', async (t) => {
  const best = await captureTable('dp_flows', 'auto', { rundir: lab.rundir });
  t.match(best.snapshot.facts.source, /^memory:\d+$/);
  t.strictSame(best.passedOver, []);
  best.snapshot.close();
  const asked = await captureTable('dp_flows', 'unixctl', { rundir: lab.rundir });
  t.match(asked.snapshot.facts.source, /^unixctl:/);
  asked.snapshot.close();
  t.match(await codeOf(() => captureTable('dp_flows', 'ebpf', { rundir: lab.rundir })), [
    'INVALID_ARGUMENT',
    /memory, unixctl/,
  ]);
});

t.test('a switch that is killed while it is read', async (t) => {
  for (let round = 0; round < 3; round++) {
    await lab.fill(3000);
    const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
    proof?.capture.snapshot.close();
    let dead = false;
    let killedDuring = 0;
    const reading = (async () => {
      for (;;) {
        const [code] = await codeOf(async () =>
          (await attachment.capture(undefined, round % 2 === 1)).snapshot.close(),
        );
        if (code !== '') return code;
        if (dead) killedDuring++;
        if (killedDuring > 3) return 'read on after the switch had gone';
      }
    })();
    await sleep(20 + 10 * round);
    lab.kill();
    dead = true;
    t.equal(await reading, 'SWITCH_CLOSED');
    t.equal(attachment.alive, false);
    await lab.restart();
    const since = performance.now();
    const snapshot = await captureFromMemory({ rundir: lab.rundir });
    const tookMs = performance.now() - since;
    t.equal(snapshot.facts.source, `memory:${lab.pid}`, 'the new process');
    t.ok(snapshot.facts.nRows < 1000, `no old rows: ${snapshot.facts.nRows}`);
    t.comment(`attached again in ${tookMs.toFixed(0)} ms`);
    snapshot.close();
  }
});

t.test(
  'a build without a layout: the control socket answers, and one line says why; a layout made for it then works',
  async (t) => {
    // The same program with another build id, in a switch of its own.
    const bin = join(scratch, 'bin');
    mkdirSync(bin);
    const program = readFileSync('/usr/sbin/ovs-vswitchd');
    const note = program.indexOf(Buffer.from(DEBIAN, 'hex'));
    t.ok(note > 0);
    program[note] = (program[note] ?? 0) ^ 0xff;
    const buildId = program.subarray(note, note + 20).toString('hex');
    writeFileSync(join(bin, 'ovs-vswitchd'), program, { mode: 0o755 });
    const { PATH = '' } = process.env;
    process.env.PATH = `${bin}:${PATH}`;
    const other = await startLab().finally(() => {
      process.env.PATH = PATH;
    });
    try {
      await other.fill(500);
      const { snapshot, passedOver } = await captureTable('dp_flows', 'auto', { rundir: other.rundir });
      t.match(snapshot.facts.source, /^unixctl:/);
      t.ok(snapshot.facts.nRows >= 500);
      t.equal(passedOver.length, 1);
      t.match(
        passedOver[0],
        new RegExp(`not from memory: no layout .*${buildId}.*ctinspector layout make --debug-info FILE`),
      );
      snapshot.close();
      t.match((await codeOf(() => captureTable('dp_flows', 'memory', { rundir: other.rundir })))[0], 'LAYOUT_UNKNOWN');

      const dir = join(scratch, 'made');
      mkdirSync(dir);
      const shipped = readLayout(findLayout(DEBIAN, { CTINSPECTOR_LAYOUTS: scratch }).file);
      copyFileSync(shipped.file, join(dir, 'other.json'));
      writeFileSync(join(dir, `${buildId}.json`), readFileSync(shipped.file, 'utf8').replace(DEBIAN, buildId));
      process.env.CTINSPECTOR_LAYOUTS = dir;
      const made = await captureTable('dp_flows', 'auto', { rundir: other.rundir });
      t.match(made.snapshot.facts.source, /^memory:/);
      t.strictSame(made.passedOver, []);
      made.snapshot.close();
    } finally {
      delete process.env.CTINSPECTOR_LAYOUTS;
      await other.stop();
    }
  },
);
