/**
 * Flows that come and go while the switch's memory is read, in a lab: the engine of scripts/churn and of the short form in the tests.
 *
 * The rules make a flow's actions a function of its key (the destination is set to the source's address), and the fill tool makes source port and frame
 * size functions of the flow's number, which the address tells. So a row can be checked by itself, to the last field: one that was put together from two
 * flows, or was never injected, shows itself.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CtiError } from '../../lib/errors.js';
import { attachMemory, type MemoryAttachment } from '../../lib/sources/memory.js';
import type { Manners } from '../../lib/sources/pace.js';
import { RepeatedReading } from '../../lib/sources/repeated.js';
import { unixctl } from '../../lib/sources/unixctl.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import type { Lab } from './lab.js';
import { run } from './lab-system.js';
import { sendFill } from './lab-traffic.js';

/** Where churn's flow numbers begin; a lab's own fills begin at 0. */
const FIRST = 8_000_000;
const RULE =
  'priority=200,in_port=1,udp,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15],move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],output:2';

const M64 = (1n << 64n) - 1n;
function splitmix(state: bigint): bigint {
  let z = (state + 0x9e3779b97f4a7c15n) & M64;
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & M64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & M64;
  return z ^ (z >> 31n);
}
/** native/tools/lab/random.h. */
function scatter24(value: number): number {
  let x = (Math.imul(value, 0x9e3779b1) + 0x3c6ef3) & 0xffffff;
  x ^= x >>> 13;
  return Math.imul(x, 0x85ebcb) & 0xffffff;
}

/** What the flows FIRST .. FIRST + n - 1 look like. */
class Injected {
  readonly #ofHost = new Map<number, number>();
  constructor(
    readonly n: number,
    readonly seed: number,
  ) {
    for (let i = 0; i < n; i++) this.#ofHost.set(scatter24(FIRST + i), i);
  }
  /** The number, from 0, of the flow with this last 24 bits of address; undefined: none. */
  of(host: number): number | undefined {
    return this.#ofHost.get(host);
  }
  port(i: number): number {
    return 1024 + Number(splitmix(BigInt(FIRST + i) ^ BigInt(this.seed)) % 60_000n);
  }
  frameBytes(i: number): number {
    return 100 + Number(splitmix(BigInt(FIRST + i + this.seed)) % 400n);
  }
}

