/** A plan in words, for `explain` and for comments in the program. */
import type { OutputColumn } from './check.js';
import type { GroupLayout } from './groups.js';
import type { Plan, PlanStep, Sink, Source } from './plan.js';

function describeSource(source: Source, over: 'all' | 'list'): string {
  const of = source.kind === 'table' ? 'rows' : 'groups';
  return over === 'all' ? `scan all ${of}` : `go through the ${of} that are left`;
}

function describeSink(sink: Sink): string {
  switch (sink.kind) {
    case 'list':
      return sink.limit === undefined ? 'list them' : `list the first ${sink.limit}`;
    case 'top':
      return `keep the ${sink.n} with the ${sink.largest ? 'largest' : 'smallest'} ${sink.key.name}`;
    case 'sort':
      return `sort by ${sink.key.name}${sink.descending ? ', largest first' : ''}`;
    case 'count':
      return 'count them';
    case 'group':
      return describeGroup(sink.layout);
  }
}

function describeGroup({ keys, aggregates, accumulators }: GroupLayout): string {
  const by = keys.length === 0 ? '' : ` by ${keys.map(({ title }) => title).join(', ')}`;
  if (aggregates.length === 0) return `list the distinct${by.slice(3)}`;
  const passes = accumulators.passes ? `, sums of ${accumulators.passes === 'first' ? 'first' : 'all'} passes` : '';
  return `make ${accumulators.texts.join(', ')}${by}${passes}`;
}

/** One line: what a step of the plan does; `source` is the question. */
export function describeStep(step: PlanStep, source: string): string {
  if (!('sink' in step)) return `keep the first ${step.truncate}`;
  const filters = step.filterSpans.map(({ start, end }) => source.slice(start, end).replace(/\s+/g, ' ').trim());
  return [describeSource(step.source, step.over), ...filters, describeSink(step.sink)].join(' -> ');
}

/** What a step does with the rows that pass, in words. */
export const describeWork = (step: PlanStep): string =>
  'sink' in step ? describeSink(step.sink) : `keep the first ${step.truncate}`;

export function describePlan(plan: Plan, source: string): string {
  const titles = plan.columns.map(({ title }: OutputColumn) => title).join(', ');
  const last = plan.result.kind === 'count' ? 'answer with one number' : `show ${titles}`;
  return [...plan.steps.map((step) => describeStep(step, source)), last]
    .map((line, i) => `${i + 1}. ${line}`)
    .join('\n');
}
