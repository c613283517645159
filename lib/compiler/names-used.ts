/** Every name in a question, whatever stage it is in: for what must be known of a question before its table is read. */
import type { Atom, Name } from './ast.js';
import { type Names, NO_NAMES } from './names.js';
import { parseQuestion } from './parse.js';

export interface NamesUsed {
  readonly names: readonly Name[];
  /** What `changes since` names. */
  readonly since: Atom | undefined;
}

const isName = (node: object): node is Name => 'text' in node && 'span' in node && !('kind' in node);

function collect(node: unknown, names: Name[]): void {
  if (typeof node !== 'object' || node === null) return;
  if (isName(node)) names.push(node);
  else for (const child of Object.values(node)) collect(child, names);
}

/** Names in what the user's names among `used` stand for, at the place where those were used. */
function* behind(used: readonly Name[], own: Names, seen: ReadonlySet<string>): Generator<Name> {
  for (const { text, span } of used) {
    const key = text.toLowerCase();
    const definition = own.get(key);
    if (!definition || seen.has(key)) continue;
    const inside: Name[] = [];
    collect(definition.body, inside);
    const placed = inside.map((name) => ({ ...name, span }));
    yield* placed;
    yield* behind(placed, own, new Set([...seen, key]));
  }
}

/** With those behind the user's own names. QUERY_SYNTAX as compileQuestion() has it. */
export function namesUsed(source: string, own: Names = NO_NAMES): NamesUsed {
  const question = parseQuestion(source);
  const names: Name[] = [];
  for (const stage of question.stages) collect(stage, names);
  const changes = question.stages.find((stage) => stage.kind === 'changes');
  return { names: [...names, ...behind(names, own, new Set())], since: changes?.since };
}