const ROW =
  /^ufid:[0-9a-f-]{36}, .*\bipv4\(src=10\.(\d+)\.(\d+)\.(\d+)(\/[\d.]+)?,dst=([\d.]+)(\/[\d.]+)?,proto=17.*\budp\(src=(\d+)(\/\w+)?,dst=.*, packets:(\d+), bytes:(\d+), used:\S+ .*actions:set\(ipv4\(dst=([\d.]+)\)\),f-rx(?:, dp-extra-info:miniflow_bits\(\d+,\d+\))?$/;

export interface ChurnFacts {
  readings: number;
  refreshes: number;
  rows: number;
  mostRows: number;
  /** Rows that are none of the flows injected, or not whole; the first few of them are in `samples`. */
  wrong: number;
  /** Rows there twice in one reading. */
  twice: number;
  readAgain: number;
  reproved: number;
  dropped: number;
  goneInRefresh: number;
  slowestMs: number;
  samples: string[];
}

/**
 * Reads a switch in which churn goes on, and checks every row. By the attachment itself, not by RepeatedReading: each reading in full has one of the
 * counters behind it, whatever became of the table.
 */
export class ChurnReader {
  readonly facts: ChurnFacts = {
    readings: 0,
    refreshes: 0,
    rows: 0,
    mostRows: 0,
    wrong: 0,
    twice: 0,
    readAgain: 0,
    reproved: 0,
    dropped: 0,
    goneInRefresh: 0,
    slowestMs: 0,
    samples: [],
  };
  /** By ufid: the row when it was last found whole, and its flow. */
  readonly #known = new Map<string, { text: string; flow: number }>();
  #unchecked: TableSnapshot[] = [];

  constructor(
    private readonly attachment: MemoryAttachment,
    private readonly injected: Injected,
    private readonly fast: boolean,
  ) {}

  /** Reads all, and then once more the counters; what was read is checked by check(). */
  async read(): Promise<void> {
    const begin = performance.now();
    const { snapshot, reading } = await this.attachment.capture(undefined, this.fast);
    const { facts } = this;
    facts.slowestMs = Math.max(facts.slowestMs, performance.now() - begin);
    facts.readings++;
    facts.readAgain += reading.nRetried;
    facts.reproved += reading.nReproved;
    facts.dropped += snapshot.facts.rejected.reduce((sum, { count }) => sum + count, 0);
    this.#unchecked.push(snapshot);
    const again = await this.attachment.refresh(snapshot);
    facts.refreshes++;
    facts.goneInRefresh += again.reading.nGone;
    this.#unchecked.push(again.snapshot);
  }

  get nUnchecked(): number {
    return this.#unchecked.length;
  }

  check(): void {
    for (const snapshot of this.#unchecked) {
      this.#check(snapshot);
      snapshot.close();
    }
    this.#unchecked = [];
  }

  #check(snapshot: TableSnapshot): void {
    const { facts } = this;
    const { nRows } = snapshot.facts;
    const here = new Set<number>();
    let others = 0;
    for (let row = 0; row < nRows; row++) {
      const text = snapshot.rowText(row);
      // The fill's own Ethernet source marks what was injected; the lab's hosts have a few flows too.
      if (!text.includes('eth(src=02:00:00:00:00:fd')) {
        others++;
        continue;
      }
      const flow = this.#flowOf(text);
      if (flow === null) {
        facts.wrong++;
        if (facts.samples.length < 5) facts.samples.push(text);
      } else if (here.has(flow)) facts.twice++;
      else here.add(flow);
    }
    // A few hundred of the lab's own at most: a row of none of the two would be among them.
    if (others > 500) {
      facts.wrong += others;
      facts.samples.push(`${others} rows that are not of the flows injected`);
    }
    facts.rows += nRows;
    facts.mostRows = Math.max(facts.mostRows, nRows);
  }

  /** The number of the flow that a row is of, or null if it is not whole. */
  #flowOf(text: string): number | null {
    // A ufid is one flow's, in all readings of all time.
    const ufid = text.slice(5, 41);
    const before = this.#known.get(ufid);
    if (before?.text === text) return before.flow;
    const found = ROW.exec(text);
    if (!found) return null;
    const [, a, b, c, , dst, , port, , packets, bytes, set] = found;
    const flow = this.injected.of((Number(a) << 16) | (Number(b) << 8) | Number(c));
    if (flow === undefined || dst !== '192.168.0.1' || set !== `10.${a}.${b}.${c}`) return null;
    if (Number(port) !== this.injected.port(flow)) return null;
    if (Number(bytes) !== Number(packets) * this.injected.frameBytes(flow) || Number(packets) > 1000) return null;
    if (before !== undefined && before.flow !== flow) return null;
    this.#known.set(ufid, { text, flow });
    return flow;
  }
}

export interface ChurnOptions {
  /** Read with two threads. */
  fast?: boolean;
  /** How long flows are added and deleted. */
  seconds: number;
  /** Flows added a second, and deleted a second once the first are idle for `idleMs`. */
  rate: number;
  idleMs: number;
  /** Between the beginnings of two readings. */
  everyMs: number;
  /** Flows of each purge at the end, and of the mass expiry. */
  burst: number;
  purges: number;
}

export interface ChurnPhase {
  name: string;
  facts: ChurnFacts;
}

const other = (lab: Lab, settings: Record<string, number>): Promise<string> =>
  lab.vsctl(
    'set',
    'Open_vSwitch',
    '.',
    ...Object.entries(settings).map(([name, value]) => `other_config:${name}=${value}`),
  );

