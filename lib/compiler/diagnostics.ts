/** Errors about a question: a sentence, the line, a caret under the character, what was expected, the nearest names. */
import { CtiError } from '../errors.js';
import type { Span } from './ast.js';

export type QuestionErrorCode = 'QUERY_SYNTAX' | 'QUERY_NAME' | 'QUERY_TYPE' | 'QUERY_OVERFLOW';

export interface QuestionErrorDetails {
  /** Where, in UTF-16 units from the start of the question; line and column count from 1. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  readonly length: number;
  readonly expected: readonly string[];
  readonly suggestions: readonly string[];
}

const LINE_WIDTH = 100;

/** What is shown of a question must not drive a terminal: control characters become blanks. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]/gu, ' ');

/** The line of `offset` and a caret under it, cut to the part around it where the line is long. */
function pointAt(source: string, lineStart: number, offset: number, length: number): string {
  const newline = source.indexOf('\n', offset);
  const line = printable(source.slice(lineStart, newline < 0 ? source.length : newline));
  let from = 0;
  if (line.length > LINE_WIDTH)
    from = Math.max(0, Math.min(offset - lineStart - LINE_WIDTH / 2, line.length - LINE_WIDTH));
  const shown = line.slice(from, from + LINE_WIDTH);
  const caretAt = offset - lineStart - from;
  const caret = '^'.padEnd(Math.max(1, Math.min(length, shown.length - caretAt)), '~');
  return `  ${shown}\n  ${' '.repeat(caretAt)}${caret}`;
}

export function questionError(
  code: QuestionErrorCode,
  source: string,
  span: Span,
  message: string,
  more: { expected?: readonly string[]; suggestions?: readonly string[] } = {},
): CtiError {
  const offset = Math.min(span.start, source.length);
  const lineStart = source.lastIndexOf('\n', offset - 1) + 1;
  const suggestions = more.suggestions ?? [];
  const details: QuestionErrorDetails = {
    offset,
    line: source.slice(0, lineStart).split('\n').length,
    column: offset - lineStart + 1,
    length: Math.max(0, span.end - span.start),
    expected: more.expected ?? [],
    suggestions,
  };
  const hint = suggestions.length === 0 ? '' : `; did you mean ${suggestions.join(' or ')}?`;
  const from = span.origin === undefined ? '' : ` (in ${span.origin})`;
  const place = source === '' ? '' : `\n${pointAt(source, lineStart, offset, details.length)}`;
  return new CtiError(code, `${printable(`${message}${from}${hint}`)}${place}`, { details: { ...details } });
}

/** Optimal string alignment distance (insert, delete, replace, swap neighbours); stops caring above `limit`. */
function distance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      let d = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) d = Math.min(d, before[j - 2]! + 1);
      row.push(d);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** Up to three of `names` that `wrong` may have meant: those that are nearest. */
export function nearest(wrong: string, names: Iterable<string>): string[] {
  const typed = wrong.slice(0, 64).toLowerCase();
  const limit = typed.length <= 3 ? 1 : typed.length <= 6 ? 2 : 3;
  const found: { name: string; d: number }[] = [];
  for (const name of names) {
    const d = distance(typed, name.toLowerCase(), limit);
    if (d <= limit) found.push({ name, d });
  }
  found.sort((a, b) => a.d - b.d || a.name.localeCompare(b.name));
  return found
    .filter(({ d }) => d === found[0]!.d)
    .slice(0, 3)
    .map(({ name }) => name);
}
