/** Which definition each symbol of each object means: a strong global one, else a weak one, else a kernel function. */
import { CtiError } from '../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../generated/kernel-functions.js';
import type { ObjectSpec, SymbolSpec } from '../loader/spec.js';
import type { CommonRequest } from './layout.js';

export interface Definition {
  readonly object: number;
  readonly symbol: SymbolSpec;
}

export interface KernelFunction {
  readonly name: string;
  readonly number: number;
  readonly version: number;
}

export type Meaning =
  | { readonly kind: 'section'; readonly object: number; readonly section: number; readonly value: number }
  | { readonly kind: 'common'; readonly name: string }
  | { readonly kind: 'absolute'; readonly value: number }
  | { readonly kind: 'kernel'; readonly fn: KernelFunction }
  /** An undefined weak symbol: address 0. */
  | { readonly kind: 'none' };

export class SymbolTable {
  readonly #objects: readonly ObjectSpec[];
  readonly #globals = new Map<string, Definition>();
  readonly #kernel: ReadonlyMap<string, KernelFunction>;
  readonly #set: KernelFunctionSet;

  constructor(objects: readonly ObjectSpec[], set: KernelFunctionSet) {
    this.#objects = objects;
    this.#set = set;
    this.#kernel = new Map(
      Object.entries(KERNEL_FUNCTIONS[set]).map(([name, fn]) => [
        name,
        { name, number: fn.number, version: fn.version },
      ]),
    );
    objects.forEach((object, index) => {
      for (const symbol of object.symbols) if (isGlobalDefinition(symbol)) this.#define(index, symbol);
    });
  }

  #define(object: number, symbol: SymbolSpec): void {
    const known = this.#globals.get(symbol.name);
    if (!known) {
      this.#globals.set(symbol.name, { object, symbol });
      return;
    }
    const [old, now] = [strength(known.symbol), strength(symbol)];
    if (old === 3 && now === 3) {
      throw new CtiError(
        'LINK',
        `symbol '${symbol.name}': expected one definition, received two, in ${this.#objects[known.object]!.file} and ${this.#objects[object]!.file}; make one static, or weak`,
      );
    }
    const larger = old === 2 && now === 2 && symbol.size > known.symbol.size;
    if (now > old || larger) this.#globals.set(symbol.name, { object, symbol });
  }

  get globals(): ReadonlyMap<string, Definition> {
    return this.#globals;
  }

  kernelFunction(name: string): KernelFunction {
    return this.#kernel.get(name)!;
  }

  /** Common symbols (tentative definitions, clang -fcommon) that no other definition replaces. */
  commons(): CommonRequest[] {
    const requests: CommonRequest[] = [];
    for (const { object, symbol } of this.#globals.values()) {
      if (symbol.place !== 'common') continue;
      const align = Math.max(1, symbol.value);
      if ((align & (align - 1)) !== 0 || align > 65536) {
        throw new CtiError(
          'LINK',
          `${this.#objects[object]!.file}: alignment of common symbol '${symbol.name}': expected a power of two up to 65536, received ${align}`,
        );
      }
      requests.push({ name: symbol.name, size: symbol.size, align });
    }
    return requests;
  }

  /** What the symbol `index` of the object `object` means. `from` says where it is used, for messages. */
  resolve(object: number, index: number, from: string): Meaning {
    const symbol = this.#objects[object]!.symbols[index]!;
    const definition = symbol.binding === 'local' ? { object, symbol } : this.#globals.get(symbol.name);
    if (definition && definition.symbol.place !== 'undefined') {
      const { place, section, value, name } = definition.symbol;
      if (place === 'section') return { kind: 'section', object: definition.object, section, value };
      if (place === 'absolute') return { kind: 'absolute', value };
      if (place === 'common') return { kind: 'common', name };
      throw new CtiError(
        'LINK',
        `${from}: symbol '${name}': expected one in code or data, received one in a section that is not loaded`,
      );
    }
    const fn = this.#kernel.get(symbol.name);
    if (fn) return { kind: 'kernel', fn };
    if (symbol.binding === 'weak') return { kind: 'none' };
    const near = nearest(symbol.name, [...this.#kernel.keys()]);
    throw new CtiError(
      'PROGRAM_UNRESOLVED',
      `${from}: symbol '${symbol.name}': expected a definition in one of the objects, or a kernel function of set ${this.#set}, received neither${near ? `; did you mean '${near}'?` : ''}`,
    );
  }
}

function isGlobalDefinition(symbol: SymbolSpec): boolean {
  return symbol.binding !== 'local' && symbol.place !== 'undefined' && symbol.place !== 'outside' && symbol.name !== '';
}

/** 3 strong, 2 common, 1 weak. */
function strength(symbol: SymbolSpec): 1 | 2 | 3 {
  if (symbol.binding === 'weak') return 1;
  return symbol.place === 'common' ? 2 : 3;
}

/** The name at most two edits from `name`, for "did you mean". */
function nearest(name: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of names) {
    const distance = edits(name.slice(0, 64), candidate);
    if (distance <= 2 && (!best || distance < best.distance)) best = { name: candidate, distance };
  }
  return best?.name;
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
