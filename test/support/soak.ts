/**
 * Questions to ctinspectord for a long time, beside a switch whose flows come and go, and what it holds meanwhile: the engine of scripts/soak and of the
 * minute in the tests. Memory is looked at after garbage was collected. Answers are compared with what the switch itself prints.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient, startDaemon } from './daemon.js';
import type { Lab } from './lab.js';
import { type Asked, checkAnswer, QUESTIONS, readTruth, type Truth } from './soak-truth.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly perMinute: number;
  readonly flows: number;
  /** Flows that come during it, in pieces. */
  readonly moreFlows: number;
  /** Between the ends of the lab's traffic (pings, sockets, odd frames) and its next begin. */
  readonly trafficEverySeconds: number;
  readonly config?: string;
  readonly progress?: (sample: Sample, nAsked: number, nWrong: number) => void;
}

/** Of all parts together, after collecting garbage. */
export interface Sample {
  readonly second: number;
  readonly heap: number;
  readonly external: number;
  readonly pss: number;
  readonly fds: number;
  readonly threads: number;
  readonly cpuMs: number;
  readonly cpuByPart: Readonly<Record<string, number>>;
}

export interface SoakResult {
  /** Before the first question, and after the last when what was kept has gone. */
  readonly idle: Sample;
  readonly idleAfter: Sample;
  readonly samples: readonly Sample[];
  readonly asked: number;
  /** Answers that were compared with the one right answer; the others came while flows did, and had to lie between two. */
  readonly exact: number;
  readonly wrong: readonly string[];
  readonly medianMs: number;
  readonly slowestMs: number;
  readonly restarts: number;
  /** Of one core, while questions were asked. */
  readonly cpuShare: number;
  readonly cpuShares: Readonly<Record<string, number>>;
}

interface Row {
  part: string;
  pss: number;
  heap: number;
  external: number;
  fds: number;
  threads: number;
  cpu_ms: number;
  restarts: number;
}

/** An answer may be from a snapshot as old as this (snapshots.max_age by default), and a bit. */
const MAX_AGE_MS = 6000;

export async function soak(lab: Lab, options: SoakOptions): Promise<SoakResult> {
  if (options.flows > 0) await lab.fill(options.flows);
  const d = await startDaemon(lab.rundir, { config: options.config ?? '' });
  try {
    const begin = performance.now();
    const client = await RawClient.open(d.socketPath);
    let id = 0;
    const ask = async (method: string, ...params: string[]): Promise<Asked> => {
      client.text = '';
      client.send(method, params, ++id);
      const [reply] = await client.replies(1, 120_000); // how long it took is told, and decides nothing
      return reply as unknown as Asked;
    };
    await ask('set-options', '--format', 'json');
    let restarts = 0;
    const memory = async (...words: string[]): Promise<Row[]> =>
      ((await ask('memory/show', ...words)).result as unknown as { rows: Row[] }).rows;
    // Collecting garbage for a look costs what questions do in seconds: it is the look's, not theirs.
    const lookingMs: Record<string, number> = {};
    const look = async (): Promise<Sample> => {
      const before = await memory();
      const rows = await memory('collect=yes');
      const cpuByPart = Object.fromEntries(before.map(({ part, cpu_ms }) => [part, cpu_ms - (lookingMs[part] ?? 0)]));
      for (const { part, cpu_ms } of rows)
        lookingMs[part] = (lookingMs[part] ?? 0) + cpu_ms - (before.find((row) => row.part === part)?.cpu_ms ?? cpu_ms);
      const sum = (value: (row: Row) => number) => rows.reduce((total, row) => total + value(row), 0);
      restarts = sum((row) => row.restarts);
      return {
        second: Math.round((performance.now() - begin) / 1000),
        heap: sum((row) => row.heap),
        external: sum((row) => row.external),
        pss: sum((row) => row.pss),
        fds: sum((row) => row.fds),
        threads: sum((row) => row.threads),
        cpuMs: Object.values(cpuByPart).reduce((total, ms) => total + ms, 0),
        cpuByPart,
      };
    };
    await sleep(1000);
    const idle = await look();

    // What the switch has, and since when; while it changes, what it had before.
    let truth: { before: Truth; now: Truth | null; sinceMs: number };
    const first = await readTruth(lab);
    truth = { before: first, now: first, sinceMs: 0 };
    const end = performance.now() + options.seconds * 1000;
    const pieces = Math.min(10, Math.floor(options.moreFlows / 500));
    const fills = async (): Promise<void> => {
      for (let i = 0; i < pieces; i++) {
        await sleep((options.seconds * 1000) / (pieces + 1));
        truth = { ...truth, now: null };
        await lab.fill(Math.floor(options.moreFlows / pieces));
        const sinceMs = performance.now();
        truth = { before: truth.before, now: await readTruth(lab), sinceMs };
        await sleep(MAX_AGE_MS);
        truth = { ...truth, before: truth.now! };
      }
    };
    const traffic = async (): Promise<void> => {
      for (let seed = 1; performance.now() < end; seed++) {
        await lab.traffic({ seed });
        await sleep(Math.min(1000 * options.trafficEverySeconds, Math.max(0, end - performance.now())));
      }
    };
    const others = Promise.all([fills(), traffic()]);
    others.catch(() => {}); // awaited below

    const wrong: string[] = [];
    const samples: Sample[] = [];
    const took: number[] = [];
    let [asked, exact] = [0, 0];
    const every = 60_000 / options.perMinute;
    const started = performance.now();
    let nextLook = started;
    for (let next = started; performance.now() < end; ) {
      const question = QUESTIONS[asked++ % QUESTIONS.length]!;
      const from = performance.now();
      const { before } = truth;
      const isSettled = truth.now !== null && from >= truth.sinceMs + MAX_AGE_MS;
      const answer = await ask(...question.words);
      took.push(performance.now() - from);
      const after = truth.now;
      const isExact = isSettled && after === before;
      if (isExact) exact++;
      const fault = checkAnswer(question, answer, before, isExact ? before : null);
      if (fault !== null)
        wrong.push(`second ${Math.round((from - begin) / 1000)}: ${question.words.join(' ')}: ${fault}`);
      if (performance.now() >= nextLook) {
        samples.push(await look());
        options.progress?.(samples.at(-1)!, took.length, wrong.length);
        // Each collects garbage, and with it code that has not run for a while: rarely, or the looks are what is measured.
        nextLook += Math.min(60_000, Math.max(5000, (options.seconds * 1000) / 12));
      }
      next += every;
      await sleep(Math.max(0, next - performance.now()));
    }
    const elapsed = performance.now() - started;
    samples.push(await look());
    const last = samples.at(-1)!;
    await others;
    await sleep(options.seconds < 120 ? 1000 : 30_000);
    const idleAfter = await look();
    client.socket.destroy();
    const share = (part: string): number => (last.cpuByPart[part]! - idle.cpuByPart[part]!) / elapsed;
    took.sort((a, b) => a - b);
    return {
      idle,
      idleAfter,
      samples,
      asked,
      exact,
      wrong,
      medianMs: took[took.length >> 1]!,
      slowestMs: took.at(-1)!,
      restarts,
      cpuShare: (last.cpuMs - idle.cpuMs) / elapsed,
      cpuShares: Object.fromEntries(Object.keys(last.cpuByPart).map((part) => [part, share(part)])),
    };
  } finally {
    await d.stop();
  }
}

