/**
 * Fourth pass: negation normal form. `not` moves down to the tests, conjunctions and disjunctions are flat, constants are gone.
 * Then a formula is monotone in its literals: making an undecided literal true can only make more rows true, which is what
 * the footer's counts rest on (codegen-filter.ts).
 */
import type { Span } from './ast.js';
import type { Formula, Test } from './formula.js';

export interface Literal {
  readonly kind: 'literal';
  readonly test: Test;
  readonly negated: boolean;
  readonly span: Span;
}

export type Normal =
  | Literal
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Normal[] }
  | { readonly kind: 'constant'; readonly value: boolean };

export function normalForm(formula: Formula, negated = false): Normal {
  if (formula.kind === 'not') return normalForm(formula.term, !negated);
  if (formula.kind === 'test') {
    const { test, span } = formula;
    if (test.kind === 'constant') return { kind: 'constant', value: test.value !== negated };
    return { kind: 'literal', test, negated, span };
  }
  const kind = (formula.kind === 'and') !== negated ? 'and' : 'or';
  return join(
    kind,
    formula.terms.map((term) => normalForm(term, negated)),
  );
}

/** Conjunction or disjunction of normal forms. */
export function join(kind: 'and' | 'or', parts: readonly Normal[]): Normal {
  const terms: Normal[] = [];
  for (const part of parts) {
    if (part.kind === 'constant') {
      if (part.value === (kind === 'or')) return part;
    } else if (part.kind === kind) terms.push(...part.terms);
    else terms.push(part);
  }
  if (terms.length === 0) return { kind: 'constant', value: kind === 'and' };
  return terms.length === 1 ? terms[0]! : { kind, terms };
}

export function* literals(normal: Normal): Generator<Literal> {
  if (normal.kind === 'literal') yield normal;
  else if (normal.kind !== 'constant') for (const term of normal.terms) yield* literals(term);
}
