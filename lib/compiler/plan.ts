/**
 * Fifth pass: stages -> loops. A loop walks all rows of a source, or the rows that are left (the list), keeps those that pass
 * its filter, and hands them to a sink. `top` and `sort` leave a list behind, `count by` a new source.
 */
import type { Span } from './ast.js';
import type { CheckedQuestion, OutputColumn, Step } from './check.js';
import type { Column } from './columns.js';
import type { GroupLayout } from './groups.js';
import { join, type Normal, normalForm } from './normal-form.js';

/** The table, or the groups that loop number `loop` made. */
export type Source =
  | { readonly kind: 'table' }
  | { readonly kind: 'groups'; readonly loop: number; readonly layout: GroupLayout };

export type Sink =
  | { readonly kind: 'list'; readonly limit?: number }
  | { readonly kind: 'top'; readonly n: number; readonly key: Column; readonly largest: boolean }
  | { readonly kind: 'sort'; readonly key: Column; readonly descending: boolean }
  | { readonly kind: 'count' }
  | { readonly kind: 'group'; readonly layout: GroupLayout };

export interface Loop {
  readonly source: Source;
  readonly over: 'all' | 'list';
  readonly filter: Normal;
  readonly filterSpans: readonly Span[];
  readonly sink: Sink;
}

export type PlanStep = Loop | { readonly truncate: number };

/** What a step is in the question; undefined: it was not written there. */
export type StageOf = Span | undefined;

export interface Plan {
  readonly steps: readonly PlanStep[];
  /** Of a plan whose stages are apart: the stage of each step. */
  readonly stages?: readonly StageOf[];
  readonly columns: readonly OutputColumn[];
  /** What the answer's rows are: row numbers, groups of `source`, or one number. */
  readonly result:
    | { readonly kind: 'rows' }
    | { readonly kind: 'count' }
    | { readonly kind: 'groups'; readonly source: Source };
}

/** `apart`: each stage has its own loop, so that it can be measured. */
export function planOf({ steps, columns }: CheckedQuestion, apart = false): Plan {
  const plan: PlanStep[] = [];
  const stages: StageOf[] = [];
  let source: Source = { kind: 'table' };
  let over: Loop['over'] = 'all';
  let pending: { filter: Normal; span: Span }[] = [];
  const loop = (sink: Sink): void => {
    const filter = join(
      'and',
      pending.map((part) => part.filter),
    );
    plan.push({ source, over, filter, filterSpans: pending.map(({ span }) => span), sink });
    pending = [];
    over = 'list';
  };
  const take = (step: Step): void => {
    switch (step.kind) {
      case 'filter':
        pending.push({ filter: normalForm(step.formula), span: step.span });
        if (apart) loop({ kind: 'list' });
        return;
      case 'limit':
        if (over === 'list' && pending.length === 0) plan.push({ truncate: step.n });
        else loop({ kind: 'list', limit: step.n });
        return;
      case 'top':
        loop({ kind: 'top', n: step.n, key: step.key, largest: step.largest });
        return;
      case 'sort':
        loop({ kind: 'sort', key: step.key, descending: step.descending });
        return;
      case 'count':
        loop({ kind: 'count' });
        return;
      case 'group':
        loop({ kind: 'group', layout: step.layout });
        source = { kind: 'groups', loop: plan.length - 1, layout: step.layout };
        over = 'all';
    }
  };
  for (const step of steps) {
    take(step);
    stages[plan.length - 1] = step.kind === 'sort' && step.implied ? undefined : step.span;
  }
  const more = apart && { stages };
  if (steps.at(-1)?.kind === 'count') return { steps: plan, columns, result: { kind: 'count' }, ...more };
  if (over === 'all' || pending.length > 0) loop({ kind: 'list' });
  const result: Plan['result'] = source.kind === 'table' ? { kind: 'rows' } : { kind: 'groups', source };
  return { steps: plan, columns, result, ...more };
}
