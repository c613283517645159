/** Third pass, conditions: names and types are checked, values become exact sets, each meaning its tests. */
import { ACTIONS, SETTABLE, setsField } from './actions.js';
import type { Atom, Condition, FieldCondition, Name, Pattern, Span, Value } from './ast.js';
import { checkCovers } from './check-covers.js';
import { bareDerived, checkDerived } from './check-derived.js';
import { checkPasted } from './check-pasted.js';
import { type Column, namesOf, partMask, type Relation, requirementsOf, resolve } from './columns.js';
import { complement, fromIntervals, intervalOf, shifted, TooManyCubes, union, type ValueSet } from './cubes.js';
import { nearest, questionError } from './diagnostics.js';
import {
  type Dictionaries,
  type EntryKind,
  FALSE,
  named,
  TRUE,
  type Truth,
  type TruthTable,
  truthTable,
  UNKNOWN,
} from './dictionaries.js';
import { elsewhere, isRuleData } from './elsewhere.js';
import { both, either, type Formula, negate, type Test } from './formula.js';
import { type Element, EXPECTED, ValueReader } from './values.js';

export interface CheckContext {
  readonly source: string;
  readonly relation: Relation;
  readonly dictionaries: Dictionaries;
  /** What the answer must say about the question: parts of it that were not asked, and what no row can have. */
  readonly notes: string[];
}

const inverted = (truth: TruthTable): TruthTable =>
  truth.map((t) => (t === UNKNOWN ? UNKNOWN : t === TRUE ? FALSE : TRUE));

export class ConditionChecker {
  constructor(readonly context: CheckContext) {}

  check(condition: Condition): Formula {
    try {
      return this.condition(condition);
    } catch (error) {
      if (!(error instanceof TooManyCubes)) throw error;
      const message = 'this has no exact answer within reasonable work: write fewer values with masks, or use ranges';
      return this.fail(condition.span, message);
    }
  }

  private condition(condition: Condition): Formula {
    switch (condition.kind) {
      case 'and':
        return { kind: 'and', terms: this.withoutRule(condition.terms).map((term) => this.check(term)) };
      case 'or':
        return { kind: 'or', terms: condition.terms.map((term) => this.check(term)) };
      case 'pasted':
        return checkPasted(this, condition);
      case 'rule-actions':
        return this.test({ kind: 'constant', value: true }, condition.span);
      case 'not':
        return negate(this.check(condition.term));
      case 'covers':
        return checkCovers(this, condition.terms, condition.span);
      case 'does':
        return this.does(condition.action, condition.span);
      case 'to':
        return this.to(condition.port, condition.span);
      case 'bare':
        return this.bare(condition.field, condition.span);
      case 'sets':
        return this.sets(condition.field, condition.span);
      default:
        return this.field(condition);
    }
  }

  /** Of a pasted line of ovs-ofctl dump-flows, the match. */
  private withoutRule(terms: readonly Condition[]): readonly Condition[] {
    if (!terms.some(({ kind }) => kind === 'rule-actions')) return terms;
    this.context.notes.push(
      'of the pasted rule only its match is asked for: table, priority, counters and actions are not compared',
    );
    return terms.filter((term) => {
      const isField = term.kind === 'bare' || (term.kind === 'compare' && term.op === '=');
      return !isField || !isRuleData(term.field.text.toLowerCase());
    });
  }

  private field(condition: Exclude<FieldCondition, { kind: 'bare' | 'sets' }>): Formula {
    const column = this.column(condition.field);
    if (column.derived) return checkDerived(this, column, condition);
    switch (condition.kind) {
      case 'has':
        return this.has(column, condition.span);
      case 'unknown':
        return negate(this.known(column, condition.span), !condition.negated);
      case 'matches':
        return negate(this.matches(column, condition.pattern, condition.span), condition.negated);
      case 'compare': {
        const { op, value, span } = condition;
        if (op === '=' || op === '!=') return this.equals(column, [value], op === '!=', span);
        return this.ordered(column, op, value, span);
      }
      case 'in':
        return this.equals(column, condition.values, condition.negated, condition.span);
      case 'within':
        return negate(this.within(column, condition.values, condition.span), condition.negated);
      case 'exactly':
        return this.exactly(column, condition.value, condition.span);
    }
  }

