/** Real compilers for tests: the clangs that are installed, and the host's C compiler. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

export const programsDir = resolve('test/fixtures/elf/programs');

export interface Clang {
  readonly version: number;
  /** -mcpu values this version knows. */
  readonly cpus: readonly string[];
}

const works = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

/** Version 19 is one the tests need (scripts/packages.txt); the others are tried where they are. */
export const CLANG_VERSIONS = [14, 15, 16, 17, 18, 19] as const;

export const clangs: readonly Clang[] = CLANG_VERSIONS.filter((version) => works(`clang-${version}`)).map(
  (version) => ({ version, cpus: version >= 18 ? ['v1', 'v2', 'v3', 'v4'] : ['v1', 'v2', 'v3'] }),
);

/** A directory for compilers' outputs, removed when the process ends. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'cti-elf-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Compiles `source` (of test/fixtures/elf/programs, or a path) for BPF and returns the object's path. */
export async function compileBpf(
  source: string,
  dir: string,
  options: { version?: number; cpu?: string; flags?: readonly string[] } = {},
): Promise<string> {
  const { version = 19, cpu = 'v3', flags = [] } = options;
  const object = join(dir, `${basename(source, '.c')}-${version}-${cpu}${flags.join('').replaceAll('/', '_')}.o`);
  const args = [
    '-target',
    'bpf',
    `-mcpu=${cpu}`,
    '-O2',
    '-ffreestanding',
    '-fwrapv',
    '-I',
    resolve('include'),
    ...flags,
  ];
  await exec(`clang-${version}`, [...args, '-c', resolve(programsDir, source), '-o', object]);
  return object;
}

/** What the same sources give on the host: vm_main of each pair of arguments, in a process each. */
export function runOnHost(sources: readonly string[], dir: string, pairs: readonly (readonly bigint[])[]): bigint[] {
  const binary = join(dir, `${basename(sources[0] ?? '', '.c')}-host`);
  const files = [...sources, 'native-main.c'].map((source) => join(programsDir, source));
  execFileSync('gcc', ['-O1', '-fwrapv', '-fno-strict-aliasing', '-Wno-attributes', ...files, '-o', binary]);
  const output = execFileSync(binary, pairs.flat().map(String), { encoding: 'utf8' });
  return output.trim().split('\n').map(BigInt);
}

/** Runs `task` for each item, `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await task(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
