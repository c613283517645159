/** Types of the parser that scripts/gen/parser.mjs makes from grammar.peggy. */
export interface Location {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}
export class SyntaxError extends Error {
  readonly expected: readonly unknown[] | null;
  readonly found: string | null;
  readonly location: { readonly start: Location; readonly end: Location };
}
export function parse(input: string, options?: Record<string, unknown>): unknown;