  /** A column that can stand in a condition. */
  column(name: Name): Column {
    const column = resolve(this.context.source, this.context.relation, name, this.context.notes);
    if (column.kind === 'row') this.fail(name.span, `${column.name} is ${column.doc}: it can be shown, not compared`);
    return column;
  }

  reader(column: Column): ValueReader {
    return new ValueReader(this.context.source, column);
  }

  private ordered(column: Column, op: '<' | '<=' | '>' | '>=', value: Value, span: Span): Formula {
    if (value.kind === 'range')
      this.fail(value.span, `${op} takes one value: for a range write ${column.name} in LO..HI`);
    if (column.kind === 'port' || column.kind === 'datapath' || column.kind === 'actions' || column.kind === 'text') {
      const numbers = this.context.relation.columns.has('ofp_port') ? 'ofp_port' : 'odp_port';
      const instead = column.kind === 'port' ? ` (their numbers have: ${numbers})` : '';
      this.fail(span, `${column.name} has no order, so ${op} means nothing there${instead}: use = or matches`);
    }
    const element = this.reader(column).side(op, value);
    return element
      ? this.elements(column, [element], false, span)
      : this.test({ kind: 'constant', value: false }, span);
  }

  /** `=` and `in`; negated `!=` and `not in`. */
  private equals(column: Column, values: readonly Value[], negated: boolean, span: Span): Formula {
    if (column.kind === 'port' || column.kind === 'datapath' || column.kind === 'text') {
      const truth = this.named(column.kind, this.atoms(column, values));
      return this.entry(column, truth, negated, span);
    }
    if (column.kind === 'actions') {
      this.fail(
        span,
        'an action list is not compared as a whole: use does ACTION, to PORT, sets FIELD or actions matches /.../',
      );
    }
    return this.elements(
      column,
      values.map((value) => this.reader(column).read(value)),
      negated,
      span,
    );
  }

  /** Entries of a dictionary by name; ports of OpenFlow by number too. */
  named(kind: EntryKind, atoms: readonly Atom[]): TruthTable {
    const { source, dictionaries, relation } = this.context;
    return named(source, dictionaries, kind, atoms, relation.columns.has('ofp_port'));
  }

  atoms(column: Column, values: readonly Value[]): Atom[] {
    return values.map((value) => {
      if (value.kind === 'range')
        return this.fail(value.span, `${column.name} has no order, so a range means nothing there`);
      return value;
    });
  }

  private elements(column: Column, elements: readonly Element[], negated: boolean, span: Span): Formula {
    if (column.kind === 'port-number') {
      return this.entry(
        column,
        this.numbered(
          union(
            elements.map(({ set }) => set),
            column.width,
          ),
        ),
        negated,
        span,
      );
    }
    const place = (set: ValueSet): ValueSet => shifted(set, column.shift);
    if (column.maskAt === undefined) {
      const set = place(
        union(
          elements.map((element) => element.set),
          column.width,
        ),
      );
      return negate(this.test({ kind: 'value', column, set }, span), negated);
    }
    // Values that ask about different bits are different questions about what the flow looks at.
    const groups = new Map<bigint, ValueSet[]>();
    for (const { set, looks } of elements) groups.set(looks, [...(groups.get(looks) ?? []), set]);
    const tests = [...groups].map(([looks, sets]) =>
      this.test(
        {
          kind: 'match',
          column,
          meaning: negated ? 'disjoint' : 'overlaps',
          set: place(union(sets, column.width)),
          looks: looks << BigInt(column.shift),
          requires: column.requires,
        },
        span,
      ),
    );
    return negated ? both(tests) : either(tests);
  }

  /** Ports by their number. */
  numbered(set: ValueSet): TruthTable {
    const { ports } = this.context.dictionaries;
    return truthTable(ports.length, (id): Truth => {
      const number = ports[id]!.number;
      if (number === undefined) return UNKNOWN;
      return set.intervals!.some(({ lo, hi }) => BigInt(number) >= lo && BigInt(number) <= hi) ? TRUE : FALSE;
    });
  }