/** By the medians of a second quarter and of the last: a single look may see one snapshot more or less. In words. */
export function growth({ samples }: SoakResult): string[] {
  const quarter = samples.length >> 2;
  const median = (of: readonly Sample[], key: 'heap' | 'external' | 'fds' | 'threads'): number =>
    of.map((sample) => sample[key]).sort((a, b) => a - b)[of.length >> 1]!;
  const [warm, end] = [samples.slice(quarter, 2 * quarter + 1), samples.slice(-quarter - 1)];
  // The flows that come meanwhile need room, too.
  return (['heap', 'external', 'fds', 'threads'] as const).flatMap((key) => {
    const [before, after] = [median(warm, key), median(end, key)];
    const room = key === 'heap' || key === 'external' ? 0.1 * before + 1e6 : 2;
    return after > before + room ? [`${key} grew from ${before} to ${after}`] : [];
  });
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const sampleText = ({ second, heap, external, pss, fds, threads, cpuMs }: Sample): string =>
  `second ${second}: heap ${mb(heap)}, external ${mb(external)}, PSS ${mb(pss)}, ${fds} descriptors, ${threads} threads, ${cpuMs} ms of CPU`;

export function soakLines(result: SoakResult): string[] {
  const { idle, idleAfter, samples, asked, exact, wrong, medianMs, slowestMs, restarts, cpuShare, cpuShares } = result;
  const line = (name: string, sample: Sample) => `${name}: ${sampleText(sample)}`;
  const parts = Object.entries(cpuShares).map(([part, share]) => `${part} ${percent(share)}`);
  return [
    `${asked} questions, ${exact} of them with one right answer, ${wrong.length} wrong, median ${medianMs.toFixed(0)} ms, slowest ${slowestMs.toFixed(0)} ms, ${restarts} restarts`,
    `${percent(cpuShare)} of a core: ${parts.join(', ')}`,
    line('idle at the start', idle),
    line('warm', samples[Math.floor(samples.length / 4)]!),
    line('at the end', samples.at(-1)!),
    line('idle again', idleAfter),
    ...wrong.slice(0, 10).map((text) => `  wrong: ${text}`),
  ];
}