/** Churn, then a purge and a mass expiry, all of it being read. */
export async function churn(lab: Lab, options: ChurnOptions): Promise<ChurnPhase[]> {
  const { seconds, rate, idleMs, everyMs, burst, purges } = options;
  let slowestMs = 0;
  const seed = 77;
  const steady = seconds * rate;
  const injected = new Injected(steady + (purges + 1) * burst, seed);
  const phases: ChurnPhase[] = [];
  await lab.ofctl('add-flow', 'br-fill', RULE);
  await other(lab, { 'max-idle': idleMs, 'max-revalidator': 500 });

  const { attachment, proof } = await attachMemory({ rundir: lab.rundir });
  proof?.capture.snapshot.close();
  const phase = async (name: string, pauseMs: number, during: () => Promise<unknown>): Promise<void> => {
    const reader = new ChurnReader(attachment, injected, options.fast === true);
    await reader.read(); // what follows begins while the switch is being read
    reader.check();
    slowestMs = reader.facts.slowestMs;
    let over = false;
    const done = during().finally(() => {
      over = true;
    });
    // What goes wrong in it is said when the reading has ended.
    done.catch(() => {});
    while (!over) {
      const begin = performance.now();
      await reader.read();
      // Checking takes longer than reading: in a burst it waits.
      if (pauseMs > 0 || reader.nUnchecked >= 24) reader.check();
      await sleep(Math.max(0, pauseMs - (performance.now() - begin)));
    }
    await done;
    reader.check();
    phases.push({ name, facts: reader.facts });
  };
  const fill = (from: number, n: number, pace: number | undefined) =>
    sendFill(lab.tag, FIRST + from, n, {
      shapes: 1,
      seed,
      once: true,
      seconds: 30 + (2 * n) / (pace ?? 2000),
      ...(pace && { rate: pace }),
    });

  await phase(`${rate} flows a second for ${seconds} s, idle ones deleted after ${idleMs} ms`, everyMs, () =>
    fill(0, steady, rate),
  );
  await other(lab, { 'max-idle': 100_000_000 });
  // Each begins at another moment of a reading.
  for (let round = 0; round < purges; round++) {
    const command = round % 2 ? 'revalidator/purge' : 'dpctl/del-flows';
    await fill(steady + round * burst, burst, undefined);
    await phase(command, 0, async () => {
      await sleep(((slowestMs / 4) * (round >> 1)) % slowestMs);
      await unixctl({ rundir: lab.rundir }, command);
      for (let i = 0; i < 100 && (await lab.nFlows()) > burst / 50; i++) await sleep(100);
    });
  }
  await fill(steady + purges * burst, burst, undefined);
  await phase(`mass expiry of ${burst} flows`, 0, async () => {
    await other(lab, { 'max-idle': 100 });
    for (let i = 0; i < 300 && (await lab.nFlows()) > burst / 50; i++) await sleep(100);
    if ((await lab.nFlows()) > burst / 50) throw new CtiError('SYSTEM', 'the flows did not expire');
  });
  await lab.ofctl('--strict', 'del-flows', 'br-fill', 'priority=200,in_port=1,udp');
  await other(lab, { 'max-idle': 100_000_000 });
  return phases;
}

/** Of a window in which flows are installed. */
export interface SetupWindow {
  /** Flows installed a second. */
  rate: number;
  /** CPU time of the switch's main thread for each, in ns: what other machines on this host do disturbs it less. */
  cpuNs: number;
}

export interface SetupPair {
  /** Nobody reading, and with a reading every second. */
  without: SetupWindow;
  with: SetupWindow;
  /** In the window with. */
  readings: number;
}

const TICK_MS = 10;
/** Returns when a process has used at most 5 % of a CPU for a while, after 10 s at the latest. */
async function untilIdle(pid: number): Promise<void> {
  const cpuMs = (): number => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
  };
  for (let i = 0; i < 25; i++) {
    const before = cpuMs();
    await sleep(400);
    if (cpuMs() - before <= 20) return;
  }
}

export interface SetupOptions {
  manners: Manners;
  /** CPUs for all threads of the switch, and for what sends the packets, so that where the kernel puts them is no part of what is measured. */
  apart?: { switch: number; sender: number } | undefined;
}

/**
 * Installs `n` new flows as fast as the switch can, four times in one table: without reading, with, with, without, or the other way round. A pair is the
 * two windows of either kind: what a table's growth costs falls on both alike, and of a machine that changes from minute to minute they see the same.
 * It is read as whoever watches a switch reads it: once a second if that is at most `manners.share` of a core, else less often; where in its period a
 * window begins is another time another.
 */
