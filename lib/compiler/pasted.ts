/**
 * A pasted line of dpctl/dump-flows as a condition: the part before `, packets:` is the flow's key, and each field of it is asked
 * for as `exactly` asks: this value under this mask. Fields that the text does not have are free. Inside covers(...) it is a
 * packet instead. What of the text is not compared is told in a note, never passed over.
 */
import type { Atom, Pasted, Span } from './ast.js';
import type { Column, Relation } from './columns.js';
import { type Cube, cube, ones } from './cubes.js';
import { nearest, questionError } from './diagnostics.js';
import { PACKED, SINGLE, STRUCTS } from './pasted-keys.js';
import { ValueReader } from './values.js';

/** One field of the key. */
export type PastedPart =
  | { readonly kind: 'field'; readonly column: Column; readonly cube: Cube; readonly span: Span }
  /** By name or, where the dump has numbers, by the datapath's number. */
  | { readonly kind: 'port'; readonly atom: Atom; readonly span: Span }
  /** A key without vlan(...) is of untagged packets. */
  | { readonly kind: 'untagged'; readonly column: Column; readonly span: Span };

export interface PastedKey {
  readonly parts: readonly PastedPart[];
  readonly notes: readonly string[];
}

/** A name, or name(inside), at the place where it stands in the question. */
interface Item {
  readonly text: string;
  readonly name: string;
  readonly inside: string | undefined;
  /** Of the inside, or of the text. */
  readonly at: number;
}

