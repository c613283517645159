/** `ctinspector run FILE... [+ FILE...]`: C programs and object files, linked and run over the tables, one or several at once. */
import { CtiError } from '../../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../../generated/kernel-functions.js';
import type { LinkOptions } from '../../linker/link.js';
import { type NodeFunctions, parseNodes } from '../../migration/local-nodes.js';
import { Journal } from '../../scheduler/journal.js';
import type { Scheduler } from '../../scheduler/scheduler.js';
import type { Budget } from '../../scheduler/task.js';
import type { Context } from '../context.js';
import { parseFuel, parseInteger, parseSize, parseTime, refuse } from '../numbers.js';
import { linkPrograms } from '../program-files.js';
import type { Options, Status } from '../registry.js';
import { openRunHost, type RunHost, THIS_NODE } from '../run-maps.js';
import { aloneOnNode, hostedScheduler, mayLeaveFrom, runOnNodes } from '../run-nodes.js';
import { type RunProgramsOptions, runPrograms } from '../run-programs.js';
import { report } from '../run-report.js';
import { type GivenTables, NO_TABLES, openTables } from '../tables-for-run.js';

const listOf = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);

/** `handle` knows the names of regions, which stand for their handles. */
export function parseArgs(given: unknown, handle: (name: string) => bigint | undefined = () => undefined): bigint[] {
  const list = listOf(given);
  if (list.length > 5) throw refuse('--arg', 'at most five', `${list.length} of them`);
  const expected = 'a number of 64 bits such as 7, -1 or 0xff, or the name of a region of --map';
  return list.map((text) => handle(text) ?? parseInteger('--arg', text, expected, -(1n << 63n), (1n << 64n) - 1n));
}

/** When the programs need tables: before they run, while they do (then they are read on demand), or not at all. */
function tablesNeeded(imports: readonly { readonly name: string }[]): 'now' | 'later' | 'never' {
  const calls = (names: readonly string[]) => imports.some(({ name }) => names.includes(name));
  if (calls(['table_open'])) return 'now';
  return calls(['table_refresh', 'event_subscribe']) ? 'later' : 'never';
}

/** `fuel=1000000,memory=16M,forks=10,lifetime=5m`; --fuel and --timeout say the same of fuel and lifetime. */
export function parseBudget(options: Options): Budget {
  const budget: { fuel?: bigint; memory?: number; forks?: number; lifetimeNs?: bigint } = {};
  const parts = typeof options.budget === 'string' ? options.budget.split(',') : [];
  for (const part of parts) {
    const [, name = '', value = ''] = /^([a-z]+)=(.+)$/.exec(part) ?? [];
    if (name === 'fuel') budget.fuel = parseFuel('--budget fuel', value);
    else if (name === 'memory') budget.memory = parseSize('--budget memory', value);
    else if (name === 'forks') {
      budget.forks = Number(parseInteger('--budget forks', value, 'a number from 0 to 2^32 - 1', 0n, 0xffff_ffffn));
    } else if (name === 'lifetime') budget.lifetimeNs = parseTime('--budget lifetime', value);
    else throw refuse('--budget', 'fuel=N, memory=BYTES, forks=N, lifetime=TIME, with commas between', part);
  }
  if (options.fuel !== undefined) budget.fuel = parseFuel('--fuel', String(options.fuel));
  if (options.timeout !== undefined) {
    const timeout = parseTime('--timeout', String(options.timeout));
    if (budget.lifetimeNs === undefined || timeout < budget.lifetimeNs) budget.lifetimeNs = timeout;
  }
  return budget;
}

export function parseFormat(options: Options): 'text' | 'json' {
  const format = options.format ?? 'text';
  if (format !== 'text' && format !== 'json') throw refuse('--format', 'text or json', String(format));
  return format;
}

const parsePriority = (text: string): number =>
  Number(parseInteger('--priority', text, 'a number from 1 to 1000', 1n, 1000n));

function linkOptions(options: Options): LinkOptions {
  const { entry, kernelFunctions: set } = options;
  const known = set === undefined || (typeof set === 'string' && Object.hasOwn(KERNEL_FUNCTIONS, set));
  if (!known) throw refuse('--kernel-functions', Object.keys(KERNEL_FUNCTIONS).join(', '), String(set));
  return {
    ...(typeof entry === 'string' ? { entry } : {}),
    ...(set === undefined ? {} : { kernelFunctions: set as KernelFunctionSet }),
  };
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const format = parseFormat(options);
  const state = typeof options.state === 'string' ? options.state : undefined;
  if (args.length === 0 && state === undefined) {
    throw new CtiError('INVALID_ARGUMENT', 'expected files to run, or --state with a directory to go on with');
  }
  const given = {
    budget: parseBudget(options),
    priorities: listOf(options.priority).map(parsePriority),
    durable: state !== undefined,
    keepsOutput: format === 'json',
  };
  const workers = Number(parseInteger('--workers', String(options.workers ?? 0), 'a number from 0 to 256', 0n, 256n));
  const names = typeof options.nodes === 'string' ? parseNodes(options.nodes) : undefined;
  if (names && state !== undefined)
    throw refuse('--nodes', 'no --state beside it: nodes keep no journal', options.nodes as string);
  const programs = await linkPrograms(context, args, linkOptions(options));
  if (given.priorities.length > 1 && given.priorities.length !== programs.length) {
    throw refuse(
      '--priority',
      `one for all, or one for each of ${programs.length} programs`,
      given.priorities.join(' '),
    );
  }
  const [first = THIS_NODE, ...others] = names?.map(({ url }) => url) ?? [];
  const host = await openRunHost(context, options, first);
  const opened = [host];
  let tables: GivenTables = NO_TABLES;
  let journal: Journal | undefined;
  let scheduler: Scheduler | undefined;
  try {
    const programArgs = parseArgs(options.arg, host.handle);
    const read = await openTables(
      context,
      options,
      tablesNeeded(programs.flatMap(({ linked }) => linked?.spec.imports ?? [])),
    );
    tables = { ...read, footer: [...host.lines, ...read.footer] };
    for (const snapshot of tables.snapshots) host.has(snapshot);
    if (state !== undefined) journal = Journal.open(state, { salvage: options.salvage === true });
    // Each node has regions and tables of its own; what was read before is the first's.
    const hosts = new Map<string, RunHost>([[first, host]]);
    for (const url of others) {
      const more = await openRunHost(context, options, url);
      opened.push(more);
      hosts.set(url, more);
    }
    const forked: NonNullable<RunProgramsOptions['forked']> = {};
    const schedulerOf = (url: string, functions: NodeFunctions) =>
      hostedScheduler(hosts.get(url)!, functions, {
        workers,
        journal,
        onOutput: (output, task) => forked.onOutput?.(output, task),
      });
    const mayLeave = mayLeaveFrom(opened);
    const all = { ...given, args: programArgs, tables: tables.mappings, started: host.started };
    if (names) {
      const { ran, lost } = await runOnNodes(context, programs, { ...all, names, mayLeave, scheduler: schedulerOf });
      return report(context, format, { ran, lost, tables });
    }
    scheduler = aloneOnNode((functions) => schedulerOf(first, functions), mayLeave);
    const { ran, lost } = await runPrograms(context, scheduler, programs, { ...all, forked });
    return report(context, format, { ran, lost, tables });
  } finally {
    await scheduler?.close();
    await journal?.close();
    tables.close();
    for (const one of opened) one.close();
  }
}
