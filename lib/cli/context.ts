/** What a command gets from the outside: streams, the terminal, Ctrl-C. Tests make their own. */
import { CtiError } from '../errors.js';
import type { Options } from './registry.js';

export interface Context {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Whether each is a terminal; colour and progress go to terminals only. */
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C or a termination signal. */
  readonly signal: AbortSignal;
}

const FORMATS = ['table', 'json', 'ndjson', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

export function formatOf(options: Options): Format {
  const given = options.format ?? 'table';
  if (FORMATS.includes(given as Format)) return given as Format;
  throw new CtiError('INVALID_ARGUMENT', `--format: expected ${FORMATS.join(', ')}, received '${String(given)}'`);
}

/** The file of --from, or undefined: a switch is asked. */
export function fileOf(options: Options): string | undefined {
  const { from } = options;
  if (typeof from !== 'string') return undefined;
  if (from === '')
    throw new CtiError('INVALID_ARGUMENT', "--from: expected a file, or - for standard input, received ''");
  for (const other of ['rundir', 'target', 'pid'] as const) {
    if (options[other] === undefined) continue;
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--from answers from a file and --${other} names a switch: give one of them`,
    );
  }
  return from;
}

export interface SwitchOptions {
  readonly rundir?: string;
  readonly target?: string;
  readonly pid?: number;
  readonly fast: boolean;
  readonly timeoutMs: number;
}

export function switchOptions(options: Options): SwitchOptions {
  const seconds = options.timeout === undefined ? 60 : Number(options.timeout);
  if (!Number.isFinite(seconds) || seconds <= 0 || seconds > 86_400) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--timeout: expected a number of seconds above 0, at most 86400, received '${String(options.timeout)}'`,
    );
  }
  const { pid } = options;
  if (pid !== undefined && !/^[1-9][0-9]{0,8}$/.test(String(pid)))
    throw new CtiError('INVALID_ARGUMENT', `--pid: expected a process id, received '${String(pid)}'`);
  for (const other of ['rundir', 'target'] as const) {
    if (pid === undefined || options[other] === undefined) continue;
    throw new CtiError('INVALID_ARGUMENT', `--pid and --${other} both name a switch: give one of them`);
  }
  return {
    ...(pid !== undefined ? { pid: Number(pid) } : {}),
    fast: options.fast === true,
    ...(typeof options.rundir === 'string' ? { rundir: options.rundir } : {}),
    ...(typeof options.target === 'string' ? { target: options.target } : {}),
    timeoutMs: Math.ceil(seconds * 1000),
  };
}

/** Memory where it can be read and proved, else the control socket, with a line that says why. */
const DEFAULT_SOURCE = 'auto';

/** `--source`: which way to the switch; captureTable() checks the name. */
export const sourceOption = (options: Options): string =>
  typeof options.source === 'string' ? options.source : DEFAULT_SOURCE;
