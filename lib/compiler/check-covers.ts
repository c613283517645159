/**
 * covers(...): would the flow match a packet for which all of this holds? The fields of a packet are independent, so such a
 * packet exists iff for each field there is a value that fits all that is said of it; then the flow is asked field by field.
 */
import type { Condition, Pasted, Span } from './ast.js';
import type { ConditionChecker } from './check-conditions.js';
import { pastedPort } from './check-pasted.js';
import type { Column, Requirement } from './columns.js';
import { complement, cube, intersect, ones, shifted, union, type ValueSet } from './cubes.js';
import { FALSE, type TruthTable } from './dictionaries.js';
import { both, type Formula } from './formula.js';
import { readPasted } from './pasted.js';

/** What is said of one field so far, in place in the field. */
interface Said {
  readonly column: Column;
  cubes: readonly { readonly value: bigint; readonly mask: bigint }[];
}

class Packet {
  readonly fields = new Map<string, Said>();
  readonly entries: Formula[] = [];

  constructor(
    private readonly checker: ConditionChecker,
    private readonly span: Span,
  ) {}

  add(term: Condition): void {
    switch (term.kind) {
      case 'and':
        for (const part of term.terms) this.add(part);
        return;
      case 'bare':
        this.word(term);
        return;
      case 'pasted':
        this.pasted(term);
        return;
      case 'compare':
      case 'in':
        this.field(term);
        return;
      default:
        this.checker.fail(
          term.span,
          'covers(...) describes one packet: a list of FIELD = VALUE, FIELD in ... and words like tcp',
        );
    }
  }

  private pasted(term: Pasted): void {
    const { source, relation, dictionaries, notes } = this.checker.context;
    const key = readPasted(source, relation, term);
    notes.push(...key.notes);
    for (const part of key.parts) {
      if (part.kind === 'port')
        this.onePort(relation.columns.get('in_port')!, pastedPort(source, dictionaries, part.atom), part.span);
      else if (part.kind === 'untagged') this.require({ column: part.column, cubes: [cube(0n, ones(16))] }, part.span);
      else if (part.column.maskAt === undefined)
        notes.push(`the ${part.column.name} of the pasted flow is not compared: in covers(...) it is a packet`);
      else this.require({ column: part.column, cubes: [part.cube] }, part.span);
    }
  }

  private word(term: Extract<Condition, { kind: 'bare' }>): void {
    // The checker says what is wrong with a name that is no word; one that is only adds what the word requires.
    const word = this.checker.context.relation.words[term.field.text.toLowerCase()];
    if (!word || word.hidden) {
      const column = this.checker.column(term.field);
      this.checker.fail(term.span, `in covers(...) a field needs a value: ${column.name} = ...`);
    }
    this.checker.word(term.field.text.toLowerCase(), term.span);
    for (const { field, in: values } of word.all) {
      const column = this.checker.context.relation.fields.get(field)!;
      const mask = (1n << BigInt(column.width)) - 1n;
      this.require({ column, cubes: values.map((value) => ({ value: BigInt(value), mask })) }, term.span);
    }
  }

  private field(term: Extract<Condition, { kind: 'compare' | 'in' }>): void {
    const column = this.checker.column(term.field);
    if (column.kind === 'port' || column.kind === 'port-number') {
      this.port(column, term);
      return;
    }
    this.checker.needMask(column, term.span, 'covers', `${column.name} outside of covers(...)`);
    for (const requirement of column.requires) this.require(requirement, term.span);
    const { cubes } = shifted(this.valuesOf(column, term), column.shift);
    this.require({ column, cubes }, term.span);
  }

  private valuesOf(column: Column, term: Extract<Condition, { kind: 'compare' | 'in' }>): ValueSet {
    const reader = this.checker.reader(column);
    let set: ValueSet;
    let negated = term.kind === 'in' && term.negated;
    if (term.kind === 'in')
      set = union(
        term.values.map((value) => reader.read(value).set),
        column.width,
      );
    else if (term.op === '=' || term.op === '!=') {
      set = reader.read(term.value).set;
      negated = term.op === '!=';
    } else {
      if (term.value.kind === 'range') this.checker.fail(term.value.span, `${term.op} takes one value`);
      set = reader.side(term.op, term.value)?.set ?? { cubes: [] };
    }
    return negated ? { cubes: complement(set, column.width) } : set;
  }

  private port(column: Column, term: Extract<Condition, { kind: 'compare' | 'in' }>): void {
    const values = term.kind === 'in' ? term.values : [term.value];
    const negated = term.kind === 'in' ? term.negated : term.op === '!=';
    if (negated || (term.kind === 'compare' && term.op !== '=')) {
      this.checker.fail(term.span, `in covers(...) a port is given by = or in {...}`);
    }
    const truth: TruthTable =
      column.kind === 'port'
        ? this.checker.named('port', this.checker.atoms(column, values))
        : this.checker.numbered(
            union(
              values.map((value) => this.checker.reader(column).read(value).set),
              column.width,
            ),
          );
    this.onePort(column, truth, term.span);
  }

  private onePort(column: Column, truth: TruthTable, span: Span): void {
    // A second port is a second packet, unless they have an entry in common.
    const before = this.entries[0];
    if (before?.kind === 'test' && before.test.kind === 'entry') {
      const other = before.test.truth;
      const joint = truth.map((t, id) => (t === FALSE || other[id] === FALSE ? FALSE : Math.max(t, other[id]!)));
      this.entries[0] = this.checker.test({ ...before.test, truth: joint }, before.span);
      if (joint.length > 0 && joint.every((t) => t === FALSE)) this.contradiction(column, span);
    } else this.entries.push(this.checker.test({ kind: 'entry', column, meaning: 'could', truth }, span));
  }

  private require({ column, cubes }: Requirement, span: Span): void {
    const key = `${column.base}+${column.offset}`;
    const said = this.fields.get(key);
    const joint = said ? intersect(said.cubes, cubes) : cubes;
    if (joint.length === 0) this.contradiction(column, span);
    if (said) said.cubes = joint;
    else this.fields.set(key, { column, cubes: joint });
  }

  private contradiction(column: Column, span: Span): never {
    return this.checker.fail(
      span,
      `no packet is like that: this contradicts what covers(...) says of ${column.name} before`,
    );
  }

  formula(): Formula {
    const tests = [...this.fields.values()].map(({ column, cubes }) =>
      this.checker.test(
        { kind: 'match', column, meaning: 'could', set: { cubes }, looks: 0n, requires: [] },
        this.span,
      ),
    );
    return both([...tests, ...this.entries]);
  }
}

export function checkCovers(checker: ConditionChecker, terms: readonly Condition[], span: Span): Formula {
  const packet = new Packet(checker, span);
  for (const term of terms) packet.add(term);
  return packet.formula();
}
