/** Every name in a question, whatever stage it is in: for what must be known of a question before its table is read. */
import type { Atom, Name } from './ast.js';
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

/** QUERY_SYNTAX as compileQuestion() has it. */
export function namesUsed(source: string): NamesUsed {
  const question = parseQuestion(source);
  const names: Name[] = [];
  for (const stage of question.stages) collect(stage, names);
  const changes = question.stages.find((stage) => stage.kind === 'changes');
  return { names, since: changes?.since };
}
