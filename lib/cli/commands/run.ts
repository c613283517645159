/** `ctinspector run FILE... [+ FILE...]`: C programs and object files, linked and run over the tables, one or several at once. */
import { CtiError } from '../../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../../generated/kernel-functions.js';
import type { LinkOptions } from '../../linker/link.js';
import { type NodeFunctions, parseNodes } from '../../migration/local-nodes.js';
import { Journal } from '../../scheduler/journal.js';
import { Scheduler } from '../../scheduler/scheduler.js';
import type { Budget } from '../../scheduler/task.js';
import type { Context } from '../context.js';
import { parseFuel, parseInteger, parseSize, parseTime, refuse } from '../numbers.js';
import { linkPrograms } from '../program-files.js';
import type { Options, Status } from '../registry.js';
import { aloneOnNode, runOnNodes } from '../run-nodes.js';
import { type RunProgramsOptions, runPrograms } from '../run-programs.js';
import { report } from '../run-report.js';
import { openTables } from '../tables-for-run.js';

const listOf = (value: unknown): string[] => (Array.isArray(value) ? (value as string[]) : []);

export function parseArgs(given: unknown): bigint[] {
  const list = listOf(given);
  if (list.length > 5) throw refuse('--arg', 'at most five', `${list.length} of them`);
  return list.map((text) =>
    parseInteger('--arg', text, 'a number of 64 bits such as 7, -1 or 0xff', -(1n << 63n), (1n << 64n) - 1n),
  );
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
    args: parseArgs(options.arg),
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
  const needsTables = programs.some(({ linked }) => linked?.spec.imports.some((item) => item.name === 'table_open'));
  const tables = await openTables(context, options, needsTables);
  let journal: Journal | undefined;
  let scheduler: Scheduler | undefined;
  try {
    if (state !== undefined) journal = Journal.open(state, { salvage: options.salvage === true });
    const forked: NonNullable<RunProgramsOptions['forked']> = {};
    const schedulerOf = (functions: NodeFunctions) =>
      new Scheduler({ workers, journal, functions, onOutput: (output, task) => forked.onOutput?.(output, task) });
    const all = { ...given, tables: tables.mappings };
    if (names) {
      const { ran, lost } = await runOnNodes(context, programs, {
        ...all,
        names,
        scheduler: (_, of) => schedulerOf(of),
      });
      return report(context, format, { ran, lost, tables });
    }
    scheduler = aloneOnNode(schedulerOf);
    const { ran, lost } = await runPrograms(context, scheduler, programs, { ...all, forked });
    return report(context, format, { ran, lost, tables });
  } finally {
    await scheduler?.close();
    await journal?.close();
    tables.close();
  }
}
