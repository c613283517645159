// attach.*: all megaflows of a lab out of the switch's memory into a snapshot, against a plain copy of the switch's resident memory with the same
// call (one thread each, in turn, in one program), against dpctl/dump-flows -m, and what the switch and OpenFlow on it notice. Fresh fill; nothing
// is dumped before the measured part. Needs root; CTI_BENCH_FLOWS sets the number of flows.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { packageRoot } from '../../lib/addon.js';
import { captureDpFlows } from '../../lib/sources/dp-flows.js';
import { MemoryAttachment } from '../../lib/sources/memory.js';
import { type Lab, startLab } from '../../test/support/lab.js';
import type { Bench } from './bench.js';

const run = promisify(execFile);
const N_FLOWS = Number(process.env.CTI_BENCH_FLOWS ?? 400_000);
const ECHOES = 600;
const STALL_TURNS = 6;

interface Rounds {
  twoReadMs: number[];
  twoCpuMs: number[];
  twoCopyMs: number[];
  twoRows: number;
  refreshMs: number[];
  refreshCpuMs: number[];
  copiedRefreshCpuMs: number[];
  /** Rows of the last refresh that were read through page tables; the others were copied. */
  byPageTables: number;
  copyMs: number[];
  copyCpuMs: number[];
  readMs: number[];
  copiedReadMs: number[];
  cpuMs: number[];
  rows: number;
  copiedBytes: number;
  peakBytes: number;
  snapshotBytes: number;
  dropped: number;
}

async function benchTool(): Promise<string> {
  const build = join(packageRoot, '.build', 'release');
  await run('cmake', ['-S', packageRoot, '-B', build, '-DCMAKE_BUILD_TYPE=Release']);
  await run('cmake', ['--build', build, '--parallel', '2', '--target', 'attach_bench'], { maxBuffer: 64 << 20 });
  return join(build, 'native', 'tools', 'attach_bench');
}

/** Resident bytes of private anonymous memory of a process. */
const residentOf = (pid: number): number =>
  1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

