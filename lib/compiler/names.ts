/**
 * Names of the user's: `let web = tp_dst in {80, 443}` (a condition) and `let servers = {10.0.0.1, 10.1.0.0/16}` (values), in a
 * file. A question that uses one is expanded right after it is parsed, so that no later pass knows of them; what was put in
 * has the place of the name in the question, and says in errors which line of the file it is from.
 */
import { CtiError } from '../errors.js';
import type { Condition, DefinitionBody, Question, Span, Stage, Value } from './ast.js';
import type { Relation } from './columns.js';
import { questionError } from './diagnostics.js';
import { parseDefinition } from './parse.js';

export interface Definition {
  /** As written; names are the same in any case. */
  readonly name: string;
  /** `let web = ...` as written, without a comment. */
  readonly text: string;
  readonly file: string;
  readonly line: number;
  readonly body: DefinitionBody;
}

/** By the name in lower case. */
export type Names = ReadonlyMap<string, Definition>;
export const NO_NAMES: Names = new Map();

/** A file of more is no file of names. UTF-16 units. */
const MAX_FILE = 1 << 20;

function failAt(code: 'QUERY_SYNTAX' | 'QUERY_NAME', file: string, line: number, message: string): never {
  throw new CtiError(code, `${file}:${line}: ${message}`, { details: { file, line } });
}

/** The definitions' texts: a line that begins with a blank goes on with the one before; # begins a comment. */
function* definitions(text: string, file: string): Generator<{ text: string; line: number }> {
  let open: { text: string; line: number } | undefined;
  for (const [i, written] of text.split(/\r?\n/).entries()) {
    const line = written.replace(/(^|\s)#.*$/, '').trimEnd();
    if (/^\s/.test(line) && open) {
      open.text += `\n${line}`;
      continue;
    }
    if (line === '') continue;
    if (open) yield open;
    if (!/^let\s/i.test(line))
      failAt(
        'QUERY_SYNTAX',
        file,
        i + 1,
        `expected let NAME = CONDITION or let NAME = {VALUE, ...}, received ${JSON.stringify(line.slice(0, 60))}`,
      );
    open = { text: line, line: i + 1 };
  }
  if (open) yield open;
}

function parseOne({ text, line }: { text: string; line: number }, file: string): Definition {
  try {
    const { name, body } = parseDefinition(text);
    return { name: name.text, text, file, line, body };
  } catch (error) {
    if (!(error instanceof CtiError)) throw error;
    const at = error.details as { line?: number } | undefined;
    return failAt('QUERY_SYNTAX', file, line + (at?.line ?? 1) - 1, error.message);
  }
}

/** Every name and unquoted value in a tree. */
function* wordsIn(node: unknown): Generator<string> {
  if (Array.isArray(node)) for (const part of node) yield* wordsIn(part);
  else if (typeof node === 'object' && node !== null) {
    const { kind, field, text, quoted } = node as {
      kind?: string;
      field?: { text: string };
      text?: string;
      quoted?: boolean;
    };
    if (kind === 'bare' && field) yield field.text.toLowerCase();
    if (kind === 'atom' && quoted === false && text !== undefined) yield text.toLowerCase();
    for (const part of Object.values(node)) yield* wordsIn(part);
  }
}

function refuseCycles(names: Names): void {
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const definition = names.get(name);
    if (!definition || done.has(name)) return;
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' -> ');
      failAt('QUERY_NAME', definition.file, definition.line, `${definition.name} is made of itself: ${cycle}`);
    }
    for (const word of wordsIn(definition.body)) visit(word, [...path, name]);
    done.add(name);
  };
  for (const name of names.keys()) visit(name, []);
}

/** Throws QUERY_SYNTAX or QUERY_NAME with file and line. */
export function parseNames(text: string, file: string): Names {
  if (text.length > MAX_FILE) failAt('QUERY_SYNTAX', file, 1, `a file of names has at most ${MAX_FILE} characters`);
  const names = new Map<string, Definition>();
  for (const one of definitions(text, file)) {
    const definition = parseOne(one, file);
    const key = definition.name.toLowerCase();
    const before = names.get(key);
    if (before) failAt('QUERY_NAME', file, one.line, `${definition.name} is there already, in line ${before.line}`);
    names.set(key, definition);
  }
  refuseCycles(names);
  return names;
}