  private entry(column: Column, truth: TruthTable, negated: boolean, span: Span): Formula {
    const masked = column.maskAt !== undefined;
    if (masked) return this.test({ kind: 'entry', column, meaning: negated ? 'disjoint' : 'overlaps', truth }, span);
    return this.test({ kind: 'entry', column, meaning: 'could', truth: negated ? inverted(truth) : truth }, span);
  }

  private within(column: Column, values: readonly Value[], span: Span): Formula {
    if (column.kind === 'port' || column.kind === 'port-number') {
      this.fail(
        span,
        `within is for fields with values in between: write ${column.name} = ... or ${column.name} in {...}`,
      );
    }
    this.needMask(column, span, 'within', `${column.name} in ...`);
    const set = union(
      values.map((value) => this.reader(column).read(value).set),
      column.width,
    );
    const whole = (of: Column, s: ValueSet): Formula => {
      const outside = shifted({ cubes: complement(s, of.width) }, of.shift).cubes;
      return this.test(
        {
          kind: 'match',
          column: of,
          meaning: 'within',
          set: shifted(s, of.shift),
          outside,
          looks: partMask(of),
          requires: [],
        },
        span,
      );
    };
    // All that the flow matches has the field at all, and there a value in the set.
    return both([
      whole(column, set),
      ...column.requires.map(({ column: of, cubes }) => whole({ ...of, shift: 0 }, { cubes })),
    ]);
  }

  exactly(column: Column, value: Value, span: Span): Formula {
    if (column.kind === 'port') {
      const truth = this.named('port', this.atoms(column, [value]));
      return this.test({ kind: 'entry', column, meaning: 'exactly', truth }, span);
    }
    this.needMask(column, span, 'exactly', `${column.name} = ...`);
    const { set } = this.reader(column).read(value);
    if (column.kind === 'port-number') {
      return this.test({ kind: 'entry', column, meaning: 'exactly', truth: this.numbered(set) }, span);
    }
    if (set.cubes.length !== 1)
      this.fail(value.span, 'exactly takes one value, a prefix or VALUE/MASK: a flow has one value and one mask');
    return this.test(
      {
        kind: 'match',
        column,
        meaning: 'exactly',
        set: shifted(set, column.shift),
        looks: partMask(column),
        requires: column.requires,
      },
      span,
    );
  }

  private has(column: Column, span: Span): Formula {
    if (column.kind === 'port' || column.kind === 'port-number' || column.maskAt !== undefined) {
      return this.test(
        {
          kind: 'match',
          column,
          meaning: 'looks',
          set: { cubes: [] },
          looks: partMask(column),
          requires: column.requires,
        },
        span,
      );
    }
    return column.known
      ? this.test({ kind: 'known', column }, span)
      : this.test({ kind: 'constant', value: true }, span);
  }

  private known(column: Column, span: Span): Formula {
    const { ports, datapaths } = this.context.dictionaries;
    const unknownIf = (n: number, missing: (id: number) => boolean): TruthTable =>
      truthTable(n, (id) => (missing(id) ? FALSE : TRUE));
    const entry = (truth: TruthTable): Formula => this.test({ kind: 'entry', column, meaning: 'could', truth }, span);
    if (column.kind === 'port') return entry(unknownIf(ports.length, (id) => ports[id]!.name === undefined));
    if (column.kind === 'port-number') return entry(unknownIf(ports.length, (id) => ports[id]!.number === undefined));
    if (column.kind === 'datapath') return entry(unknownIf(datapaths.length, (id) => datapaths[id] === undefined));
    if (column.known) return this.test({ kind: 'known', column }, span);
    if (column.maskAt !== undefined) {
      this.fail(
        span,
        `a match is never unknown; for flows that do not look at ${column.name} write not has ${column.name}`,
      );
    }
    return this.fail(span, `${column.name} is never unknown: every row has it`);
  }

