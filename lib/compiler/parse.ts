/** First pass: text -> syntax tree, or QUERY_SYNTAX. The grammar is grammar.peggy. */
import type { Condition, ParsedDefinition, Question, Span } from './ast.js';
import { nearest, questionError } from './diagnostics.js';
import { SyntaxError as PeggyError, parse as peggyParse } from './generated/parser.js';

/** Longer questions are refused: nobody types them, and passes then need no other bound. UTF-16 units. */
export const MAX_LENGTH = 65_536;
/** Parentheses in one another. Bounds the recursion of every pass. */
export const MAX_DEPTH = 200;

const OPENERS: Readonly<Record<string, { close: string; what: string }>> = {
  '(': { close: ')', what: 'parenthesis' },
  '{': { close: '}', what: 'brace' },
};

/** Quotes, patterns and brackets that are opened and not closed, told at the opening character; and nesting depth. */
function checkBalance(source: string): void {
  const open: { at: number; close: string; what: string }[] = [];
  const fail = (at: number, message: string): never => {
    throw questionError('QUERY_SYNTAX', source, { start: at, end: at + 1 }, message);
  };
  for (let i = 0; i < source.length; i++) {
    const c = source[i]!;
    if (c === '"' || c === "'") {
      const start = i++;
      while (i < source.length && source[i] !== c) i += source[i] === '\\' ? 2 : 1;
      if (i >= source.length) fail(start, `this quote is not closed: expected another ${c} after the text`);
    } else if (c === '/' && /\bmatches\s*$/i.test(source.slice(Math.max(0, i - 40), i))) {
      const start = i++;
      while (i < source.length && source[i] !== '/' && source[i] !== '\n') i += source[i] === '\\' ? 2 : 1;
      if (source[i] !== '/') fail(start, 'this pattern is not closed: expected another / after it');
    } else if (OPENERS[c]) {
      open.push({ at: i, ...OPENERS[c] });
      if (open.length > MAX_DEPTH) fail(i, `more than ${MAX_DEPTH} parentheses in one another`);
    } else if (c === ')' || c === '}') {
      const last = open.pop();
      if (last === undefined) fail(i, `nothing is open that this ${c} could close`);
      else if (last.close !== c) fail(last.at, `this ${last.what} is closed by ${c}: expected ${last.close}`);
    }
  }
  const last = open.pop();
  if (last) fail(last.at, `this ${last.what} is not closed: expected ${last.close}`);
}

const isWord = (text: string): boolean => /^[a-z]+$/.test(text);

/** peggy's expectation as words for people. */
function describe(expectation: { type: string; text?: string; description?: string }): string | undefined {
  if (expectation.type === 'literal') return expectation.text;
  if (expectation.type === 'end') return 'the end of the question';
  if (expectation.description === 'a blank') return undefined;
  return expectation.description;
}

/** Signs are quoted, so that they cannot be taken for the sentence's own; so is `or`, which the sentence needs itself. */
const quoted = (text: string): string => (text === 'or' || /^[^A-Za-z0-9]+$/.test(text) ? `"${text}"` : text);

function oneOf(expected: readonly string[]): string {
  const words = expected.map(quoted);
  return words.length <= 1 ? (words[0] ?? 'something else') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** What a stage is called in SQL, in a shell or elsewhere, and here. */
const STAGES_ELSEWHERE: Readonly<Record<string, string>> = {
  filter: 'where',
  group: 'count by',
  grep: 'where',
  head: 'limit',
  order: 'sort',
  project: 'show',
  select: 'show',
  take: 'limit',
  uniq: 'distinct',
};

function syntaxError(source: string, error: PeggyError): Error {
  const start = error.location.start.offset;
  const word = /^(?:[A-Za-z0-9_.]+|\S?)/u.exec(source.slice(start, start + 100))?.[0] ?? '';
  const span: Span = { start, end: start + word.length };
  const described = (error.expected ?? []).map((e) => describe(e as Parameters<typeof describe>[0]));
  const named = new Set(described.filter((text) => text !== undefined));
  // The other spellings of a word that is offered say nothing more.
  if (named.has('and')) for (const sign of ['&&', ',']) named.delete(sign);
  if (named.has('or')) named.delete('||');
  const expected = [...named].sort();
  const received = word === '' ? 'the end of the question' : `"${word}"`;
  const elsewhere = named.has('where') ? STAGES_ELSEWHERE[word.toLowerCase()] : undefined;
  // Behind the first word: no table, but a condition, as flows takes it; or a table, and no sign before its stage.
  const isSecond = named.has('|') && /^\s*[A-Za-z_][A-Za-z0-9_.]*\s*$/.test(source.slice(0, start));
  const hint = isSecond ? '; a question is a table, and stages that begin with |: dp_flows | where tcp | limit 5' : '';
  return questionError('QUERY_SYNTAX', source, span, `expected ${oneOf(expected)}, received ${received}${hint}`, {
    expected,
    suggestions:
      elsewhere === undefined
        ? nearest(word, expected.filter(isWord)).filter((name) => name !== word.toLowerCase())
        : [elsewhere],
  });
}

function parseAs<T>(source: string, startRule: 'Question' | 'ConditionOnly' | 'DefinitionOnly'): T {
  if (source.length > MAX_LENGTH) {
    const at = { start: MAX_LENGTH, end: MAX_LENGTH + 1 };
    throw questionError('QUERY_SYNTAX', source, at, `a question has at most ${MAX_LENGTH} characters`);
  }
  if (source.trim() === '' && startRule === 'Question') {
    const message = 'the question is empty: expected a table and stages, for example dp_flows | where tcp | count';
    throw questionError('QUERY_SYNTAX', '', { start: 0, end: 0 }, message, { expected: ['a table'] });
  }
  checkBalance(source);
  try {
    return peggyParse(source, { startRule }) as T;
  } catch (error) {
    if (!(error instanceof PeggyError)) throw error;
    const at = error.location.start.offset;
    if (startRule !== 'ConditionOnly' || source[at] !== '|') throw syntaxError(source, error);
    const message =
      "this is a condition, and | begins a stage: ask query (or watch, live) 'dp_flows | where CONDITION | STAGE'";
    throw questionError('QUERY_SYNTAX', source, { start: at, end: at + 1 }, message, {
      expected: ['the end of the condition'],
    });
  }
}

export const parseQuestion = (source: string): Question => parseAs<Question>(source, 'Question');

/** `ctinspector flows CONDITION`: the condition of `dp_flows | where CONDITION`, with offsets in `source`. */
export const parseCondition = (source: string): Condition => parseAs<Condition>(source, 'ConditionOnly');

/** `let NAME = ...`, a line of a file of names. */
export const parseDefinition = (source: string): ParsedDefinition =>
  parseAs<ParsedDefinition>(source, 'DefinitionOnly');
