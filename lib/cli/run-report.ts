/** How programs ended, for people and for scripts. */
import { escapeText } from '../escape.js';
import { TRAPS } from '../generated/traps.js';
import type { Context } from './context.js';
import { toJson } from './output.js';
import type { Status } from './registry.js';
import type { Ran } from './run-programs.js';
import type { GivenTables } from './tables-for-run.js';

export interface Report {
  readonly ran: readonly Ran[];
  readonly lost: readonly { readonly name: string; readonly reason: string }[];
  readonly tables: GivenTables;
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function signed(r0: bigint): string {
  const value = BigInt.asIntN(64, r0);
  return value < 0n ? `${r0} (${value})` : String(r0);
}

const where = ({ linked }: Ran, pc: number | undefined): string => {
  if (pc === undefined) return 'its beginning';
  return linked ? linked.debug.describe(pc) : `pc ${pc}`;
};

/** One sentence about an end that is not an exit. */
function endSentence(run: Ran): string {
  const { end, task } = run;
  switch (end.kind) {
    case 'exited':
      return `result: ${signed(end.r0)}`;
    case 'trapped': {
      const address = end.address === undefined ? '' : `, address 0x${end.address.toString(16)}`;
      return `${end.trap} at ${where(run, end.pc)}${address}: ${TRAPS[end.trap].doc}`;
    }
    case 'budget': {
      const whose = end.of === 'program' ? 'its' : "its lineage's";
      if (end.resource === 'fuel') {
        return `the program used up ${whose} fuel (${task.fuelUsed}) and stopped at ${where(run, end.pc)}; give it more with --fuel, or look for an endless loop`;
      }
      if (end.resource === 'memory') {
        return `the program holds ${task.memory} bytes, more than ${whose} budget of memory, at ${where(run, end.pc)}; give it more with --budget memory=BYTES`;
      }
      return `the program used up ${whose} ${end.resource} and stopped at ${where(run, end.pc)}; give it more with --budget ${end.resource}=...`;
    }
    case 'failed':
      return end.error.message;
    case 'killed':
      return `${end.reason} at ${where(run, end.pc)}`;
    case 'kept':
      return 'stopped; its image is in the state directory, and it goes on with the next run --state';
    case 'not_started':
      return `not started: ${end.reason}`;
    case 'migrated':
      return `went on to ${end.to}`;
  }
}

const isWell = ({ end }: Ran): boolean => end.kind === 'exited' || end.kind === 'migrated' || end.kind === 'kept';

function reportText(context: Context, { ran, lost, tables }: Report): void {
  const nRecords = ran.reduce((sum, run) => sum + run.nRecords, 0);
  if (nRecords > 0) context.stderr.write(`emitted records: ${nRecords}; --format json shows them\n`);
  for (const line of tables.footer) context.stderr.write(`${escapeText(line)}\n`);
  const isAlone = ran.length === 1 && lost.length === 0;
  for (const run of ran) {
    const name = isAlone ? '' : `${escapeText(run.task.name)}: `;
    const sentence = escapeText(endSentence(run));
    if (isWell(run)) context.stdout.write(`${name}${sentence}\n`);
    else context.stderr.write(`ctinspector: ${name}${sentence}\n`);
  }
  for (const { name, reason } of lost) {
    context.stderr.write(`ctinspector: ${escapeText(name)} was lost: ${escapeText(reason)}\n`);
  }
}

const STOPS: Readonly<Record<string, string>> = {
  fuel: 'out_of_fuel',
  memory: 'out_of_memory',
  lifetime: 'out_of_lifetime',
  forks: 'out_of_forks',
};

function factsOf(run: Ran): Record<string, unknown> {
  const { end, linked, output, task } = run;
  const pc = 'pc' in end ? end.pc : undefined;
  return {
    name: task.name,
    id: task.id,
    stop: end.kind === 'budget' ? STOPS[end.resource] : end.kind,
    ...(end.kind === 'exited' ? { r0: String(end.r0) } : {}),
    ...(end.kind === 'trapped'
      ? { trap: end.trap, ...(end.address === undefined ? {} : { address: end.address }) }
      : {}),
    ...(end.kind === 'budget' ? { budget: end.of } : {}),
    ...(end.kind === 'failed' ? { error: { code: end.error.code, message: end.error.message } } : {}),
    ...(end.kind === 'killed' || end.kind === 'not_started' ? { reason: end.reason } : {}),
    ...(end.kind === 'migrated' ? { to: end.to } : {}),
    pc: pc ?? null,
    function: (pc !== undefined && linked?.debug.functionAt(pc)) || null,
    source: (pc !== undefined && linked?.debug.locate(pc)) || null,
    fuel_used: String(task.fuelUsed),
    output: output.map((piece) =>
      piece.kind === 'text' ? { text: piece.text } : { type: String(piece.type), record: hexOf(piece.bytes) },
    ),
  };
}

/** Status 0 if every program ended as it should, else 2. */
export function report(context: Context, format: 'text' | 'json', all: Report): Status {
  const { ran, lost, tables } = all;
  if (format === 'text') reportText(context, all);
  else {
    const isAlone = ran.length === 1 && lost.length === 0;
    const programs = ran.map(factsOf);
    const facts = isAlone ? { ...programs[0], tables: tables.facts } : { programs, lost, tables: tables.facts };
    context.stdout.write(`${toJson(facts, 2)}\n`);
  }
  return ran.every(isWell) && lost.length === 0 ? 0 : 2;
}