  private matches(column: Column, pattern: Pattern, span: Span): Formula {
    const { dictionaries } = this.context;
    const regex = this.regex(pattern);
    const truth = (names: readonly (string | undefined)[]): TruthTable =>
      truthTable(names.length, (id): Truth => {
        const name = names[id];
        return name === undefined ? UNKNOWN : regex.test(name) ? TRUE : FALSE;
      });
    switch (column.kind) {
      case 'port':
        return this.entry(column, truth(dictionaries.ports.map(({ name }) => name)), false, span);
      case 'datapath':
        return this.entry(column, truth(dictionaries.datapaths), false, span);
      case 'text':
        return this.entry(column, truth(dictionaries.texts), false, span);
      case 'actions': {
        const { actions } = dictionaries;
        return this.entry(
          column,
          truthTable(actions.size, (id) => (regex.test(actions.text(id)) ? TRUE : FALSE)),
          false,
          span,
        );
      }
      default:
        return this.fail(
          span,
          `matches is for text${this.textColumns()}; ${column.name} is compared with ${EXPECTED[column.kind]}`,
        );
    }
  }

  regex(pattern: Pattern): RegExp {
    try {
      return new RegExp(pattern.source, pattern.flags);
    } catch (error) {
      const reason = (error as Error).message.replace(/^.*: /, '');
      const message = `this is not a pattern (a JavaScript regular expression): ${reason}`;
      throw questionError('QUERY_SYNTAX', this.context.source, pattern.span, message);
    }
  }

  private does(action: Name, span: Span): Formula {
    const known = this.actionBits();
    const attrs = Object.hasOwn(known, action.text.toLowerCase()) ? known[action.text.toLowerCase()] : undefined;
    if (!attrs) {
      const names = Object.keys(known);
      const suggestions = nearest(action.text, names);
      throw questionError(
        'QUERY_NAME',
        this.context.source,
        action.span,
        `there is no action called ${JSON.stringify(action.text)}${suggestions.length > 0 ? '' : `; there are ${names.join(', ')}`}`,
        { expected: names, suggestions },
      );
    }
    const bits = attrs.reduce((all, attr) => all | (1n << BigInt(attr)), 0n);
    const orNothing = action.text.toLowerCase() === 'drop';
    return this.test({ kind: 'does', column: this.actionsColumn(span), bits, orNothing }, span);
  }

  /** Names of `does`, and the bits of action_lists.does of each. */
  private actionBits(): Readonly<Record<string, readonly number[]>> {
    const { actions } = this.context.relation;
    return actions ? Object.fromEntries(Object.entries(actions).map(([name, bit]) => [name, [bit]])) : ACTIONS;
  }

  private to(port: Value, span: Span): Formula {
    // out_port, of the table's lists or of those that count by left.
    const derived = { name: 'out_port', type: 'port', set: true, index: 'actions' } as const;
    const column: Column = { ...this.actionsColumn(span), name: 'to', kind: 'derived', derived };
    if (port.kind === 'range') this.fail(port.span, 'to takes the name of one port');
    if (!this.context.relation.actions)
      return checkDerived(this, column, { kind: 'compare', field: { text: 'to', span }, op: '=', value: port, span });
    const { actions } = this.context.dictionaries;
    const wanted = this.named('port', [port as Atom]);
    const truth = truthTable(actions.size, (id): Truth => {
      // A port that stands in a register, known when a packet comes, has no entry.
      const outs = actions.outPorts(id).map((out) => wanted[out] ?? UNKNOWN);
      if (outs.includes(TRUE)) return TRUE;
      return outs.includes(UNKNOWN) || actions.hasUnknown(id) ? UNKNOWN : FALSE;
    });
    return this.entry(this.actionsColumn(span), truth, false, span);
  }

  private sets(field: Name, span: Span): Formula {
    const actionsColumn = this.actionsColumn(span);
    const column = this.column(field);
    if (this.context.relation.actions) return this.setsOfRules(actionsColumn, column, span);
    if (!SETTABLE.includes(column.name)) {
      const message = `sets is for fields a set action can change: ${SETTABLE.join(', ')}`;
      throw questionError('QUERY_TYPE', this.context.source, field.span, message, { expected: SETTABLE });
    }
    const { actions } = this.context.dictionaries;
    return this.entry(
      actionsColumn,
      truthTable(actions.size, (id) => setsField(actions, id, column.name)),
      false,
      span,
    );
  }

