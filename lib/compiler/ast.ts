/**
 * The syntax tree of a question, as grammar.peggy makes it. Every node has its span, so that any pass can point at the
 * characters it is about. Names and values are still the characters written.
 */

/** Offsets in the question, in UTF-16 units; `end` is one past the last. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Of what a user's name stands for: the name, file and line (names.ts). `start` and `end` are where the name is used. */
  readonly origin?: string;
}

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface Atom {
  readonly kind: 'atom';
  readonly text: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/** lo..hi, both included. */
export interface Range {
  readonly kind: 'range';
  readonly lo: Atom;
  readonly hi: Atom;
  readonly span: Span;
}

export type Value = Atom | Range;

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=';

export interface Pattern {
  readonly source: string;
  readonly flags: string;
  readonly span: Span;
}

interface InCondition<Kind> {
  readonly kind: Kind;
  readonly field: Name;
  readonly negated: boolean;
  readonly values: readonly Value[];
  readonly span: Span;
}

interface NameCondition<Kind> {
  readonly kind: Kind;
  readonly field: Name;
  readonly span: Span;
}

/** A condition on one field. */
export type FieldCondition =
  | {
      readonly kind: 'compare';
      readonly field: Name;
      readonly op: Operator;
      readonly value: Value;
      readonly span: Span;
    }
  | InCondition<'in'>
  | InCondition<'within'>
  | { readonly kind: 'exactly'; readonly field: Name; readonly value: Value; readonly span: Span }
  | { readonly kind: 'unknown'; readonly field: Name; readonly negated: boolean; readonly span: Span }
  | {
      readonly kind: 'matches';
      readonly field: Name;
      readonly negated: boolean;
      readonly pattern: Pattern;
      readonly span: Span;
    }
  | NameCondition<'has'>
  | NameCondition<'sets'>
  | NameCondition<'bare'>;

/** A line of dump-flows: keys as printed; `tail`: counters and actions stood after them. */
export interface Pasted {
  readonly kind: 'pasted';
  readonly text: string;
  readonly tail: boolean;
  readonly span: Span;
}

export type Condition =
  | { readonly kind: 'and' | 'or' | 'covers'; readonly terms: readonly Condition[]; readonly span: Span }
  | { readonly kind: 'not'; readonly term: Condition; readonly span: Span }
  | { readonly kind: 'does'; readonly action: Name; readonly span: Span }
  | { readonly kind: 'to'; readonly port: Value; readonly span: Span }
  | Pasted
  /** ` actions=...` at the end of a line of ovs-ofctl dump-flows. */
  | { readonly kind: 'rule-actions'; readonly span: Span }
  | FieldCondition;

export type AggregateFunction = 'count' | 'distinct' | 'sum' | 'min' | 'max' | 'avg';

/** `sum(bytes) as b`; `count` has no field, `count(distinct ...)` one or more, the others one. */
export interface Aggregate {
  readonly fn: AggregateFunction;
  readonly fields: readonly Name[];
  readonly as: Name | null;
  readonly span: Span;
}

export type Stage =
  | { readonly kind: 'where'; readonly condition: Condition; readonly span: Span }
  | { readonly kind: 'top' | 'bottom'; readonly n: Name; readonly key: Name; readonly span: Span }
  | { readonly kind: 'sort'; readonly key: Name; readonly descending: boolean; readonly span: Span }
  | {
      readonly kind: 'aggregate';
      readonly aggregates: readonly Aggregate[];
      readonly keys: readonly Name[];
      /** Where the question says `all passes`. */
      readonly allPasses?: Span;
      readonly span: Span;
    }
  | { readonly kind: 'distinct'; readonly columns: readonly Name[]; readonly span: Span }
  | { readonly kind: 'limit'; readonly n: Name; readonly span: Span }
  | { readonly kind: 'show'; readonly columns: readonly Name[]; readonly span: Span }
  /** The table is what changed between two samples: who runs the question makes it (lib/query/samples.ts). */
  | { readonly kind: 'changes'; readonly since: Atom; readonly span: Span };

export interface Question {
  readonly table: Name;
  readonly stages: readonly Stage[];
}

/** What a user's name stands for (names.ts). */
export type DefinitionBody =
  | { readonly kind: 'condition'; readonly condition: Condition }
  | { readonly kind: 'values'; readonly values: readonly Value[] };

export interface ParsedDefinition {
  readonly name: Name;
  readonly body: DefinitionBody;
}