/** One OpenFlow connection to a bridge, which sends echo requests one at a time. */
class Echoes {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: (() => void) | undefined;
  #xid = 1;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#take();
    });
  }

  static async open(path: string): Promise<Echoes> {
    const socket = connect(path);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.write(Buffer.from([1, 0, 0, 8, 0, 0, 0, 1])); // OpenFlow 1.0 hello
    return new Echoes(socket);
  }

  #take(): void {
    while (this.#received.length >= 8) {
      const size = this.#received.readUInt16BE(2);
      if (this.#received.length < size) return;
      const [type, xid] = [this.#received[1], this.#received.readUInt32BE(4)];
      this.#received = this.#received.subarray(size);
      if (type === 2) this.#socket.write(Buffer.from([1, 3, 0, 8, 0, 0, 0, 0])); // its own echo request
      if (type === 3 && xid === this.#xid) this.#waiting?.();
    }
  }

  /** Milliseconds of each of `n` round trips, 2 ms apart. */
  async measure(n: number, goOn: () => boolean = () => true): Promise<number[]> {
    const times: number[] = [];
    while (times.length < n || goOn()) {
      const request = Buffer.from([1, 2, 0, 8, 0, 0, 0, 0]);
      request.writeUInt32BE(++this.#xid, 4);
      const begin = performance.now();
      const answered = new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      this.#socket.write(request);
      await answered;
      times.push(performance.now() - begin);
      await sleep(2);
      if (times.length >= 100 * n) break;
    }
    return times;
  }

  close(): void {
    this.#socket.destroy();
  }
}

const p99 = (times: readonly number[]): number =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
const least = (values: readonly number[]): number => Math.min(...values);

/** Idle and reading in turn, so that what else the machine does falls on both alike; at least 500 echoes of each. */
async function stall(lab: Lab, tool: string, layout: string): Promise<{ idle: number; reading: number; n: number }> {
  const echoes = await Echoes.open(join(lab.rundir, 'br-fill.mgmt'));
  const idle: number[] = [];
  const reading: number[] = [];
  for (let turn = 0; turn < STALL_TURNS; turn++) {
    idle.push(...(await echoes.measure(ECHOES / STALL_TURNS)));
    let done = false;
    const reader = run(tool, [String(lab.pid), layout, '2', 'read']).finally(() => {
      done = true;
    });
    reading.push(...(await echoes.measure(ECHOES / STALL_TURNS, () => !done)));
    await reader;
  }
  echoes.close();
  return { idle: p99(idle), reading: p99(reading), n: reading.length };
}

/** The top 10 by packets, from the shell to the printed answer: the question, and what one would do without it. */
async function top10(lab: Lab): Promise<{ ours: number; shell: number }> {
  const env = { ...process.env, OVS_RUNDIR: lab.rundir };
  const timed = async (command: string): Promise<[number, string]> => {
    const begin = performance.now();
    const { stdout } = await run('bash', ['-c', command], { env, maxBuffer: 64 << 20 });
    return [performance.now() - begin, stdout];
  };
  const cli = join(packageRoot, 'dist', 'cli', 'bin.js');
  const question = `${process.execPath} ${cli} query --source memory 'dp_flows | top 10 by packets | show packets'`;
  const ours: number[] = [];
  let answer = '';
  for (let i = 0; i < 3; i++) {
    const [ms, text] = await timed(`${question} --format ndjson`);
    ours.push(ms);
    answer = text;
  }
  const [shell, lines] = await timed(
    "ovs-appctl dpctl/dump-flows -m | sed -n 's/.* packets:\\([0-9]*\\),.*/\\1 &/p' | LC_ALL=C sort -rn | head",
  );
  const best = (text: string): string => [...text.matchAll(/^(?:\{"packets":"?)?(\d+)/gm)].map(([, n]) => n).join(',');
  if (best(answer) !== best(lines) || best(lines) === '')
    throw new Error(`the answers differ: ${best(answer)} and ${best(lines)}`);
  return { ours: least(ours), shell };
}

/** Milliseconds of the best of two dumps by the stock tool. */
async function dumpTime(lab: Lab): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 2; i++) {
    const begin = performance.now();
    await run('bash', ['-c', 'exec ovs-appctl -t ovs-vswitchd dpctl/dump-flows -m > /dev/null'], {
      env: { ...process.env, OVS_RUNDIR: lab.rundir },
    });
    times.push(performance.now() - begin);
  }
  return least(times);
}

export const bench: Bench = async (report) => {
  const tool = await benchTool();
  const scratch = mkdtempSync(join(tmpdir(), 'cti-bench-'));
  const lab = await startLab();
  try {
    await lab.fill(N_FLOWS);
    const layout = join(scratch, 'layout');
    const { layout: found } = MemoryAttachment.open(lab.pid);
    const lines = found.names.map((name, i) => `${name} ${found.numbers[2 * i]} ${found.numbers[2 * i + 1]}\n`);
    writeFileSync(layout, lines.join(''));

    const before = residentOf(lab.pid);
    const { stdout } = await run(tool, [String(lab.pid), layout, '7']);
    const rounds: Rounds = JSON.parse(stdout);
    const grown = residentOf(lab.pid) - before;
    const what = `${rounds.rows} flows, ${rounds.dropped} dropped`;
    report({
      metric: 'attach.vs_copy',
      value: least(rounds.readMs) / least(rounds.copyMs),
      unit: 'times',
      against: `${(rounds.copiedBytes / 1e6).toFixed(0)} MB of the switch's resident memory copied in ${least(rounds.copyMs).toFixed(0)} ms (process_vm_readv, 1 MiB a call, one thread); ${what}`,
      goal: { atMost: 2 },
    });
    report({
      metric: 'attach.copied_vs_copy',
      value: least(rounds.copiedReadMs) / least(rounds.copyMs),
      unit: 'times',
      against: `the same copy; all rows by process_vm_readv alone, as where no program can be loaded into the kernel, in ${least(rounds.copiedReadMs).toFixed(0)} ms`,
      goal: null,
    });
    report({
      metric: 'attach.vs_copy_cpu',
      value: least(rounds.cpuMs) / least(rounds.copyCpuMs),
      unit: 'times',
      against: `the same copy, both by their thread's CPU time, which other work on the machine disturbs less; ${least(rounds.copyCpuMs).toFixed(0)} ms`,
      goal: null,
    });
    report({
      metric: 'attach.vs_copy_two_threads',
      value: least(rounds.twoReadMs) / least(rounds.twoCopyMs),
      unit: 'times',
      against: `the same copy by two threads, half of it each, in ${least(rounds.twoCopyMs).toFixed(0)} ms; two threads, one of which copies what the other looks at, read ${rounds.twoRows} flows into one snapshot in ${least(rounds.twoReadMs).toFixed(0)} ms (${least(rounds.twoCpuMs).toFixed(0)} ms CPU of both)`,
      goal: null,
    });
    report({
      metric: 'attach.refresh_vs_full',
      value: least(rounds.refreshCpuMs) / least(rounds.cpuMs),
      unit: 'times',
      against: `reading all of it, by CPU time of one thread: ${least(rounds.refreshCpuMs).toFixed(0)} ms against ${least(rounds.cpuMs).toFixed(0)} ms (wall ${least(rounds.refreshMs).toFixed(0)} and ${least(rounds.readMs).toFixed(0)} ms); ${rounds.byPageTables} flows through page tables`,
      goal: { atMost: 0.5 },
    });
    report({
      metric: 'attach.copied_refresh_vs_full',
      value: least(rounds.copiedRefreshCpuMs) / least(rounds.cpuMs),
      unit: 'times',
      against: `the same by copying, as where no program can be loaded into the kernel: ${least(rounds.copiedRefreshCpuMs).toFixed(0)} ms, which is ${(least(rounds.copiedRefreshCpuMs) / least(rounds.copyCpuMs)).toFixed(2)} plain copies of all resident memory`,
      goal: null,
    });
    report({
      metric: 'attach.peak_bytes_per_flow',
      value: (rounds.peakBytes + rounds.snapshotBytes) / rounds.rows,
      unit: 'bytes',
      against: `resident memory of the reading program at its highest (${(rounds.peakBytes / 1e6).toFixed(0)} MB), and the snapshot's memfds (${(rounds.snapshotBytes / 1e6).toFixed(0)} MB)`,
      goal: { atMost: 1200 },
    });
    report({
      metric: 'attach.switch_growth',
      value: grown / 1e6,
      unit: 'MB',
      against: "the switch's resident anonymous memory before",
      goal: { atMost: 1 },
    });

    const { idle, reading, n } = await stall(lab, tool, layout);
    report({
      metric: 'attach.stall_ms',
      value: reading - idle,
      unit: 'ms',
      against: `p99 of ${ECHOES} OpenFlow echoes on one connection while idle (${idle.toFixed(2)} ms); ${n} while reading, in ${STALL_TURNS} turns`,
      goal: { atMost: 10 },
    });

    // Last, for they make the switch grow.
    const asked = await top10(lab);
    report({
      metric: 'attach.top10_vs_shell',
      value: asked.shell / asked.ours,
      unit: 'times',
      against: `ovs-appctl dpctl/dump-flows -m | sort | head took ${asked.shell.toFixed(0)} ms, the question ${asked.ours.toFixed(0)} ms, both from the shell to the same ten numbers`,
      goal: { atLeast: 10 },
    });
    const dumpMs = await dumpTime(lab);
    // A switch whose revalidators are late (a dump of many flows makes them) deletes flows: then the dump is of fewer than were read.
    const dumped = `${await lab.nFlows()} flows`;
    report({
      metric: 'attach.vs_dump',
      value: dumpMs / least(rounds.twoReadMs),
      unit: 'times',
      against: `ovs-appctl dpctl/dump-flows -m of ${dumped} into /dev/null took ${dumpMs.toFixed(0)} ms of two threads (the switch's main thread, ovs-appctl); all rows into one snapshot with --fast ${least(rounds.twoReadMs).toFixed(0)} ms of two threads; of one thread, the default, ${least(rounds.readMs).toFixed(0)} ms: ${(dumpMs / least(rounds.readMs)).toFixed(1)} times`,
      goal: { atLeast: 15 },
    });
    const ours = await captureDpFlows({ rundir: lab.rundir, timeoutMs: 300_000 });
    const requestMs = ours.facts.cost?.requestMs ?? Number.NaN;
    ours.close();
    report({
      metric: 'attach.vs_dump_socket',
      value: requestMs / least(rounds.readMs),
      unit: 'times',
      against: `the same dump until its last byte on the control socket, read by ctinspector instead of ovs-appctl: ${requestMs.toFixed(0)} ms`,
      goal: null,
    });
  } finally {
    await lab.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
};
