/** C -> eBPF: finds a clang and calls it. The only place that knows its options. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../addon.js';
import { CtiError } from '../errors.js';

/** Newest first: those whose objects the tests run. A `clang` without a number comes last, because it may be any. */
const COMMANDS = ['clang-19', 'clang-18', 'clang-17', 'clang-16', 'clang-15', 'clang-14', 'clang'] as const;
const OLDEST = 14;
/** The first version with -mcpu=v4. */
const FIRST_V4 = 18;

export interface Clang {
  readonly path: string;
  readonly version: number;
}

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function call(command: string, args: readonly string[], signal?: AbortSignal): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...(signal ? { signal } : {}) });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => {
      const cancelled = error.name === 'AbortError';
      const code = cancelled ? 'CANCELLED' : 'COMPILER';
      reject(
        new CtiError(
          code,
          cancelled ? 'stopped on request before it was done' : `cannot start ${command}: ${error.message}`,
          { cause: error },
        ),
      );
    });
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

function inPath(command: string, path: string): string | undefined {
  for (const directory of path.split(delimiter)) {
    if (directory === '') continue;
    const file = join(directory, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here
    }
  }
  return undefined;
}

/**
 * The newest clang in `path` that makes eBPF. Throws CtiError COMPILER, with what was looked at and the package to
 * install.
 */
export async function findClang(path: string): Promise<Clang> {
  const seen: string[] = [];
  for (const command of COMMANDS) {
    const file = inPath(command, path);
    if (file === undefined) continue;
    const { status, stdout } = await call(file, ['--version']);
    const version = Number(/clang version (\d+)/.exec(stdout)?.[1]);
    if (status !== 0 || !(version >= OLDEST)) {
      seen.push(`${file} is not clang ${OLDEST} or later`);
      continue;
    }
    const targets = await call(file, ['--print-targets']);
    if (/^\s*bpf\s/m.test(targets.stdout)) return { path: file, version };
    seen.push(`${file} was built without the BPF target`);
  }
  throw new CtiError(
    'COMPILER',
    `no clang that makes eBPF in PATH (${seen.length === 0 ? `looked for ${COMMANDS.join(', ')}` : seen.join('; ')}); install Debian's package clang-19 (apt-get install clang-19), or compile elsewhere and run the object file`,
  );
}

/** The compiler's arguments, for `source` to `object`. */
function clangArgs({ version }: Clang, source: string, object: string): string[] {
  return [
    ...['-target', 'bpf', `-mcpu=${version >= FIRST_V4 ? 'v4' : 'v3'}`, '-O2', '-g'],
    // No library: loops stay loops, and no header of the host is read but the compiler's own.
    ...['-ffreestanding', '-fno-builtin', '-fno-stack-protector', '-Wall', '-fno-color-diagnostics'],
    ...['-I', join(packageRoot, 'include'), '-c', source, '-o', object],
  ];
}

/**
 * Compiles `source` to `object` and returns the compiler's words, which may be warnings. Throws CtiError COMPILER with
 * `details.diagnostics` if it refuses.
 */
export async function compileC(clang: Clang, source: string, object: string, signal?: AbortSignal): Promise<string> {
  const { status, stderr } = await call(clang.path, clangArgs(clang, source, object), signal);
  if (status === 0) return stderr;
  throw new CtiError('COMPILER', `${clang.path} refused ${source} (status ${status}); its words are above`, {
    details: { diagnostics: stderr },
  });
}
