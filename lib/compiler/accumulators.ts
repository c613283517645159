/**
 * Where a group keeps what is made of its rows: words of 8 bytes behind its key. A row brings a value of a column to a Feed, which adds
 * it to the words that are kept of that column; aggregates that need the same words share them. The first word counts rows.
 *
 * A value is one number: the column is known, and all of its bits are matched. Rows without one are left out of what is made of the
 * column, and counted (`leftOut`). So is `never` of a sum or an average: it is no duration to add.
 */
import type { CheckedAggregate } from './aggregates.js';
import type { Span } from './ast.js';
import type { Column, Known, Relation } from './columns.js';
import { ENTRY, type GroupKey, keyBytes } from './group-keys.js';

/** Words of a group that one column is added to: bytes from the start of the values. */
export interface Feed {
  readonly column: Column;
  /** Rows of later passes are left out. */
  readonly firstPass: boolean;
  /** `never` has no value. */
  readonly finite: boolean;
  /** What is made of it, as messages have it. */
  readonly texts: string[];
  /** Where each is in the question, for the message of one that overflows. */
  readonly span: Span;
  words: { values?: number; sum?: number; min?: number; max?: number };
}

/** Another table has each of the columns' values of each group once; what is new there counts. */
export interface Distinct {
  readonly keys: readonly GroupKey[];
  /** Of the group's key and these. */
  readonly keySize: number;
  readonly at: number;
  readonly text: string;
}

/** Made when all rows are in: floor(sum * scale / values). */
export interface Average {
  readonly sum: number;
  readonly values: number;
  readonly at: number;
  readonly scale: bigint;
  readonly text: string;
  readonly span: Span;
}

/** Decimals of an average. */
const DECIMALS = 3;
/** Any number of values but none: the group has a value. */
const SOME = (1n << 64n) - 1n;

const canLack = ({ known, maskAt, requires }: Column): boolean =>
  known !== undefined || maskAt !== undefined || requires.length > 0;

export class Accumulators {
  /** What is made of a group's rows, as messages have it. */
  readonly texts: string[] = [];
  readonly feeds: Feed[] = [];
  readonly distincts: Distinct[] = [];
  readonly averages: Average[] = [];
  /** Which passes sums are of, if the table has passes and there is such a sum. */
  passes: 'first' | 'all' | undefined;
  /** Bytes. The first word is the number of rows. */
  size = 8;

  constructor(
    private readonly keySize: number,
    readonly source: Relation,
    readonly span: Span,
  ) {}

  /** The column that later stages see. */
  add(aggregate: CheckedAggregate): Column {
    const { fn, columns, title, text, passes } = aggregate;
    if (passes) this.passes = passes;
    this.texts.push(title === text || fn === 'count' ? title : `${text} as ${title}`);
    if (fn === 'count') return this.number(title, 'rows in the group', 0);
    if (fn === 'distinct') return this.number(title, `different values: ${text}`, this.distinct(columns, text));
    const column = columns[0]!;
    const feed = this.feed(aggregate, column);
    const { words } = feed;
    // A feed that every row has a value for needs no count of values for its sum: no row, no group, but the group without a key.
    const isPartial = fn !== 'sum' || canLack(column) || feed.finite;
    if (isPartial) words.values ??= this.word();
    const known = isPartial && { known: this.known(words.values!) };
    if (fn === 'min' || fn === 'max') {
      words[fn] ??= this.word();
      return { ...this.unmasked(column, title), ...this.place(words[fn]), ...known };
    }
    words.sum ??= this.word();
    if (fn === 'sum') return { ...this.like(column, title, text), ...this.place(words.sum), ...known };
    const scaled = column.kind !== 'duration' && column.decimals === undefined;
    const at = this.word();
    const scale = scaled ? 10n ** BigInt(DECIMALS) : 1n;
    this.averages.push({ sum: words.sum, values: words.values!, at, scale, text, span: aggregate.span });
    return {
      ...this.like(column, title, text),
      ...this.place(at),
      ...known,
      ...(scaled && { decimals: DECIMALS }),
    };
  }

  private word(): number {
    this.size += 8;
    return this.size - 8;
  }

  private feed({ fn, passes, text, span }: CheckedAggregate, column: Column): Feed {
    const firstPass = passes === 'first';
    const finite = column.kind === 'duration' && (fn === 'sum' || fn === 'avg');
    const same = this.feeds.find(
      (feed) => feed.column === column && feed.firstPass === firstPass && feed.finite === finite,
    );
    if (same) {
      if (!same.texts.includes(text)) same.texts.push(text);
      return same;
    }
    const feed: Feed = { column, firstPass, finite, texts: [text], span, words: {} };
    this.feeds.push(feed);
    return feed;
  }

  private distinct(columns: readonly Column[], text: string): number {
    const same = this.distincts.find((distinct) => distinct.text === text);
    if (same) return same.at;
    let at = this.keySize;
    const keys = columns.map((column): GroupKey => {
      const key = { title: column.name, column, at };
      at += keyBytes(column);
      return key;
    });
    this.distincts.push({ keys, keySize: at, at: this.word(), text });
    return this.distincts.at(-1)!.at;
  }

  private place(at: number): Pick<Column, 'base' | 'offset' | 'size' | 'shift' | 'requires'> {
    return { base: ENTRY, offset: this.keySize + at, size: 8, shift: 0, requires: [] };
  }

  private known(at: number): Known {
    return { base: ENTRY, offset: this.keySize + at, size: 8, bit: SOME };
  }

  private number(title: string, doc: string, at: number): Column {
    return { name: title, kind: 'number', doc, width: 64, signed: false, ...this.place(at) };
  }

  /** A value of the column, as one number. */
  private unmasked(column: Column, title: string): Column {
    const { via: _via, maskAt: _maskAt, known: _known, requiresWord: _word, ...plain } = column;
    const shows = column.base === ENTRY ? column.shows : column.name;
    return { ...plain, name: title, ...(shows !== undefined && { shows }) };
  }

  /** An amount of the same unit, of 64 bits. */
  private like(column: Column, title: string, doc: string): Omit<Column, keyof ReturnType<Accumulators['place']>> {
    const isDuration = column.kind === 'duration';
    const shows = column.base === ENTRY ? column.shows : column.name;
    return {
      name: title,
      kind: column.kind,
      doc,
      width: 64,
      signed: false,
      ...(column.unit !== undefined && { unit: column.unit }),
      ...(column.decimals !== undefined && { decimals: column.decimals }),
      ...(isDuration && shows !== undefined && { shows }),
    };
  }
}
