/**
 * Conditions after checking: a formula over tests, each test a fact about one row that needs no further name or type.
 * Every test is exact at bit level. What a test can be besides true and false:
 *   unknown  the row has no value there (the switch did not say)
 *   carry    an `=` or `!=` on a masked field: the row does not look at the bits asked for, but packets it matches may have
 *            them (it counts as false, and is counted apart)
 */
import type { Span } from './ast.js';
import type { Column, Requirement } from './columns.js';
import type { Cube, ValueSet } from './cubes.js';
import type { TruthTable } from './dictionaries.js';

/**
 * What is asked of a flow's match on a field, and a set of values:
 *   overlaps  it looks at the bits asked for, and some value it matches is in the set
 *   disjoint  it looks at the bits asked for, and no value it matches is in the set
 *   could     some packet it matches has a value in the set, whether it looks or not
 *   within    every value it matches is in the set; `outside` is all that is not
 *   exactly   value and mask are those of the one cube of the set
 *   looks     it looks at any of the bits asked for
 * Sets and bits are in place in the field (a VLAN priority sits at bit 13).
 */
export type Meaning = 'overlaps' | 'disjoint' | 'could' | 'within' | 'exactly' | 'looks';

export type Test =
  | { readonly kind: 'constant'; readonly value: boolean }
  | {
      readonly kind: 'match';
      readonly column: Column;
      readonly meaning: Meaning;
      readonly set: ValueSet;
      readonly looks: bigint;
      readonly outside?: readonly Cube[];
      /** The packet must be able to have the field: each is a `could`. */
      readonly requires: readonly Requirement[];
    }
  /** A column without mask has a value in the set. */
  | { readonly kind: 'value'; readonly column: Column; readonly set: ValueSet }
  /** The row has a value at all. */
  | { readonly kind: 'known'; readonly column: Column }
  /** The dictionary entry a row points at is true in the table; a masked one also says whether the flow looks at it. */
  | {
      readonly kind: 'entry';
      readonly column: Column;
      readonly meaning: 'overlaps' | 'disjoint' | 'could' | 'exactly';
      readonly truth: TruthTable;
    }
  /** The row's action list does one of the actions. */
  | { readonly kind: 'does'; readonly column: Column; readonly bits: bigint; readonly orNothing: boolean };

export type Formula =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Formula[] }
  | { readonly kind: 'not'; readonly term: Formula }
  | { readonly kind: 'test'; readonly test: Test; readonly span: Span };

export const both = (terms: readonly Formula[]): Formula => (terms.length === 1 ? terms[0]! : { kind: 'and', terms });
export const either = (terms: readonly Formula[]): Formula => (terms.length === 1 ? terms[0]! : { kind: 'or', terms });
export const negate = (term: Formula, when = true): Formula => (when ? { kind: 'not', term } : term);
