/** Command line of ctinspectord. Parts load only what is theirs. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { packageRoot } from '../addon.js';
import { CtiError } from '../errors.js';
import { escapeText } from '../escape.js';
import { helpOfOptions } from './options.js';
import { collectorSocketOf, defaultRundir, pidfileOf } from './rundir.js';

const HELP = `Usage: ctinspectord [options]

Answers questions about the Open vSwitch of this host: ovs-appctl -t ctinspectord list-commands, or ctinspector --daemon.
It runs in the foreground; docs/daemon.md has units for systemd and a start script.

Options:
${helpOfOptions()}
`;

const DEFAULT_CONFIG = '/etc/ctinspector/ctinspectord.yaml';

function configFile(given: string | undefined): string | null {
  if (given !== undefined) return resolve(given);
  try {
    readFileSync(DEFAULT_CONFIG);
    return DEFAULT_CONFIG;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    return DEFAULT_CONFIG; // it is there: reading it says what is wrong
  }
}

/** The channel to the supervisor of a run directory; waits a moment for one that starts. NO_DAEMON. */
async function connectSupervisor(rundir: string): Promise<number> {
  const { connectUnix } = await import('../control/channel.js');
  for (let attempt = 0; ; attempt++) {
    try {
      const pid = Number(readFileSync(pidfileOf(rundir), 'utf8'));
      return connectUnix(collectorSocketOf(rundir, pid));
    } catch (error) {
      if (attempt < 100) await sleep(100);
      else if (error instanceof CtiError) throw error;
      else throw new CtiError('NO_DAEMON', `no ctinspectord runs in ${rundir}: ${(error as Error).message}`);
    }
  }
}

async function runPart(name: string, connectTo: string | undefined): Promise<void> {
  if (connectTo !== undefined) {
    if (name !== 'collector')
      throw new CtiError(
        'INVALID_ARGUMENT',
        `--connect: only the collector may be started by itself, received '${name}'`,
      );
    process.env.OVS_RUNDIR ||= resolve(connectTo); // where the daemon is, the switch is too, unless told
    const fd = await connectSupervisor(resolve(connectTo));
    new (await import('./collector.js')).Collector(fd);
    return;
  }
  if (name === 'control') new (await import('./control.js')).Control();
  else if (name === 'collector') new (await import('./collector.js')).Collector();
  else if (name === 'executor') new (await import('./executor.js')).Executor();
  else throw new CtiError('INVALID_ARGUMENT', `--part: expected control, collector or executor, received '${name}'`);
}

function version(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Runs until a signal or `exit` ends it. Status 2 and a sentence on standard error if it cannot start. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        rundir: { type: 'string' },
        part: { type: 'string' },
        connect: { type: 'string' },
        'check-config': { type: 'boolean' },
        version: { type: 'boolean', short: 'V' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.part !== undefined) return await runPart(values.part, values.connect);
    if (values.help) return void process.stdout.write(HELP);
    if (values.version) return void process.stdout.write(`${version()}\n`);
    const file = configFile(values.config);
    const { readSettings } = await import('./config.js');
    const settings = await readSettings(file);
    if (values['check-config']) {
      if (file === null) throw new CtiError('CONFIG', `there is no configuration file; name one with --config`);
      return void process.stdout.write(`${file}: valid\n`);
    }
    const { Supervisor } = await import('./supervisor.js');
    const rundir = resolve(values.rundir ?? defaultRundir());
    const supervisor = new Supervisor({ rundir, configFile: file }, settings);
    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      process.on(signal, () => void supervisor.stop(`${signal} came`));
    // A fault is in the log, with lines and reasons.
    process.on('SIGHUP', () => void supervisor.reload().catch(() => {}));
    supervisor.start();
  } catch (error) {
    const isOurs = error instanceof CtiError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
    const text = isOurs ? (error as Error).message : `a fault of ours, please report it: ${(error as Error).stack}`;
    process.stderr.write(
      `${text
        .split('\n')
        .map((line) => `ctinspectord: ${escapeText(line)}`)
        .join('\n')}\n`,
    );
    process.exitCode = 2;
    if (argv.includes('--part')) process.exit(2);
  }
}
