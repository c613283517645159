/** Tasks that start after others have ended (`SubmitOptions.after`). */
import { CtiError } from '../errors.js';
import type { EndRecord } from './journal-format.js';
import type { After, EndCondition } from './options.js';

/** How a task ended, as far as conditions ask. */
export type Outcome = Pick<EndRecord, 'end' | 'r0'>;

interface Waiting<T> {
  readonly task: T;
  readonly mode: 'all' | 'any';
  readonly condition: EndCondition;
  /** Ids whose end is open. */
  readonly open: Set<string>;
}

export type Decision = { readonly kind: 'start' } | { readonly kind: 'never'; readonly reason: string };

const CONDITIONS = ['exited', 'failed', 'ended'];

export function meets(outcome: Outcome, condition: EndCondition): boolean {
  if (condition === 'ended') return true;
  if (condition === 'exited') return outcome.end === 'exited';
  if (condition === 'failed') return outcome.end !== 'exited';
  return outcome.end === 'exited' && outcome.r0 === BigInt.asUintN(64, condition.r0);
}

/** `after` with ids, checked. Throws CtiError INVALID_ARGUMENT. */
export function checkAfter(after: After): { tasks: string[]; mode: 'all' | 'any'; condition: EndCondition } {
  const { mode = 'all', condition = 'exited' } = after;
  const refuse = (what: string, received: unknown) =>
    new CtiError('INVALID_ARGUMENT', `expected ${what} but received ${String(received)}`);
  if (mode !== 'all' && mode !== 'any') throw refuse("'all' or 'any' for after.mode", mode);
  if (typeof condition === 'object' ? typeof condition?.r0 !== 'bigint' : !CONDITIONS.includes(condition)) {
    throw refuse(
      `${CONDITIONS.map((name) => `'${name}'`).join(', ')} or { r0: bigint } for after.condition`,
      condition,
    );
  }
  if (!Array.isArray(after.tasks) || after.tasks.length === 0)
    throw refuse('tasks or their ids for after.tasks', after.tasks);
  return { tasks: after.tasks.map((task) => (typeof task === 'string' ? task : task.id)), mode, condition };
}

export class Dependencies<T> {
  readonly #waiting = new Map<string, Set<Waiting<T>>>();

  /** What is decided already; undefined if `task` has to wait, for `ended` to be called. `outcomeOf`: of a task that has ended. */
  add(
    task: T,
    after: ReturnType<typeof checkAfter>,
    outcomeOf: (id: string) => Outcome | undefined,
  ): Decision | undefined {
    const waiting: Waiting<T> = { task, mode: after.mode, condition: after.condition, open: new Set(after.tasks) };
    for (const id of after.tasks) {
      const outcome = outcomeOf(id);
      const decision = outcome && this.#decide(waiting, id, outcome);
      if (decision) return decision;
    }
    for (const id of waiting.open) {
      const all = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, all.add(waiting));
    }
    return undefined;
  }

  #decide(waiting: Waiting<T>, id: string, outcome: Outcome): Decision | undefined {
    waiting.open.delete(id);
    const isMet = meets(outcome, waiting.condition);
    if (waiting.mode === 'any' ? isMet : isMet && waiting.open.size === 0) return { kind: 'start' };
    if (waiting.mode === 'any' ? waiting.open.size > 0 : isMet) return undefined;
    const wanted = typeof waiting.condition === 'object' ? `exited with ${waiting.condition.r0}` : waiting.condition;
    const got = outcome.r0 === undefined ? outcome.end : `${outcome.end} with ${outcome.r0}`;
    return { kind: 'never', reason: `task ${id} ended as '${got}', it was to be '${wanted}'` };
  }

  /** The tasks for which the end of `id` decides. */
  ended(id: string, outcome: Outcome): { task: T; decision: Decision }[] {
    const all = this.#waiting.get(id);
    if (!all) return [];
    this.#waiting.delete(id);
    const decided: { task: T; decision: Decision }[] = [];
    for (const waiting of all) {
      const decision = this.#decide(waiting, id, outcome);
      if (!decision) continue;
      this.#forget(waiting);
      decided.push({ task: waiting.task, decision });
    }
    return decided;
  }

  /** A task that waits was ended otherwise. */
  remove(task: T): void {
    for (const all of [...this.#waiting.values()]) {
      for (const waiting of all) if (waiting.task === task) this.#forget(waiting);
    }
  }

  #forget(waiting: Waiting<T>): void {
    for (const id of waiting.open) {
      const all = this.#waiting.get(id);
      all?.delete(waiting);
      if (all?.size === 0) this.#waiting.delete(id);
    }
  }
}
