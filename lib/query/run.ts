/**
 * Runs a question over a snapshot: compiles it, maps the snapshot's segments into a window, runs the program in slices of fuel
 * so that the event loop stays alive, and reads the answer out of the program's memory. No row is looked at in TypeScript.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Column,
  type CompiledQuestion,
  compileQuestion,
  describeWork,
  HEADER,
  type Names,
  type OutputColumn,
  questionError,
  TOO_LARGE,
} from '../compiler/index.js';
import { CtiError } from '../errors.js';
import { tableMapping } from '../mapper/table-mapping.js';
import { Program, type Run, stopError } from '../runner/program.js';
import type { Kept, Prepared } from './kept.js';
import { dictionariesOf, type QuestionSnapshot } from './snapshot-dictionaries.js';

export type { QuestionSegment, QuestionSnapshot } from './snapshot-dictionaries.js';

export interface RunQuestionOptions {
  /** Stops between two slices, with CtiError CANCELLED. */
  readonly signal?: AbortSignal;
  /** After each slice: rows of the table looked at so far are not known, fuel is. */
  readonly onProgress?: (progress: { readonly fuel: bigint }) => void;
  /** Fuel between two turns of the event loop; about 0.1 s on the interpreter unless told otherwise. */
  readonly fuelSlice?: bigint;
  /** Names of the user's (parseNames) that the question may use. */
  readonly names?: Names;
  /** What questions before it left of this snapshot, and this one leaves: of the same names. */
  readonly kept?: Kept;
}

/** What a group key holds: as a cell of a row, the bits that are matched or known, and which; null: not known. */
export type KeyCell = { readonly value: bigint; readonly mask: bigint } | null;

export interface Group {
  /** Rows. */
  readonly count: bigint;
  /** One for each key, in order. */
  readonly keys: readonly KeyCell[];
  /** One for each aggregate, in order; null: no row of the group has a value for it. */
  readonly values: readonly KeyCell[];
}

export type Answer =
  /** Numbers of rows of the snapshot, in the answer's order. */
  | { readonly kind: 'rows'; readonly rows: Uint32Array }
  /** What was made of each group; `keys` and `aggregates` name its cells. Without keys there is one group. */
  | {
      readonly kind: 'groups';
      readonly keys: readonly string[];
      readonly aggregates: readonly string[];
      readonly groups: readonly Group[];
    }
  /** What `count` counted. */
  | { readonly kind: 'count'; readonly count: bigint };

/** For the footer. */
export interface AnswerFacts {
  readonly rowsScanned: number;
  /** Rows or groups of the answer; 1 for `count`. */
  readonly rowsShown: number;
  /** Rows left out that would be shown if what is not known of them were as asked. */
  readonly undecided: number;
  /**
   * Rows left out that do not look at a field asked for and could carry it, and how many of them do not look at which field:
   * covers(...) shows them.
   */
  readonly couldCarry: { readonly rows: number; readonly byField: Readonly<Record<string, number>> };
  /** Rows that top or bottom left out because they have no value there. */
  readonly noValue: number;
  /** Rows left out of an aggregate because they have no one value for it, by aggregate as it is written. */
  readonly leftOut: Readonly<Record<string, number>>;
  /** Where there are sums of counters that count a packet in each pass. */
  readonly passes?: {
    readonly of: 'first' | 'all';
    /** Rows of later passes that were left out. */
    readonly later: number;
    /** Rows in the sums that do not look at which pass they are of. */
    readonly undecided: number;
  };
  readonly fuel: bigint;
  /** Compiling, and running. */
  readonly compileMs: number;
  readonly runMs: number;
  readonly programSlots: number;
  /** What of the question was not asked, and columns of it that no row can have, a sentence each. */
  readonly notes: readonly string[];
}

export interface QuestionResult {
  readonly answer: Answer;
  /** What to show of each row or group; `flow` is the whole row as the switch prints it. Empty for `count`. */
  readonly columns: readonly OutputColumn[];
  readonly facts: AnswerFacts;
}

const DEFAULT_SLICE = 20_000_000n;

