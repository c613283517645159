/**
 * What the compiler must know of a snapshot: the entries of its small dictionaries. A condition on a port's name, a datapath's
 * name or an action list is decided once an entry here; the program then looks the row's id up in a table of truths. Without
 * a snapshot (`explain` with no switch) there are no entries, and names cannot be checked.
 */
import type { DerivedColumn } from '../derived-column.js';
import type { Atom } from './ast.js';
import { nearest, questionError } from './diagnostics.js';

export interface PortEntry {
  readonly name: string | undefined;
  readonly number: number | undefined;
}

export interface Dictionaries {
  readonly ports: readonly PortEntry[];
  /** Full names (netdev@ovs-netdev); undefined where a saved file does not say. */
  readonly datapaths: readonly (string | undefined)[];
  /** What columns of text say. */
  readonly texts: readonly string[];
  readonly actions: ActionLists;
  /** A derived column of the table, by name; undefined without a snapshot. */
  derived(name: string): DerivedColumn | undefined;
}

export interface ActionLists {
  readonly size: number;
  /** As the switch prints it. */
  text(id: number): string;
  /** Ports it can output to. */
  outPorts(id: number): readonly number[];
  /** Whether it has parts that this version does not know. */
  hasUnknown(id: number): boolean;
  /** The columns it sets, a comma before, between and after; of tables with actions of their own (TableSchema.actions). */
  sets?(id: number): string;
}

/** Truth of a condition for a dictionary entry. */
export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;
export type Truth = typeof FALSE | typeof TRUE | typeof UNKNOWN;

/** One byte an entry; empty without a snapshot. */
export type TruthTable = Uint8Array;

export const truthTable = (n: number, truth: (id: number) => Truth): TruthTable =>
  Uint8Array.from({ length: n }, (_, id) => truth(id));

export type EntryKind = 'port' | 'datapath' | 'text';

const NAMES: Readonly<Record<EntryKind, (d: Dictionaries) => (string | undefined)[]>> = {
  port: ({ ports }) => ports.map(({ name }) => name),
  datapath: ({ datapaths }) => [...datapaths],
  text: ({ texts }) => [...texts],
};

/** `netdev@ovs-netdev` is also called `ovs-netdev`. */
const isCalled = (kind: EntryKind, entry: string, name: string): boolean =>
  entry === name || (kind === 'datapath' && entry.slice(entry.indexOf('@') + 1) === name);

/** Ports of OpenFlow that have no number of a switch's own: a port with a number is none of them. */
const RESERVED_PORTS: ReadonlySet<string> = new Set([
  'IN_PORT',
  'TABLE',
  'NORMAL',
  'FLOOD',
  'ALL',
  'CONTROLLER',
  'LOCAL',
  'ANY',
  'NONE',
  'UNSET',
]);

/**
 * Entries called one of `atoms`. A name of a port or datapath that no entry has is an error, not an empty answer; a text may be any. `numbers`: a
 * port may be called by its number too, as rules of OpenFlow are written.
 */
export function named(
  source: string,
  dictionaries: Dictionaries,
  kind: EntryKind,
  atoms: readonly Atom[],
  numbers = false,
): TruthTable {
  const names = NAMES[kind](dictionaries);
  const known = [...new Set(names.filter((name) => name !== undefined))];
  const complete = !names.includes(undefined);
  for (const atom of atoms) {
    if (known.some((name) => isCalled(kind, name, atom.text))) continue;
    if (kind === 'port' && /^[0-9]+$/.test(atom.text)) {
      if (numbers) continue;
      const message = `ports go by name here: ${atom.text} may be the datapath's number (odp_port = ${atom.text}) or an OpenFlow number, which only its bridge knows (paste what ovs-ofctl --names prints)`;
      throw questionError('QUERY_TYPE', source, atom.span, message, { expected: ['a port name'] });
    }
    // Where some entries have no name, this may be one of theirs: then it is unknown for those, not wrong.
    if (names.length === 0 || !complete || kind === 'text') continue;
    if (numbers && RESERVED_PORTS.has(atom.text)) continue;
    const suggestions = nearest(atom.text, known);
    const some =
      suggestions.length > 0 ? '' : `; there are ${known.slice(0, 8).join(', ')}${known.length > 8 ? ', ...' : ''}`;
    const message = `no ${kind} is called ${JSON.stringify(atom.text)} in this snapshot${some}`;
    throw questionError('QUERY_NAME', source, atom.span, message, { expected: [`a ${kind} name`], suggestions });
  }
  const isOne = (id: number, { text }: Atom): Truth => {
    const entry = names[id];
    const number = numbers ? dictionaries.ports[id]?.number : undefined;
    if (numbers && /^[0-9]+$/.test(text) && entry !== text)
      return number === undefined ? UNKNOWN : number === Number(text) ? TRUE : FALSE;
    if (entry !== undefined) return isCalled(kind, entry, text) ? TRUE : FALSE;
    return number !== undefined && RESERVED_PORTS.has(text) ? FALSE : UNKNOWN;
  };
  return truthTable(names.length, (id) => {
    const truths = atoms.map((atom) => isOne(id, atom));
    return truths.includes(TRUE) ? TRUE : truths.includes(UNKNOWN) ? UNKNOWN : FALSE;
  });
}

/** Ids of dictionary entries in the order of `keys`: rank + 1 for each id, equal keys alike; 0 for an entry without a key. */
export function ranks(keys: readonly (string | number | undefined)[]): Uint32Array {
  const distinct = [...new Set(keys.filter((key) => key !== undefined))];
  distinct.sort((a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : 1));
  const rank = new Map(distinct.map((key, i) => [key, i + 1]));
  return Uint32Array.from(keys, (key) => (key === undefined ? 0 : rank.get(key)!));
}
