/** The commands that the executor answers: questions, and programs. */
import { answerListing } from '../cli/answer.js';
import { boundedListing, cellOf, safeLines } from '../cli/bounded-text.js';
import { checkQuestion } from '../cli/check-question.js';
import { countArg, timeArg } from '../cli/daemon-args.js';
import type { NamesOf } from '../cli/daemon-rows.js';
import { count } from '../cli/figures.js';
import type { Listing } from '../cli/output.js';
import { tableOf } from '../compiler/index.js';
import { CtiError } from '../errors.js';
import { explain } from '../query/explain.js';
import { runQuestion } from '../query/run.js';
import { samplesNeeded } from '../query/samples.js';
import { CT } from '../tables/generated/ct.js';
import { TABLES } from '../tables/generated/tables.js';
import type { Executor } from './executor.js';
import { takeSamples } from './executor-samples.js';
import type { CommandCall, CommandReply } from './parts.js';

interface Request {
  readonly args: CommandCall['args'];
  readonly format: CommandCall['format'];
  readonly signal: AbortSignal;
  readonly fds: readonly number[];
}
type Run = (executor: Executor, request: Request) => CommandReply | Listing | Promise<CommandReply | Listing>;

const text = (body: string): CommandReply => ({ body, isJson: false });

/** `more`: the argument that gives more rows. */
async function answer(
  executor: Executor,
  question: string,
  more: string,
  { args, format, signal }: Request,
): Promise<CommandReply> {
  const { names } = executor;
  const { config } = executor.part;
  const schema = checkQuestion(question, names);
  const rows = countArg(args[more], config['reply.rows']);
  const maxAgeMs = timeArg(args['max-age'], config['snapshots.max_age']);
  // The second of two samples is waited for before the turn.
  const samples =
    samplesNeeded(question, schema, names) && (await takeSamples(executor, question, schema, maxAgeMs, signal));
  const run = async (): Promise<CommandReply> => {
    const begin = performance.now();
    const lent = samples ? undefined : await executor.lend(schema.name, maxAgeMs, signal);
    const captured = samples ?? lent!;
    try {
      const result = await runQuestion(question, captured.snapshot, {
        signal,
        names,
        // What was prepared is of the names that are in force now.
        ...(lent && names === executor.names && { kept: lent.kept }),
      });
      executor.part.count('question');
      const listing = answerListing(question, { result, captured, wallMs: performance.now() - begin });
      const { answer } = result;
      const known = answer.kind === 'count' ? (answer.count === 0n ? 0 : 1) : result.facts.rowsShown;
      const bounds = { rows, bytes: config['reply.bytes'], more: `${more}=N` };
      return await boundedListing(listing, format, bounds, known);
    } finally {
      lent?.release();
    }
  };
  try {
    return await executor.turns.take(signal, run);
  } finally {
    samples?.snapshot.close();
  }
}