/** What the program says it could not do. */
function refusal(run: Run, question: string, compiled: CompiledQuestion, r0: bigint): CtiError {
  if (BigInt.asIntN(64, r0) === TOO_LARGE) {
    const { text, span } = compiled.layout.overflows[Number(new Results(run, compiled).u64(HEADER.overflow))]!;
    const message = `${text} is larger than a number of 64 bits can say: narrow the question with where, or group by more fields`;
    return questionError('QUERY_OVERFLOW', question, span, message);
  }
  const errno = -BigInt.asIntN(64, r0);
  return new CtiError('INTERNAL', `the question's program ended with error ${errno}: the snapshot does not fit it`);
}

async function finish(
  run: Run,
  refused: (r0: bigint) => CtiError,
  { signal, onProgress, fuelSlice = DEFAULT_SLICE }: RunQuestionOptions,
): Promise<bigint> {
  let fuel = 0n;
  for (;;) {
    if (signal?.aborted) throw new CtiError('CANCELLED', 'the question was stopped before it was answered');
    const stop = run.step(fuelSlice);
    fuel += stop.fuelUsed;
    onProgress?.({ fuel });
    if (stop.kind === 'out_of_fuel') await nextTurn();
    else if (stop.kind === 'exited' && stop.r0 === 0n) return fuel;
    else if (stop.kind === 'exited') throw refused(stop.r0);
    else throw stopError(stop);
  }
}

/** Reads what a program left in its memory. */
class Results {
  constructor(
    private readonly run: Run,
    private readonly compiled: CompiledQuestion,
  ) {}

  u64(address: number): bigint {
    const bytes = this.run.read(address, 8);
    return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  }

  number(address: number): number {
    return Number(this.u64(address));
  }

  private list(): Uint32Array {
    const bytes = this.run.read(this.compiled.layout.list, 4 * this.number(HEADER.listSize));
    return new Uint32Array(bytes.slice().buffer);
  }

  answer(): Answer {
    const { plan, layout } = this.compiled;
    if (plan.result.kind === 'count') return { kind: 'count', count: this.u64(HEADER.count) };
    if (plan.result.kind === 'rows') return { kind: 'rows', rows: this.list() };
    const { entries, layout: groupLayout } = layout.groups!;
    const { aggregates, keySize, entrySize, relation } = groupLayout;
    const keys = groupLayout.keys.map(({ title }) => title);
    const cells = (view: DataView, titles: readonly string[]): KeyCell[] =>
      titles.map((title) => keyCell(view, relation.columns.get(title)!));
    const groups = Array.from(this.list(), (id): Group => {
      const bytes = this.run.read(entries + id * entrySize, entrySize);
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      return {
        count: view.getBigUint64(keySize, true),
        keys: cells(view, keys),
        values: cells(view, aggregates),
      };
    });
    return { kind: 'groups', keys, aggregates, groups };
  }

  /** What each step of a plan whose stages are apart did. */
  stages(question: string, scanned: number): StageMeasure[] {
    const { plan, layout } = this.compiled;
    const at = (i: number): { ns: bigint; rows: number } => ({
      ns: this.u64(layout.measures! + 16 * i),
      rows: this.number(layout.measures! + 16 * i + 8),
    });
    return plan.steps.map((step, i) => {
      const span = plan.stages![i];
      const [before, after] = [at(i), at(i + 1)];
      return {
        stage: span ? question.slice(span.start, span.end).replace(/\s+/g, ' ').trim() : `(${describeWork(step)})`,
        rowsIn: i === 0 ? scanned : before.rows,
        rowsOut: after.rows,
        ms: Number(after.ns - before.ns) / 1e6,
      };
    });
  }

  /** Counters that are not 0. */
  counters(addresses: ReadonlyMap<string, number>): Record<string, number> {
    const numbers = Array.from(addresses, ([name, address]): [string, number] => [name, this.number(address)]);
    return Object.fromEntries(numbers.filter(([, n]) => n !== 0));
  }

  passes(): AnswerFacts['passes'] {
    for (const step of this.compiled.plan.steps) {
      const of = 'sink' in step && step.sink.kind === 'group' ? step.sink.layout.accumulators.passes : undefined;
      if (of) return { of, later: this.number(HEADER.laterPasses), undecided: this.number(HEADER.anyPass) };
    }
    return undefined;
  }
}

