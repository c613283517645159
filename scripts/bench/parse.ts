// `npm run bench -- parse`: a dump of 200,000 megaflows in six shapes, as OVS 3.1 prints it, from a file into a snapshot: through the public
// function, checks of every row included. Against reading the same file in the same pieces and looking at every byte once (line ends).
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDpFlowsFile } from '../../lib/sources/dp-flows.js';
import { type Bench, bestInTurn } from './bench.js';

const FLOWS = 200_000;
const PIECE = 1 << 20;
const self = fileURLToPath(import.meta.url);

function makeDump(file: string): void {
  const build = ['-S', '.', '-B', '.build/release', '-DCMAKE_BUILD_TYPE=Release'];
  execFileSync('cmake', build, { stdio: ['ignore', 'ignore', 'inherit'] });
  execFileSync('cmake', ['--build', '.build/release', '--target', 'dump_bench', '--parallel', '2'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const out = openSync(file, 'w');
  execFileSync('.build/release/native/tools/dump_bench', ['--write', String(FLOWS)], {
    stdio: ['ignore', out, 'inherit'],
  });
  closeSync(out);
}

async function parseMs(file: string): Promise<number> {
  const begin = performance.now();
  const snapshot = await readDpFlowsFile(file);
  const ms = performance.now() - begin;
  if (snapshot.facts.nRows !== FLOWS) throw new Error(`expected ${FLOWS} rows, got ${snapshot.facts.nRows}`);
  snapshot.close();
  return ms;
}

function readMs(file: string): number {
  const begin = performance.now();
  const fd = openSync(file, 'r');
  const piece = Buffer.alloc(PIECE);
  let lines = 0;
  for (let n = readSync(fd, piece); n > 0; n = readSync(fd, piece)) {
    for (let at = piece.indexOf(10); at >= 0 && at < n; at = piece.indexOf(10, at + 1)) lines++;
  }
  closeSync(fd);
  if (lines < FLOWS) throw new Error(`expected ${FLOWS} lines, got ${lines}`);
  return performance.now() - begin;
}

/** In a process of its own: growth of the peak resident size while one dump is parsed, over the snapshot's size. */
async function peakOverSnapshot(file: string): Promise<number> {
  const before = process.resourceUsage().maxRSS * 1024;
  const snapshot = await readDpFlowsFile(file);
  const bytes = snapshot.segments.reduce((sum, segment) => sum + segment.size, 0);
  return (process.resourceUsage().maxRSS * 1024 - before) / bytes;
}

export const bench: Bench = async (report) => {
  const dir = mkdtempSync(join(tmpdir(), 'ctinspector-bench-'));
  try {
    const file = join(dir, 'flows.txt');
    makeDump(file);
    const megabytes = statSync(file).size / 1e6;
    const best = await bestInTurn({ parse: () => parseMs(file), read: () => readMs(file) });
    const what = `${FLOWS} flows, ${Math.round(megabytes)} MB, one thread, best of 5 in turn`;
    report({
      metric: 'parse.mb_per_s',
      value: megabytes / (best.parse / 1000),
      unit: 'MB/s',
      against: what,
      goal: { atLeast: 100 },
    });
    report({
      metric: 'parse.vs_read',
      value: best.parse / best.read,
      unit: 'times',
      against: `reading the file and finding its line ends: ${what}`,
      goal: null,
    });
    const child = execFileSync(process.execPath, [...process.execArgv, self, 'peak', file], { encoding: 'utf8' });
    report({
      metric: 'parse.peak_over_snapshot',
      value: Number(child),
      unit: 'times',
      against: 'bytes of the snapshot; growth of peak resident memory of a process that parses once',
      goal: { atMost: 3 },
    });
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
};

if (process.argv[2] === 'peak' && process.argv[3]) console.log(await peakOverSnapshot(process.argv[3]));
