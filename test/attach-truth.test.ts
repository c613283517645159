/**
 * What is read out of the switch's memory is the truth: as text beside dpctl/dump-flows, the counters read anew, flows that come and go meanwhile, and
 * a switch that is killed, restarted and replaced by another build. The large sizes are by hand:
 *
 *   TAP_TIMEOUT=600 CTI_ATTACH_FLOWS=400000 CTI_RESTARTS=20 node --import ./test/support/typescript.mjs test/attach-truth.test.ts
 *   scripts/churn
 */
// Runs alone: how soon a switch that was started anew is read again is measured.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { CtiError } from '../lib/errors.js';
import { runQuestion } from '../lib/query/run.js';
import { samplesNeeded } from '../lib/query/samples.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { attachMemory, MemoryAttachment } from '../lib/sources/memory.js';
import { captureTable } from '../lib/sources/registry.js';
import { RepeatedReading } from '../lib/sources/repeated.js';
import { isPassing } from '../lib/sources/switch-life.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { combineSamples } from '../lib/tables/sampled.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { type ChurnFacts, churn, pairedLoss } from './support/churn.js';
import { codeOf } from './support/errors.js';
import { startLab } from './support/lab.js';
import { until } from './support/until.js';

const N_FLOWS = Number(process.env.CTI_ATTACH_FLOWS ?? 20_000);
const N_RESTARTS = Number(process.env.CTI_RESTARTS ?? 3);

const lab = await startLab();
t.teardown(() => lab.stop());

const ufidOf = (row: string): string => row.slice(5, 41);
/** Without what is not the same in two readings one after the other: the time since the last packet. */
const withoutTime = (row: string): string =>
  row.replace(/, used:(never|[\d.]+s),/, (_, used) => `, used:${used === 'never' ? 'never' : 'ago'},`);

function rowsOf(snapshot: TableSnapshot): Map<string, string> {
  const rows = new Map<string, string>();
  for (let row = 0; row < snapshot.facts.nRows; row++) {
    const text = withoutTime(snapshot.rowText(row));
    rows.set(ufidOf(text), text);
  }
  return rows;
}