/** A condition that was typed is checked as the whole of what it may be: it cannot add stages. */
function where(condition: string | undefined): string {
  if (condition === undefined) return '';
  if (condition.includes('|') && !condition.includes('||'))
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected a condition but received stages: '${condition}'; query takes a whole question`,
    );
  return ` | where ${condition}`;
}

function tableNamed(name: string): string {
  if (TABLES.some((table) => table.name === name)) return name;
  throw new CtiError(
    'INVALID_ARGUMENT',
    `there is no table called '${name}'; there is ${TABLES.map((table) => table.name).join(', ')}`,
  );
}

const COMMANDS: { readonly [N in NamesOf<'executor'>]: Run } = {
  query: (executor, request) => answer(executor, request.args.QUESTION!, 'limit', request),
  explain: ({ names }, { args }) => {
    const question = args.QUESTION!;
    const { plan, listing, programSlots } = explain(question, { schema: tableOf(question, TABLES) }, names);
    return text(`plan\n${plan.trimEnd()}\n\neBPF, ${programSlots} slots\n${listing.trimEnd()}\n`);
  },
  'table/show': (executor, request) => answer(executor, tableNamed(request.args.TABLE!), 'max', request),
  'flow/show': (executor, request) =>
    answer(executor, `dp_flows${where(request.args.CONDITION)} | show flow`, 'max', request),
  'flow/top': (executor, request) => {
    const { by = 'packets', n = '10', CONDITION } = request.args;
    // A flow's text has its counters; rates stand before it.
    const shown = by === 'pps' || by === 'bps' ? ' | show pps, bps, flow' : '';
    return answer(executor, `dp_flows${where(CONDITION)} | top ${n} by ${by}${shown}`, 'n', request);
  },
  'flow/masks': (executor, request) => answer(executor, 'dp_flows | count by mask_shape', 'max', request),
  'ct/show': (executor, request) => {
    const { zone } = request.args;
    const ofZone = zone === undefined ? '' : ` | where zone = ${zone}`;
    return answer(executor, `ct${ofZone} | show datapath, ${CT.show.join(', ')}`, 'max', request);
  },
  'port/show': (executor, request) => answer(executor, 'ports', 'max', request),
  'pmd/show': (executor, request) => answer(executor, 'pmds', 'max', request),
  'program/load': async ({ programs }, { args, fds, signal }) => {
    const task = await programs.load(args, fds, signal);
    return text(`${task.id}\n`);
  },
  'program/list': ({ programs, part }) => ({
    columns: ['id', 'name', 'state', 'fuel', 'memory', 'output'].map((name, i) => ({
      name,
      align: i > 2 ? ('right' as const) : ('left' as const),
    })),
    rows: [
      ...programs.lost.map(({ id, name }) => [id, name, 'lost', null, null, null].map(cellOf)),
      ...programs
        .list()
        .map(({ task, logBytes }) =>
          [task.id, task.name, task.state, task.fuelUsed, task.memory, logBytes].map(cellOf),
        ),
    ],
    footer: [
      `${count(programs.nLive, 'program')} running or waiting; this executor runs since ${new Date(part.startedMs).toISOString()}`,
      ...programs.lost.map(({ id, name, reason }) => `lost: ${name} (${id}): ${reason}`),
      ...programs.faults,
    ],
    facts: { since: part.startedMs, lost: programs.lost },
  }),
  'program/show': ({ programs }, { args }) => programs.show(args.ID!),
  'program/wait': async ({ programs, part }, { args, signal }) => {
    const timeoutMs = Math.min(timeArg(args.timeout, 30_000), part.config['questions.timeout']);
    return text(`${await programs.wait(args.ID!, timeoutMs, signal)}\n`);
  },
  'program/kill': ({ programs }, { args }) => {
    const task = programs.find(args.ID!).task;
    const before = task.state;
    task.kill('killed by program/kill');
    return text(task.end ? `${task.id} is ${task.state}\n` : `${task.id} was ${before} and is being ended\n`);
  },
  'program/log': ({ programs }, { args }) => text(programs.log(args.ID!)),
};

export async function runExecutorCommand(
  executor: Executor,
  { name, args, format }: CommandCall,
  signal: AbortSignal,
  fds: readonly number[],
): Promise<CommandReply> {
  if (!Object.hasOwn(COMMANDS, name)) throw new CtiError('INTERNAL', `the executor has no command ${name}`);
  if (name.startsWith('program/')) await executor.programs.settled();
  const given = await COMMANDS[name as keyof typeof COMMANDS](executor, { args, format, signal, fds });
  const limit = executor.part.config['reply.bytes'];
  if (!('body' in given)) return boundedListing(given, format, { rows: 10_000, bytes: limit, more: 'nothing' });
  if (given.isJson || given.footerAt !== undefined) return given;
  const body = safeLines(given.body);
  return {
    body: body.length <= limit ? body : `${body.slice(0, limit)}\ncut off: a reply has at most ${limit} bytes\n`,
    isJson: false,
  };
}