/** The tree with the place of a name's use in every node; where it came from stays what it is. */
function moved<T>(node: T, span: Span, origin: string): T {
  if (Array.isArray(node)) return node.map((part) => moved(part, span, origin)) as T;
  if (typeof node !== 'object' || node === null) return node;
  const entries = Object.entries(node).map(([key, part]) =>
    key === 'span' ? [key, { ...span, origin: (part as Span).origin ?? origin }] : [key, moved(part, span, origin)],
  );
  return Object.fromEntries(entries) as T;
}

class Expander {
  readonly used = new Set<Definition>();

  constructor(
    private readonly source: string,
    private readonly names: Names,
    private readonly relation: Relation,
  ) {}

  private use(text: string, span: Span): Definition | undefined {
    const definition = this.names.get(text.toLowerCase());
    if (definition) this.used.add(definition);
    const { columns, words } = this.relation;
    if (definition && (columns.has(text.toLowerCase()) || Object.hasOwn(words, text.toLowerCase()))) {
      const message = `${text} is a name of ${definition.file}:${definition.line}, and ${this.relation.name} has a field or word of that name: rename yours`;
      throw questionError('QUERY_NAME', this.source, span, message);
    }
    return definition;
  }

  private fail(span: Span, message: string): never {
    throw questionError('QUERY_TYPE', this.source, span, message);
  }

  private place({ name, file, line }: Definition): string {
    return `${name}, ${file}:${line}`;
  }

  condition(condition: Condition): Condition {
    switch (condition.kind) {
      case 'and':
      case 'or':
      case 'covers':
        return { ...condition, terms: condition.terms.map((term) => this.condition(term)) };
      case 'not':
        return { ...condition, term: this.condition(condition.term) };
      case 'bare': {
        const definition = this.use(condition.field.text, condition.field.span);
        if (!definition) return condition;
        const { body } = definition;
        if (body.kind === 'values')
          return this.fail(
            condition.span,
            `${definition.name} is a set of values (${definition.file}:${definition.line}), not a condition: write FIELD in ${definition.name}`,
          );
        return this.condition(moved(body.condition, condition.span, this.place(definition)));
      }
      case 'in':
      case 'within':
        return { ...condition, values: condition.values.flatMap((value) => this.values(value)) };
      case 'compare': {
        const { op, value, field, span } = condition;
        const values = this.values(value);
        if (values.length === 1) return { ...condition, value: values[0]! };
        if (op !== '=' && op !== '!=')
          this.fail(value.span, `${op} takes one value, and this name stands for ${values.length}: use in`);
        return { kind: 'in', field, negated: op === '!=', values, span };
      }
      case 'to': {
        const terms = this.values(condition.port).map((port): Condition => ({ ...condition, port }));
        return terms.length === 1 ? terms[0]! : { kind: 'or', terms, span: condition.span };
      }
      default:
        return condition;
    }
  }

  /** A name of a set is its values; one of a condition means nothing here, so that the word is what it was. */
  private values(value: Value): readonly Value[] {
    if (value.kind === 'range' || value.quoted) return [value];
    const definition = this.names.get(value.text.toLowerCase());
    if (definition?.body.kind !== 'values') return [value];
    this.used.add(definition);
    return moved(definition.body.values, value.span, this.place(definition)).flatMap((part) => this.values(part));
  }

  stage(stage: Stage): Stage {
    return stage.kind === 'where' ? { ...stage, condition: this.condition(stage.condition) } : stage;
  }
}

/** The question with the user's names replaced, and which those were. */
export function expandNames(
  source: string,
  question: Question,
  names: Names,
  relation: Relation,
): { readonly question: Question; readonly used: readonly Definition[] } {
  if (names.size === 0) return { question, used: [] };
  const expander = new Expander(source, names, relation);
  const stages = question.stages.map((stage) => expander.stage(stage));
  return { question: { ...question, stages }, used: [...expander.used] };
}