/** Items with commas between; parentheses and braces are balanced (parse.ts). */
function items(text: string, start: number): Item[] {
  const found: Item[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === '(' || c === '{') depth++;
    else if (c === ')' || c === '}') depth--;
    if (i < text.length && (c !== ',' || depth > 0)) continue;
    const part = text.slice(from, i);
    const blanks = part.length - part.trimStart().length;
    const item = part.trim();
    if (item !== '') {
      const [, name, inside] = /^([^({]*)\((.*)\)$/s.exec(item) ?? [undefined, item, undefined];
      const at = start + from + blanks + (inside === undefined ? 0 : name!.length + 1);
      found.push({ text: item, name: name!.trim(), inside, at });
    }
    from = i + 1;
  }
  return found;
}

const CFI = 0x1000n;
const OTHER_KEYS = ['eth_type', 'in_port', 'encap'];

class KeyReader {
  readonly parts: PastedPart[] = [];
  readonly notes: string[] = [];

  constructor(
    private readonly source: string,
    private readonly relation: Relation,
    /** Where a user's name stands that the key came from. */
    private readonly use: Span | undefined,
  ) {}

  private spanOf(text: string, at: number): Span {
    return this.use ?? { start: at, end: at + text.length };
  }

  private atomOf(text: string, at: number): Atom {
    return { kind: 'atom', text, quoted: false, span: this.spanOf(text, at) };
  }

  level(text: string, at: number, depth: number): void {
    const all = items(text, at);
    const tagged = all.some(({ name }) => name === 'vlan' || name === 'encap');
    for (const item of all) this.item(item, depth, tagged);
    const ethType = all.find(({ name }) => name === 'eth_type');
    if (depth === 0 && !tagged && ethType) {
      const span = this.spanOf(ethType.inside!, ethType.at);
      this.parts.push({ kind: 'untagged', column: this.relation.fields.get('vlan_tci')!, span });
    }
  }

  private item(item: Item, depth: number, tagged: boolean): void {
    const { name, inside, at } = item;
    const tag = depth === 0 ? 'vlan' : 'vlan2';
    if (name.startsWith('ufid:')) this.field('ufid', name, at);
    else if (inside === undefined) this.skip(item);
    else if (name === 'encap' && depth < 2) this.level(inside, at, depth + 1);
    else if (name === 'eth_type') this.field(tagged ? `${tag}_tpid` : 'eth_type', inside, at, depth > 1 && tagged);
    else if (name === 'in_port')
      this.parts.push({ kind: 'port', atom: this.atomOf(inside, at), span: this.spanOf(inside, at) });
    else if (name === 'vlan') this.packed(item, `${tag}_tci`, CFI);
    else if (name === 'mpls') this.mpls(item);
    else if (name === 'packet_type') this.packed(item, 'packet_type', 0n);
    else if (Object.hasOwn(SINGLE, name)) this.field(SINGLE[name]!, inside, at);
    else if (Object.hasOwn(STRUCTS, name)) this.struct(item, STRUCTS[name]!);
    else if (/^key[0-9]+$/.test(name)) this.skip(item);
    else this.noSuchKey(item);
  }

  private noSuchKey({ name, at }: Item): never {
    const keys = [...Object.keys(SINGLE), ...Object.keys(STRUCTS), ...Object.keys(PACKED), ...OTHER_KEYS];
    const suggestions = nearest(name, [...keys, 'covers']);
    const message = `dump-flows prints no key called ${JSON.stringify(name)}${suggestions.length > 0 ? '' : `; the keys are ${keys.join(', ')}`}`;
    const span = this.spanOf(name, at - name.length - 1);
    throw questionError('QUERY_NAME', this.source, span, message, { expected: keys, suggestions });
  }

  private struct({ inside, at }: Item, fields: Readonly<Record<string, string>>): void {
    for (const part of items(inside!, at)) {
      const equals = part.text.indexOf('=');
      const name = part.text.slice(0, equals);
      if (part.inside !== undefined) this.option(part);
      else if (equals > 0 && Object.hasOwn(fields, name))
        this.field(fields[name]!, part.text.slice(equals + 1), part.at + equals + 1);
      else this.skip(part);
    }
  }

  /** name(...) inside of tunnel(...). */
  private option(part: Item): void {
    const { name, inside, at } = part;
    if (name === 'flags') this.field('tun_flags', inside!, at);
    else if (name === 'vxlan') for (const gbp of items(inside!, at)) this.struct(gbp, STRUCTS.gbp!);
    else if (name === 'erspan' || name === 'gtpu') this.struct(part, STRUCTS[name]!);
    else if (name === 'geneve') this.geneve(part);
    else this.skip(part);
  }

  /** {class=0x102,type=0x80,len=4,0xa/0xff}{...}: the first option has columns. */
  private geneve(part: Item): void {
    const [first, ...more] = [...part.inside!.matchAll(/\{([^}]*)\}/g)];
    if (more.length > 0) this.notes.push('options of geneve(...) after the first are not compared');
    if (!first) return;
    for (const piece of items(first[1]!, part.at + first.index + 1)) {
      const [name, value] = piece.text.split('=');
      const at = piece.at + piece.text.indexOf('=') + 1;
      if (name === 'class' || name === 'type') this.field(`tun_geneve_${name}`, value!, at);
      else if (name !== 'len') this.notes.push('data of geneve(...) is not compared');
    }
  }

  /** Parts that are bits of one field; what is left out is not looked at. `given`: bits that the key itself says are set. */
  private packed({ name, inside, at }: Item, field: string, given: bigint): void {
    let value = given;
    let mask = given;
    for (const part of items(inside!, at)) {
      const equals = part.text.indexOf('=');
      const place = PACKED[name]![part.text.slice(0, equals)];
      if (!place) {
        this.skip(part);
        continue;
      }
      const [shift, width] = place;
      const bits = this.number(part.text.slice(equals + 1), part.at + equals + 1, width, field);
      const all = ones(width) << BigInt(shift);
      value = (value & ~all) | (bits.value << BigInt(shift));
      mask = (mask & ~all) | ((given & all) !== 0n ? all : bits.mask << BigInt(shift));
    }
    const column = this.relation.fields.get(field)!;
    this.parts.push({ kind: 'field', column, cube: cube(value, mask), span: this.spanOf(inside!, at) });
  }

  /** Entries follow one another, outermost first: label, tc, ttl, bos, label, ... */
  private mpls(item: Item): void {
    const entries = item.inside!.split(/,(?=label=)/);
    let { at } = item;
    for (const [i, inside] of entries.entries()) {
      if (i < 3) this.packed({ ...item, inside, at }, `mpls_lse${i}`, 0n);
      else this.notes.push('entries of mpls(...) beyond the third are not compared');
      at += inside.length + 1;
    }
  }

  private number(text: string, at: number, width: number, field: string): Cube {
    const column = { ...this.relation.fields.get(field)!, kind: 'number', width, shift: 0 } as const;
    return new ValueReader(this.source, column).read(this.atomOf(text, at)).set.cubes[0]!;
  }

  private field(name: string, text: string, at: number, deeper = false): void {
    const column = this.relation.fields.get(name) ?? this.relation.columns.get(name)!;
    const span = this.spanOf(text, at);
    if (deeper) this.notes.push('VLAN tags beyond the second are not compared');
    else this.parts.push({ kind: 'field', column, cube: this.value(column, text, at), span });
  }

  private value(column: Column, text: string, at: number): Cube {
    if (column.kind === 'flags' && !/^0x|^[0-9]+\//i.test(text)) return this.flags(column, text, at);
    const { set } = new ValueReader(this.source, column).read(this.atomOf(text, at));
    return set.cubes[0]!;
  }

  /** `+syn-ack`, or `syn|ack`, which looks at all of them; a flag without a name is printed as its bit: `[200]`. */
  private flags(column: Column, text: string, at: number): Cube {
    let value = 0n;
    let mask = /^[+-]/.test(text) ? 0n : ones(column.width);
    for (const { 0: all, 1: sign, 2: name, index } of text.matchAll(/([+-]?)(\[[0-9a-f]+\]|[^|+-]+)/gi)) {
      if (all === '0') continue;
      const named = column.values![name!.toLowerCase()];
      const bit = name!.startsWith('[') ? BigInt(`0x${name!.slice(1, -1)}`) : named === undefined ? 0n : BigInt(named);
      if (bit === 0n) {
        const flags = Object.keys(column.values!);
        const message = `${column.name} has the flags ${flags.join(', ')}; received ${JSON.stringify(name)}`;
        const from = at + index + sign!.length;
        throw questionError('QUERY_NAME', this.source, this.spanOf(name!, from), message, { expected: flags });
      }
      mask |= bit;
      if (sign !== '-') value |= bit;
    }
    return cube(value, mask);
  }

  private skip({ text }: Item): void {
    this.notes.push(`${text.length > 60 ? `${text.slice(0, 57)}...` : text} of the pasted flow is not compared`);
  }
}

export function readPasted(source: string, relation: Relation, { text, tail, span }: Pasted): PastedKey {
  const reader = new KeyReader(source, relation, span.origin === undefined ? undefined : span);
  reader.level(text, span.start, 0);
  if (tail)
    reader.notes.push(
      'the pasted flow is found by its key: what stands after it, counters and actions, is not compared',
    );
  return { parts: reader.parts, notes: [...new Set(reader.notes)] };
}