/** Every line of `ovs-appctl dpctl/dump-flows -m`, as it comes. */
async function eachDumpLine(look: (line: string) => void): Promise<void> {
  const child = spawn('ovs-appctl', ['-t', 'ovs-vswitchd', 'dpctl/dump-flows', '-m'], {
    env: { ...process.env, OVS_RUNDIR: lab.rundir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) if (line.startsWith('ufid:')) look(line);
}

t.test(`${N_FLOWS} megaflows as dpctl/dump-flows -m prints them, letter by letter`, async (t) => {
  await lab.traffic();
  await lab.fill(N_FLOWS);
  const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
  proof?.capture.snapshot.close();
  const first = await attachment.capture();
  const before = rowsOf(first.snapshot);
  const fast = await attachment.capture(undefined, true);
  const byTwo = rowsOf(fast.snapshot);
  const dumped = new Set<string>();
  const differ: string[] = [];
  await eachDumpLine((line) => {
    const ufid = ufidOf(line);
    if (dumped.has(ufid)) differ.push(`twice in the dump: ${line}`);
    dumped.add(ufid);
    if (before.get(ufid) !== withoutTime(line)) differ.push(withoutTime(line));
  });
  const second = await attachment.capture();
  const after = rowsOf(second.snapshot);
  t.ok(dumped.size >= N_FLOWS, `${dumped.size} in the dump`);
  t.equal(first.snapshot.facts.nRows, before.size, 'each once');
  t.strictSame([first.reading.nThreads, fast.reading.nThreads], [1, 2]);
  t.equal(fast.snapshot.facts.nRows, byTwo.size, 'each once, by two threads');
  t.strictSame([fast.snapshot.facts.rejected, fast.snapshot.facts.unknown], [[], []]);
  t.strictSame([first.snapshot.facts.rejected, first.snapshot.facts.unknown], [[], []]);
  // The lab's hosts say something now and then: what is not the same in two readings around the dump was not quiet.
  const quiet = (ufid: string): boolean => before.has(ufid) && before.get(ufid) === after.get(ufid);
  const noisy = [...new Set([...before.keys(), ...after.keys()])].filter((ufid) => !quiet(ufid)).length;
  t.ok(noisy < 100, `${noisy} flows had packets, came or went meanwhile`);
  t.strictSame(
    differ.filter((line) => quiet(ufidOf(line))).slice(0, 3),
    [],
    'ufid, key, mask, packets, bytes, actions',
  );
  t.strictSame(differ.filter((line) => !before.has(ufidOf(line)) && !after.has(ufidOf(line))).slice(0, 3), []);
  t.strictSame([...before.keys()].filter((ufid) => quiet(ufid) && !dumped.has(ufid)).slice(0, 3), [], 'none extra');
  t.strictSame(
    [...new Set([...before.keys(), ...byTwo.keys()])].filter(
      (ufid) => quiet(ufid) && byTwo.get(ufid) !== before.get(ufid),
    ),
    [],
    'by two threads the same rows',
  );
  t.comment(`${dumped.size} rows compared, ${noisy} of them not quiet`);
  first.snapshot.close();
  fast.snapshot.close();
  second.snapshot.close();
  // A reading by two threads that nobody waits for any more ends both.
  const tasks = (): number => readdirSync('/proc/self/task').length;
  const atRest = tasks();
  for (let i = 0; i < 5; i++) {
    const stop = new AbortController();
    const reading = codeOf(() => attachment.capture(stop.signal, true));
    await sleep(i);
    stop.abort();
    t.equal((await reading)[0], 'CANCELLED');
  }
  await until('its threads have ended', () => tasks() <= atRest);
});

t.test('memory, control socket and a saved dump say the same of what each flow matches and does', async (t) => {
  const dump = join(mkdtempSync(join(tmpdir(), 'cti-truth-')), 'dump.txt');
  t.teardown(() => rmSync(dirname(dump), { recursive: true, force: true }));
  writeFileSync(dump, await lab.appctl('dpctl/dump-flows', '-m'));
  const readings: readonly (() => Promise<TableSnapshot>)[] = [
    async () => (await captureTable('dp_flows', 'memory', { rundir: lab.rundir })).snapshot,
    async () => (await captureTable('dp_flows', 'unixctl', { rundir: lab.rundir })).snapshot,
    () => readDpFlowsFile(dump),
  ];
  const question = 'dp_flows | changes since 1s';
  const { sampled } = samplesNeeded(question, DP_FLOWS)!;
  for (const [earlier, later] of [
    [0, 1],
    [1, 0],
    [2, 0],
    [2, 1],
  ] as const) {
    const before = await readings[earlier]!();
    const after = await readings[later]!();
    using both = combineSamples(before, after, sampled, { intervalMs: 1000 });
    t.ok(both.facts.samples!.before.nRows - both.facts.samples!.nGone > N_FLOWS / 2, `${earlier}, ${later}`);
    const { answer } = await runQuestion('dp_flows | where changed = +match or changed = +actions', both);
    if (answer.kind !== 'rows') throw new Error('expected rows');
    t.strictSame(
      Array.from(answer.rows.subarray(0, 3), (row) => both.rowText(row)),
      [],
      `${earlier}, ${later}`,
    );
  }
});

t.test('counters read anew: those of now, of the same rows, through page tables and by copying', async (t) => {
  const { attachment } = await attachMemory({ rundir: lab.rundir });
  const copying = MemoryAttachment.open(lab.pid, { ...process.env, CTINSPECTOR_PAGE_TABLES: 'off' });
  const base = await attachment.capture();
  const copyingBase = await copying.capture();
  await lab.traffic();
  const again = await attachment.refresh(base.snapshot);
  const copied = await copying.refresh(copyingBase.snapshot);
  t.match(copying.whyCopied, /told not to \(CTINSPECTOR_PAGE_TABLES=off\)/);
  t.equal(copied.reading.nByPageTables, 0);
  const { whyCopied } = attachment;
  if (whyCopied === null)
    t.ok(again.reading.nByPageTables > 0.99 * again.reading.nRefreshed, 'nearly all by page tables');
  else t.comment(`both were copied: ${whyCopied}`);
  const [old, now] = [rowsOf(base.snapshot), rowsOf(again.snapshot)];
  t.ok(again.snapshot.facts.nRows <= base.snapshot.facts.nRows);
  t.equal(again.reading.nRefreshed, again.snapshot.facts.nRows);
  t.equal(again.reading.nRefreshed + again.reading.nGone + again.reading.nReplaced, base.snapshot.facts.nRows);
  t.ok(again.reading.nInTables >= again.reading.nRefreshed);
  const counters = (row = ''): number => Number(/, packets:(\d+),/.exec(row)?.[1]);
  const fixed = (row = ''): string => row.replace(/, packets:.*?, (?=dp:|actions:)/, ', ');
  let moved = 0;
  for (const [ufid, row] of now) {
    if (fixed(row) !== fixed(old.get(ufid))) t.fail(`'${old.get(ufid)}' became '${row}'`);
    if (counters(row) < counters(old.get(ufid))) t.fail(`'${row}' went back`);
    if (counters(row) > counters(old.get(ufid))) moved++;
  }
  t.ok(moved > 10, `${moved} rows have more packets`);
  // What did not move is as copied, and as the dump has it.
  const differ: string[] = [];
  const last = await attachment.refresh(again.snapshot);
  const still = rowsOf(last.snapshot);
  let nSame = 0;
  for (const [ufid, row] of rowsOf(copied.snapshot)) {
    if (now.get(ufid) !== still.get(ufid) || !now.has(ufid)) continue;
    nSame++;
    if (now.get(ufid) !== row) t.fail(`through page tables '${now.get(ufid)}', copied '${row}'`);
  }
  t.ok(nSame > 0.9 * now.size, `${nSame} of ${now.size} rows are the same either way`);
  await eachDumpLine((line) => {
    const ours = now.get(ufidOf(line));
    if (ours !== undefined && ours === still.get(ufidOf(line)) && ours !== withoutTime(line)) differ.push(line);
  });
  t.ok(differ.length < 20, `${differ.length} rows differ from the dump (packets came meanwhile): ${differ[0]}`);
  // Shared segments are the same memory, the base is as it was.
  t.strictSame(rowsOf(base.snapshot), old);
  t.not(again.snapshot.segment('rows').fd, base.snapshot.segment('rows').fd);
  base.snapshot.close();
  t.strictSame(rowsOf(again.snapshot), now, 'it does not need the base any more');

  await lab.appctl('dpctl/del-flows');
  const none = await attachment.refresh(last.snapshot);
  t.ok(none.snapshot.facts.nRows < 500, 'deleted flows have no row');
  t.ok(none.reading.nGone > N_FLOWS - 500);
  t.match(none.snapshot.facts.rejected, [{ what: 'left the table since all of it was read' }]);

  t.equal((await codeOf(() => attachment.refresh(base.snapshot)))[0], 'INVALID_ARGUMENT', 'a closed one');
  const other = await MemoryAttachment.open(lab.pid).capture();
  t.equal((await codeOf(() => attachment.refresh(other.snapshot)))[0], 'INVALID_ARGUMENT', "another attachment's");
  t.equal((await codeOf(() => attachment.refresh(again.snapshot, AbortSignal.abort())))[0], 'CANCELLED');
  for (const { snapshot } of [again, last, none, other, copyingBase, copied]) snapshot.close();
});

for (const fast of [false, true])
  t.test(`churn, purges and a mass expiry: no row that is not whole${fast ? ', by two threads' : ''}`, async (t) => {
    const phases = await churn(lab, {
      fast,
      seconds: 4,
      rate: 2000,
      idleMs: 1000,
      everyMs: 200,
      burst: 5000,
      purges: 2,
    });
    const sum = (what: (facts: ChurnFacts) => number): number =>
      phases.reduce((all, { facts }) => all + what(facts), 0);
    for (const { name, facts } of phases) {
      t.strictSame(facts.samples, [], name);
      t.equal(facts.wrong + facts.twice, 0, name);
    }
    t.ok(sum((facts) => facts.rows) > 20_000, 'rows were checked');
    t.ok(sum((facts) => facts.readAgain) > 0, 'the table changed while it was read');
    t.comment(JSON.stringify(phases.map(({ name, facts }) => [name, facts.readings, facts.rows, facts.readAgain])));
  });

t.test('the paired loss and its bound', async (t) => {
  const pairs = Array.from({ length: 11 }, (_, i) => ({ without: 1000, with: 1000 - 10 * i }));
  const loss = pairedLoss(pairs);
  t.ok(Math.abs(loss.median - 0.05) < 1e-9);
  t.ok(loss.upper95 > 0.05 && loss.upper95 <= 0.1);
  t.equal(loss.spread, 0);
});

/** Debian's other build, if it can be had here. */
function dpdkSwitch(): { path: string } | { why: string } {
  try {
    return { path: execFileSync(join(packageRoot, 'scripts', 'dpdk-switch'), { encoding: 'utf8' }).trim() };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

for (const fast of [false, true])
  t.test(
    `killed, restarted and replaced by the DPDK build ${N_RESTARTS} times while it is read${fast ? ' by two threads' : ''}`,
    async (t) => {
      const scratch = mkdtempSync(join(tmpdir(), 'cti-truth-'));
      t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
      const dpdk = dpdkSwitch();
      if ('why' in dpdk) {
        if (N_RESTARTS >= 20) throw new Error(dpdk.why);
        t.comment(`no DPDK build here, restarts of the same build only: ${dpdk.why}`);
      }
      const { PATH = '' } = process.env;
      t.teardown(() => {
        process.env.PATH = PATH;
      });
      const bin = join(scratch, 'bin');
      mkdirSync(bin);
      if ('path' in dpdk) symlinkSync(dpdk.path, join(bin, 'ovs-vswitchd'));

      // As top and watch read it, but without the pauses between readings; those between attempts at a switch that has gone are there.
      const manners = { share: 1, bytesPerSecond: 2 ** 40, periodMs: 5 };
      const repeated = new RepeatedReading('dp_flows', { rundir: lab.rundir, source: 'memory', manners, fast });
      let last: TableSnapshot | undefined;
      let stop = false;
      /** Since when the switch has been up with this pid. */
      let upSince = { pid: lab.pid, at: performance.now() };
      /** The pid whose table has no flows injected yet. */
      let emptyPid = 0;
      let filledRows = 0;
      const attachedAfterMs: number[] = [];
      const failures = new Map<string, number>();
      const unexpected: string[] = [];
      const builds = new Set<string>();
      let readings = 0;
      let seenPid = 0;
      const look = (snapshot: TableSnapshot): void => {
        const pid = Number(snapshot.facts.source.slice('memory:'.length));
        filledRows = 0;
        for (let row = 0; row < snapshot.facts.nRows; row++)
          if (snapshot.rowText(row).includes('eth(src=02:00:00:00:00:fd')) filledRows++;
        if (pid === emptyPid && filledRows > 0) t.fail(`${filledRows} rows of the switch before in the one of now`);
        if (pid !== seenPid && pid === upSince.pid) {
          attachedAfterMs.push(performance.now() - upSince.at);
          seenPid = pid;
        }
        readings++;
      };
      const reading = (async () => {
        while (!stop) {
          try {
            const { snapshot } = await repeated.next(last);
            look(snapshot);
            last?.close();
            last = snapshot;
          } catch (error) {
            if (!(error instanceof CtiError)) throw error;
            const { code, message } = error;
            failures.set(code, (failures.get(code) ?? 0) + 1);
            if (!isPassing(error)) unexpected.push(`${code}: ${message}`);
          }
        }
        last?.close();
      })();

      const restart = async (round: number): Promise<void> => {
        await lab.fill(3000);
        await until('flows are read', () => filledRows > 0);
        await sleep(Math.random() * 100);
        const before = lab.pid;
        lab.kill();
        process.env.PATH = 'path' in dpdk && round % 2 === 0 ? `${bin}:${PATH}` : PATH;
        emptyPid = 0;
        const restarting = lab.restart();
        restarting.catch(() => {});
        await until('the switch is up', () => lab.isSwitchRunning && lab.pid !== before);
        upSince = { pid: lab.pid, at: performance.now() };
        emptyPid = lab.pid;
        await restarting;
        await until('attached', () => seenPid === upSince.pid);
        builds.add(MemoryAttachment.open(lab.pid).buildId);
        await sleep(50);
        emptyPid = 0;
      };
      try {
        for (let round = 0; round < N_RESTARTS; round++) await restart(round);
      } finally {
        stop = true;
        await reading;
      }
      t.equal(attachedAfterMs.length >= N_RESTARTS, true, `attached ${attachedAfterMs.length} times`);
      const slowest = Math.max(...attachedAfterMs.slice(-N_RESTARTS));
      t.ok(slowest < 2000, `attached again in at most ${slowest.toFixed(0)} ms`);
      t.equal(builds.size, 'path' in dpdk ? 2 : 1, [...builds].join(', '));
      t.strictSame(unexpected, []);
      t.comment(
        `${readings} readings, ${JSON.stringify([...failures])}, attached after ${attachedAfterMs.map(Math.round)}`,
      );
    },
  );