function keyCell(view: DataView, column: Column): KeyCell {
  const read = (offset: number): bigint =>
    column.size === 16
      ? (view.getBigUint64(offset, false) << 64n) | view.getBigUint64(offset + 8, false)
      : view.getBigUint64(offset, true);
  if (column.known && view.getBigUint64(column.known.offset, true) === 0n) return null;
  const shift = BigInt(column.shift);
  const all = (1n << BigInt(column.width)) - 1n;
  const mask = column.maskAt === undefined ? all : (read(column.offset + column.maskAt) >> shift) & all;
  const value = (read(column.offset) >> shift) & mask;
  return { value: column.signed ? BigInt.asIntN(column.width, value) : value, mask };
}

/** The answer of a run of the question's program that has exited. */
export const readAnswer = (run: Run, compiled: CompiledQuestion): Answer => new Results(run, compiled).answer();

export const runQuestion = (
  question: string,
  snapshot: QuestionSnapshot,
  options: RunQuestionOptions = {},
): Promise<QuestionResult> => ask(question, snapshot, options, false, ({ result }) => result);

/** `explain --analyze`: what each stage did. */
export interface StageMeasure {
  /** As the question has it; what it does besides, in words. */
  readonly stage: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly ms: number;
}

/**
 * The same, each stage in a loop of its own and measured: rows in and out, and the program's time. runQuestion() puts stages that follow
 * one another into one loop, so its program takes less than these together.
 */
export const measureQuestion = (
  question: string,
  snapshot: QuestionSnapshot,
  options: RunQuestionOptions = {},
): Promise<{ result: QuestionResult; stages: readonly StageMeasure[] }> =>
  ask(question, snapshot, options, true, ({ result, results }) => ({
    result,
    stages: results.stages(question, result.facts.rowsScanned),
  }));

function prepare(question: string, snapshot: QuestionSnapshot, names: Names | undefined, apart: boolean): Prepared {
  const compiled = compileQuestion(question, {
    schema: snapshot.schema,
    dictionaries: dictionariesOf(snapshot),
    nRows: snapshot.facts.nRows,
    ...(names && { names }),
    apart,
  });
  return { compiled, program: Program.load(compiled.spec) };
}

/** In a window that has the snapshot already, if there is one. */
function start(program: Program, snapshot: QuestionSnapshot, kept: Kept | undefined): Run {
  const before = kept?.window.take();
  if (!before) return program.start({ tables: [tableMapping(snapshot)] });
  try {
    return program.startIn(before);
  } catch (error) {
    before.close();
    throw error;
  }
}

async function ask<T>(
  question: string,
  snapshot: QuestionSnapshot,
  options: RunQuestionOptions,
  apart: boolean,
  finished: (of: { result: QuestionResult; results: Results }) => T,
): Promise<T> {
  const begin = performance.now();
  const kept = apart ? undefined : options.kept;
  const prepared = kept?.prepared.get(question) ?? prepare(question, snapshot, options.names, apart);
  kept?.prepared.set(question, prepared);
  const { compiled, program } = prepared;
  const loaded = performance.now();
  const run = start(program, snapshot, kept);
  try {
    const fuel = await finish(run, (r0) => refusal(run, question, compiled, r0), options);
    const ended = performance.now();
    const results = new Results(run, compiled);
    const answer = results.answer();
    const passes = results.passes();
    const result: QuestionResult = {
      answer,
      columns: compiled.columns,
      facts: {
        rowsScanned: results.number(HEADER.scanned),
        rowsShown: answer.kind === 'rows' ? answer.rows.length : answer.kind === 'groups' ? answer.groups.length : 1,
        undecided: results.number(HEADER.undecided),
        couldCarry: {
          rows: results.number(HEADER.couldCarry),
          byField: results.counters(compiled.layout.carryCounters),
        },
        noValue: results.number(HEADER.noValue),
        leftOut: results.counters(compiled.layout.leftOutCounters),
        ...(passes && { passes }),
        fuel,
        compileMs: loaded - begin,
        runMs: ended - loaded,
        programSlots: program.nSlots,
        notes: compiled.notes,
      },
    };
    return finished({ result, results });
  } finally {
    if (kept) kept.window.give(run);
    else run.close();
  }
}