export async function* setupRates(
  lab: Lab,
  pairs: number,
  n: number,
  { manners, apart }: SetupOptions,
): AsyncGenerator<SetupPair, void> {
  await other(lab, { 'max-idle': 100_000_000, 'max-revalidator': 10_000 });
  if (apart) await run('taskset', ['-a', '-c', '-p', String(apart.switch), String(lab.pid)]);
  let first = 0;
  let phase = 0;
  let stop = new AbortController();
  const cpuOfMain = (): number =>
    Number(readFileSync(`/proc/${lab.pid}/task/${lab.pid}/schedstat`, 'utf8').split(' ')[0]);
  const window = async (loop?: () => Promise<void>): Promise<Installing> => {
    const loops = loop?.();
    if (loop) await sleep(((phase++ * 0.618) % 1) * 1000);
    const before = cpuOfMain();
    const filling = sendFill(lab.tag, first, n, {
      once: true,
      seconds: 120,
      rate: 1_000_000,
      ...(apart && { cpu: apart.sender }),
    });
    first += n;
    const [{ installSeconds }] = await Promise.all([filling.finally(() => stop.abort()), loops]);
    return { seconds: installSeconds, cpuNs: cpuOfMain() - before };
  };
  for (let i = 0; i < pairs; i++) {
    await lab.appctl('dpctl/del-flows');
    first = 0;
    stop = new AbortController();
    const repeated = new RepeatedReading('dp_flows', {
      rundir: lab.rundir,
      source: 'memory',
      manners,
      get signal() {
        return stop.signal; // of the window that is on
      },
    });
    let { snapshot: last } = await repeated.next(); // attached and proved before
    let readings = 0;
    const loop = async (): Promise<void> => {
      try {
        for (;;) {
          const { snapshot } = await repeated.next(last);
          last.close();
          last = snapshot;
          readings++;
        }
      } catch (error) {
        if (!stop.signal.aborted) throw error; // else the filling is over
      }
    };
    await untilIdle(lab.pid); // what was deleted is freed in the background
    const windows = { with: [] as Installing[], without: [] as Installing[] };
    for (const kind of i % 2 ? WITH_OUTSIDE : WITH_INSIDE) {
      stop = new AbortController();
      windows[kind].push(await window(kind === 'with' ? loop : undefined));
    }
    last.close();
    yield { with: together(windows.with, n), without: together(windows.without, n), readings };
  }
}

interface Installing {
  seconds: number;
  cpuNs: number;
}

const WITH_INSIDE = ['without', 'with', 'with', 'without'] as const;
const WITH_OUTSIDE = ['with', 'without', 'without', 'with'] as const;

function together(windows: readonly Installing[], n: number): SetupWindow {
  const sum = (of: keyof Installing): number => windows.reduce((total, window) => total + window[of], 0);
  return { rate: (windows.length * n) / sum('seconds'), cpuNs: sum('cpuNs') / (windows.length * n) };
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/** The median paired loss of what a pair has (0.03: 3 % fewer flows a second), and the upper bound of its 95 % confidence interval by bootstrap. */
export function pairedLoss(pairs: readonly { readonly with: number; readonly without: number }[]): {
  median: number;
  upper95: number;
  spread: number;
} {
  const losses = pairs.map((pair) => 1 - pair.with / pair.without);
  const medians: number[] = [];
  let state = 12345n; // the same answer for the same figures
  for (let k = 0; k < 5000; k++) {
    medians.push(
      median(
        losses.map(() => {
          state = splitmix(state);
          return losses[Number(state % BigInt(losses.length))] ?? 0;
        }),
      ),
    );
  }
  medians.sort((a, b) => a - b);
  // How much windows without reading differ among themselves: what noise alone does.
  const quiet = pairs.map((pair) => pair.without);
  return {
    median: median(losses),
    upper95: medians[Math.floor(0.975 * medians.length)] ?? 0,
    spread: Math.max(...quiet) / Math.min(...quiet) - 1,
  };
}