  /** Of tables with actions of their own: the list says which columns it sets. */
  private setsOfRules(actionsColumn: Column, column: Column, span: Span): Formula {
    if (column.maskAt === undefined)
      this.fail(span, `sets is for fields that a rule matches; ${column.name} is not one`);
    const { actions } = this.context.dictionaries;
    const truth = truthTable(actions.size, (id): Truth => {
      if (actions.sets?.(id).includes(`,${column.name},`)) return TRUE;
      return actions.hasUnknown(id) ? UNKNOWN : FALSE;
    });
    return this.entry(actionsColumn, truth, false, span);
  }

  private actionsColumn(span: Span): Column {
    const column = this.context.relation.columns.get('actions');
    if (column) return column;
    const { relation } = this.context;
    const grouped = relation.fields.size === 0;
    const why = grouped ? 'there are no actions after count by: put this condition before it' : '';
    return this.fail(span, why || `${relation.name} has no actions: this is a condition on megaflows (dp_flows)`);
  }

  /** " (dp, actions, in_port)": the columns that `matches` takes, by their shortest names. */
  private textColumns(): string {
    const shortest = new Map<Column, string>();
    for (const [name, column] of this.context.relation.columns) {
      const isText = ['port', 'datapath', 'actions', 'text'].includes(column.kind);
      if (isText && name.length < (shortest.get(column)?.length ?? Number.POSITIVE_INFINITY))
        shortest.set(column, name);
    }
    return shortest.size > 0 ? ` (${[...shortest.values()].join(', ')})` : '';
  }

  /** A name alone: a word for a kind of packet, or a column of yes and no. */
  private bare(name: Name, span: Span): Formula {
    const { relation, source } = this.context;
    const text = name.text.toLowerCase();
    const word = Object.hasOwn(relation.words, text) ? relation.words[text] : undefined;
    if (word && !word.hidden && relation.fields.size > 0) return this.word(text, span);
    if (!relation.columns.has(text)) {
      if (relation.name === 'dp_flows' && !Object.hasOwn(ACTIONS, text) && elsewhere(text) !== undefined)
        this.column(name);
      const words = Object.entries(relation.words).filter(([, { hidden }]) => !hidden && relation.fields.size > 0);
      const names = [...relation.columns.keys(), ...words.map(([w]) => w)];
      const suggestions = Object.hasOwn(ACTIONS, text) ? [`does ${text}`] : nearest(name.text, names);
      const where = suggestions.length > 0 ? '' : namesOf(relation);
      const message = `${relation.name} has no field or word called ${JSON.stringify(name.text)}${where}`;
      throw questionError('QUERY_NAME', source, name.span, message, { expected: ['a field', 'a word'], suggestions });
    }
    const column = this.column(name);
    const no = column.kind === 'enum' || column.derived?.type === 'enum' ? column.values?.no : undefined;
    if (no === undefined) {
      const also = column.maskAt === undefined ? '' : `, or has ${name.text} for flows that look at it`;
      this.fail(
        span,
        `${name.text} is not a condition by itself: expected a comparison, for example ${name.text} = ...${also}`,
      );
    }
    const atom: Atom = { kind: 'atom', text: 'no', quoted: false, span: name.span };
    if (column.derived) return bareDerived(this, column, atom, span);
    return this.equals(column, [atom], true, span);
  }

  word(word: string, span: Span): Formula {
    return both(
      requirementsOf(this.context.relation, word).map(({ column, cubes }) => {
        const { width } = column;
        const set = fromIntervals(
          cubes.map((cube) => intervalOf(cube, width)!),
          width,
        );
        return this.test(
          { kind: 'match', column, meaning: 'overlaps', set, looks: partMask(column), requires: [] },
          span,
        );
      }),
    );
  }

  needMask(column: Column, span: Span, what: string, instead: string): void {
    if (column.maskAt !== undefined) return;
    this.fail(
      span,
      `${what} is about what a flow matches, and ${column.name} is not part of the match: write ${instead}`,
    );
  }

  test(test: Test, span: Span): Formula {
    return { kind: 'test', test, span };
  }

  fail(span: Span, message: string): never {
    throw questionError('QUERY_TYPE', this.context.source, span, message);
  }
}
