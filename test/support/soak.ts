/**
 * Questions to ctinspectord for a long time, beside a switch whose flows come and go, and what it holds meanwhile: the engine of scripts/soak and of the
 * minute in the tests. Memory is looked at after garbage was collected.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient, startDaemon, until } from './daemon.js';
import type { Lab } from './lab.js';

export interface SoakOptions {
  readonly seconds: number;
  readonly perMinute: number;
  readonly flows: number;
  /** Flows that come during it, in pieces. */
  readonly moreFlows: number;
  readonly config?: string;
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
}

export interface SoakResult {
  readonly idle: Sample;
  readonly samples: readonly Sample[];
  readonly asked: number;
  readonly wrong: readonly string[];
  readonly slowestMs: number;
  readonly restarts: number;
  /** Of one core, while questions were asked. */
  readonly cpuShare: number;
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

export async function soak(lab: Lab, options: SoakOptions): Promise<SoakResult> {
  if (options.flows > 0) await lab.fill(options.flows);
  const d = await startDaemon(lab.rundir, { config: options.config ?? '' });
  try {
    const begin = performance.now();
    const client = await RawClient.open(d.socketPath);
    let id = 0;
    const ask = async (method: string, ...params: string[]): Promise<{ result: unknown; error: string | null }> => {
      client.text = '';
      client.send(method, params, ++id);
      const [reply] = await client.replies(1);
      return reply!;
    };
    await ask('set-options', '--format', 'json');
    let restarts = 0;
    const look = async (): Promise<Sample> => {
      const { rows } = (await ask('memory/show', 'collect=yes')).result as { rows: Row[] };
      const sum = (value: (row: Row) => number) => rows.reduce((total, row) => total + value(row), 0);
      restarts = sum((row) => row.restarts);
      return {
        second: Math.round((performance.now() - begin) / 1000),
        heap: sum((row) => row.heap),
        external: sum((row) => row.external),
        pss: sum((row) => row.pss),
        fds: sum((row) => row.fds),
        threads: sum((row) => row.threads),
        cpuMs: sum((row) => row.cpu_ms),
      };
    };
    await sleep(1000);
    const idle = await look();
    const questions: readonly [string, ...string[]][] = [
      ['query', 'dp_flows | count'],
      ['query', 'dp_flows | where tcp | top 10 by packets'],
      ['flow/top', 'by=bytes', 'n=5'],
      ['query', 'dp_flows | count by in_port'],
      ['port/show'],
      ['query', 'ports | count'],
    ];
    const wrong: string[] = [];
    const samples: Sample[] = [];
    let slowestMs = 0;
    let asked = 0;
    const end = performance.now() + options.seconds * 1000;
    const every = 60_000 / options.perMinute;
    const fills = Promise.resolve().then(async () => {
      const pieces = Math.min(10, Math.floor(options.moreFlows / 500));
      for (let i = 0; i < pieces; i++) {
        await sleep((options.seconds * 1000) / (pieces + 1));
        await lab.fill(Math.floor(options.moreFlows / pieces));
      }
    });
    const started = performance.now();
    const cpuBefore = idle.cpuMs;
    let nextLook = started;
    for (let next = started; performance.now() < end; ) {
      const question = questions[asked++ % questions.length]!;
      const from = performance.now();
      const { result, error } = await ask(...question);
      slowestMs = Math.max(slowestMs, performance.now() - from);
      const rows = (result as { rows?: { count?: number }[] } | null)?.rows;
      // Flows only come in a lab: fewer than were put there is wrong, and so is anything but rows.
      if (error !== null || !rows) wrong.push(`${question.join(' ')}: ${error ?? JSON.stringify(result)}`);
      else if (question[1] === 'dp_flows | count' && !(Number(rows[0]?.count) >= options.flows))
        wrong.push(`${rows[0]?.count} flows of ${options.flows}`);
      if (performance.now() >= nextLook) {
        samples.push(await look());
        nextLook += Math.max(5000, (options.seconds * 1000) / 60);
      }
      next += every;
      await sleep(Math.max(0, next - performance.now()));
    }
    const elapsed = performance.now() - started;
    await fills;
    samples.push(await look());
    client.socket.destroy();
    const cpuShare = (samples.at(-1)!.cpuMs - cpuBefore) / elapsed;
    await until('the end', async () => (await d.appctl('version')).status === 0);
    return { idle, samples, asked, wrong, slowestMs, restarts, cpuShare };
  } finally {
    await d.stop();
  }
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

export function soakLines({ idle, samples, asked, wrong, slowestMs, restarts, cpuShare }: SoakResult): string[] {
  const line = (name: string, { second, heap, external, pss, fds, threads }: Sample) =>
    `${name} (second ${second}): heap ${mb(heap)}, external ${mb(external)}, PSS ${mb(pss)}, ${fds} descriptors, ${threads} threads`;
  return [
    `${asked} questions, ${wrong.length} wrong, slowest ${slowestMs.toFixed(0)} ms, ${restarts} restarts, ${(100 * cpuShare).toFixed(1)} % of a core`,
    line('idle at the start', idle),
    line('warm', samples[Math.floor(samples.length / 4)]!),
    line('at the end', samples.at(-1)!),
    ...wrong.slice(0, 10).map((text) => `  wrong: ${text}`),
  ];
}
