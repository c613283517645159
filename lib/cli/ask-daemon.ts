/** `--daemon`: commands that ctinspectord answers, shown as if they had been answered here, with who answered. */
import { closeSync, constants, openSync } from 'node:fs';
import { DaemonClient, type DaemonReply } from '../control/client.js';
import { CtiError, fileError } from '../errors.js';
import { escapeText } from '../escape.js';
import { resolveSwitch } from '../sources/unixctl.js';
import type { Context } from './context.js';
import { formatOf } from './context.js';
import type { Options, Status } from './registry.js';

/** Whether, and how: `answer`: the daemon runs the question; `snapshot`: it hands over its snapshot and the question runs here. */
export function daemonOption({ daemon }: Options): 'answer' | 'snapshot' | undefined {
  if (daemon === undefined || daemon === false) return undefined;
  if (daemon === true || daemon === 'answer') return 'answer';
  if (daemon === 'snapshot') return 'snapshot';
  throw new CtiError('INVALID_ARGUMENT', `--daemon: expected answer or snapshot, received '${String(daemon)}'`);
}

/** Options that say how to get at the switch: the daemon's configuration says that. */
const NOT_WITH = ['from', 'source', 'fast', 'target', 'pid'] as const;

export function openDaemon(options: Options): DaemonClient {
  const other = NOT_WITH.find((name) => options[name] !== undefined);
  if (other)
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--daemon: ctinspectord reads as it is configured to, so --${other} says nothing to it: give one of them`,
    );
  return new DaemonClient(
    resolveSwitch({ ...(typeof options.rundir === 'string' ? { rundir: options.rundir } : {}) }).rundir,
  );
}

export const answeredBy = (pid: number): string => `answered by ctinspectord, process ${pid}`;

function show(context: Context, reply: DaemonReply): void {
  const said = answeredBy(reply.pid);
  if (reply.isJson) {
    const parsed = JSON.parse(reply.body) as { footer?: Record<string, unknown> };
    const whole =
      typeof parsed === 'object' && parsed !== null
        ? { ...parsed, footer: { ...parsed.footer, answeredBy: said } }
        : parsed;
    context.stdout.write(`${JSON.stringify(whole)}\n`);
    return;
  }
  const { body, footerAt = body.length } = reply;
  context.stdout.write(body.slice(0, footerAt).replace(/\n\n$/, '\n'));
  context.stderr.write(`${body.slice(footerAt)}${escapeText(said)}\n`);
}

/** Status 1 if the answer has no rows. */
export async function askDaemon(
  context: Context,
  name: string,
  words: readonly string[],
  options: Options,
): Promise<Status> {
  const format = formatOf(options);
  if (format !== 'table' && format !== 'json')
    throw new CtiError('INVALID_ARGUMENT', `--format: ctinspectord answers as table or json, received '${format}'`);
  const client = openDaemon(options);
  try {
    const reply = await client.command(name, words, format === 'json' ? 'json' : 'text', { signal: context.signal });
    show(context, reply);
    return reply.nRows === 0 ? 1 : 0;
  } finally {
    client.close();
  }
}

/** program/load with a file of ours: it is opened here, with our rights, and its descriptor is what the daemon gets. */
export async function loadProgram(context: Context, words: readonly string[], options: Options): Promise<Status> {
  const file = words.at(-1);
  if (file === undefined || file.includes('='))
    throw new CtiError('INVALID_ARGUMENT', 'program/load: expected an object file as the last word');
  let fd: number;
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // of a FIFO the daemon says what it is
  } catch (error) {
    throw fileError(file, error as NodeJS.ErrnoException, '; expected an object file');
  }
  const client = openDaemon(options);
  try {
    show(
      context,
      await client.command('program/load', words.slice(0, -1), 'text', { signal: context.signal, fds: [fd] }),
    );
    return 0;
  } finally {
    closeSync(fd);
    client.close();
  }
}
