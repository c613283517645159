/** Third pass, pasted lines of dump-flows (pasted.ts): each field of the key exactly so. */
import type { Atom, Pasted } from './ast.js';
import type { ConditionChecker } from './check-conditions.js';
import { partMask } from './columns.js';
import { cube, ones } from './cubes.js';
import {
  type Dictionaries,
  FALSE,
  named,
  TRUE,
  type Truth,
  type TruthTable,
  truthTable,
  UNKNOWN,
} from './dictionaries.js';
import { both, type Formula } from './formula.js';
import { type PastedPart, readPasted } from './pasted.js';

/** A dump without port names has the datapath's numbers; a port that is called by a number is meant before those. */
export function pastedPort(source: string, dictionaries: Dictionaries, atom: Atom): TruthTable {
  const { ports } = dictionaries;
  const isName = !/^[0-9]+$/.test(atom.text) || ports.some(({ name }) => name === atom.text);
  if (isName) return named(source, dictionaries, 'port', [atom]);
  return truthTable(ports.length, (id): Truth => {
    const { number } = ports[id]!;
    return number === undefined ? UNKNOWN : number === Number(atom.text) ? TRUE : FALSE;
  });
}

function checkPart(checker: ConditionChecker, part: PastedPart): Formula {
  const { source, dictionaries, relation } = checker.context;
  const { span } = part;
  if (part.kind === 'port') {
    const column = relation.columns.get('in_port')!;
    const truth = pastedPort(source, dictionaries, part.atom);
    return checker.test({ kind: 'entry', column, meaning: 'exactly', truth }, span);
  }
  const { column } = part;
  if (part.kind === 'untagged') {
    const set = { cubes: [cube(0n, ones(16))] };
    return checker.test(
      { kind: 'match', column, meaning: 'overlaps', set, looks: partMask(column), requires: [] },
      span,
    );
  }
  const set = { cubes: [part.cube] };
  if (column.maskAt === undefined) return checker.test({ kind: 'value', column, set }, span);
  const { requires } = column;
  return checker.test({ kind: 'match', column, meaning: 'exactly', set, looks: partMask(column), requires }, span);
}

export function checkPasted(checker: ConditionChecker, pasted: Pasted): Formula {
  const { source, relation, notes } = checker.context;
  if (relation.name !== 'dp_flows')
    checker.fail(pasted.span, `a pasted flow is a condition on megaflows (dp_flows), and this is ${relation.name}`);
  const key = readPasted(source, relation, pasted);
  notes.push(...key.notes);
  return both(key.parts.map((part) => checkPart(checker, part)));
}
