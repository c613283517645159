/**
 * Objects -> one program: sections placed, relocations applied, calls of kernel functions turned into imports. Nothing
 * here knows the addon; the result's `spec` is what lib/runner loads.
 */
import { CtiError } from '../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../generated/kernel-functions.js';
import type { ObjectSpec, Relocation } from '../loader/spec.js';
import type { ProgramSpec } from '../program-spec.js';
import { DebugTable } from './debug-table.js';
import { CODE_BASE, DATA_BASE, type Layout, layOut, type Placed, RODATA_BASE } from './layout.js';
import { type KernelFunction, type Meaning, SymbolTable } from './symbols.js';

export interface LinkOptions {
  /** Default: what the objects say they are made for, else ctinspector. */
  readonly kernelFunctions?: KernelFunctionSet;
  /** Symbol the program starts at. Default: vm_main, else the only global function. */
  readonly entry?: string;
}

export interface LinkedProgram {
  /** Every part filled. */
  readonly spec: Required<ProgramSpec>;
  /** The entry's symbol. */
  readonly entry: string;
  /** Names and source lines of instructions. */
  readonly debug: DebugTable;
  /** Guest addresses of global data, by name. */
  readonly data: ReadonlyMap<string, { readonly address: number; readonly size: number }>;
}

const OP_LDDW = 0x18;
const OP_CALL = 0x85;
const OP_CALLX = 0x8d;
const OP_EXIT = 0x95;
/** Source fields: of a call, local or import; of an lddw, a code address. */
const SRC_LOCAL = 1;
const SRC_IMPORT = 2;
const SRC_CODE = 4;

class Linker {
  readonly #objects: readonly ObjectSpec[];
  readonly #symbols: SymbolTable;
  readonly #layout: Layout;
  readonly #set: KernelFunctionSet;
  readonly #code: Uint8Array;
  readonly #view: DataView;
  readonly #rodata: Uint8Array;
  readonly #data: Uint8Array;
  readonly #imports: KernelFunction[] = [];
  readonly #importIndex = new Map<string, number>();
  /** Kernel function -> slot of the small function that calls it, for those whose address is taken. */
  readonly #thunks = new Map<string, number>();
  readonly #functions = new Set<number>();

  constructor(objects: readonly ObjectSpec[], set: KernelFunctionSet) {
    this.#objects = objects;
    this.#set = set;
    this.#symbols = new SymbolTable(objects, set);
    this.#layout = layOut(objects, this.#symbols.commons());
    this.#code = new Uint8Array(this.#layout.codeSize);
    this.#view = new DataView(this.#code.buffer);
    this.#rodata = new Uint8Array(this.#layout.rodataSize);
    this.#data = new Uint8Array(this.#layout.dataSize);
  }

  link(entryName: string | undefined): LinkedProgram {
    const entry = this.#entry(entryName);
    this.#copySections();
    this.#layout.placed.forEach((sections, object) => {
      for (const placed of sections)
        for (const relocation of placed.section.relocations) this.#relocate(object, placed, relocation);
    });
    if (this.#set === 'ctinspector') this.#refuseNumbers();
    this.#addFunctions();
    const thunks = this.#thunkCode();
    const code = new Uint8Array(this.#code.length + thunks.length);
    code.set(this.#code);
    code.set(thunks, this.#code.length);
    const data = new Map<string, { address: number; size: number }>();
    for (const [name, { object, symbol }] of this.#symbols.globals) {
      if (symbol.kind === 'object')
        data.set(name, { address: this.#addressOf(this.#meaning(object, symbol)), size: symbol.size });
    }
    return {
      spec: {
        code,
        kernelFunctions: this.#set,
        imports: this.#imports.map(({ name, version }) => ({ name, version })),
        entry: entry.slot,
        functions: [...this.#functions].sort((a, b) => a - b),
        rodata: this.#rodata,
        data: this.#data,
        bssSize: this.#layout.bssSize,
      },
      entry: entry.name,
      debug: new DebugTable(this.#layout.placed),
      data,
    };
  }

  #meaning(object: number, symbol: ObjectSpec['symbols'][number]): Meaning {
    if (symbol.place === 'section') return { kind: 'section', object, section: symbol.section, value: symbol.value };
    return symbol.place === 'common'
      ? { kind: 'common', name: symbol.name }
      : { kind: 'absolute', value: symbol.value };
  }

  #entry(wanted: string | undefined): { name: string; slot: number } {
    const choices = new Map<string, number>();
    for (const [name, { object, symbol }] of this.#symbols.globals) {
      if (symbol.place !== 'section' || symbol.kind !== 'function') continue;
      const placed = this.#layout.placed[object]![symbol.section]!;
      if (placed.section.kind !== 'code') continue;
      if (symbol.value % 8 !== 0 || symbol.value >= placed.section.size) continue;
      choices.set(name, (placed.address + symbol.value - CODE_BASE) / 8);
    }
    const names = [...choices.keys()];
    const name = wanted ?? (choices.has('vm_main') ? 'vm_main' : names.length === 1 ? names[0]! : undefined);
    const slot = name === undefined ? undefined : choices.get(name);
    if (name !== undefined && slot !== undefined) return { name, slot };
    const files = this.#objects.map((object) => object.file).join(', ');
    const expected =
      wanted === undefined ? "a function 'vm_main', or one global function alone" : `a global function '${wanted}'`;
    const more = names.length > 20 ? `, and ${names.length - 20} more` : '';
    const listed = `${names.slice(0, 20).join(', ')}${more}; name one with --entry`;
    const received = names.length === 0 ? 'no global function' : listed;
    throw new CtiError('LINK', `${files}: entry: expected ${expected}, received ${received}`);
  }

  #copySections(): void {
    for (const { section, address } of this.#layout.placed.flat()) {
      if (section.kind === 'code') this.#code.set(section.bytes, address - CODE_BASE);
      else if (section.kind === 'rodata') this.#rodata.set(section.bytes, address - RODATA_BASE);
      else if (section.kind === 'data') this.#data.set(section.bytes, address - DATA_BASE);
    }
    // Before version 19, LLVM put the register of a callx into its immediate.
    for (let at = 0; at < this.#code.length; at += 8) {
      const register = this.#view.getUint32(at + 4, true);
      if (this.#code[at] !== OP_CALLX || this.#code[at + 1] !== 0 || register === 0 || register > 9) continue;
      this.#code[at + 1] = register;
      this.#view.setUint32(at + 4, 0, true);
    }
  }

  /** Kernel functions of set ctinspector go by name: a number is another set's, or another system's. */
  #refuseNumbers(): void {
    this.#layout.placed.forEach((sections, object) => {
      for (const { section, address } of sections) {
        if (section.kind !== 'code') continue;
        const start = address - CODE_BASE;
        for (let at = start; at < start + section.size; at += this.#code[at] === OP_LDDW ? 16 : 8) {
          if (this.#code[at] !== OP_CALL || this.#code[at + 1]! >> 4 !== 0) continue;
          const where = `${this.#objects[object]!.file}: section ${section.name}, offset 0x${(at - start).toString(16)}`;
          const number = this.#view.getInt32(at + 4, true);
          throw new CtiError(
            'PROGRAM_UNRESOLVED',
            `${where}: call of a kernel function: expected one by name, received number ${number}; a program for the original CTinspector includes ctinspector/upstream.h, or is linked with --kernel-functions upstream`,
          );
        }
      }
    });
  }

  /** Every function symbol is an entry: so a function's length, which a call charges, is its own. */
  #addFunctions(): void {
    this.#objects.forEach((object, index) => {
      for (const symbol of object.symbols) {
        if (symbol.place !== 'section' || symbol.kind !== 'function') continue;
        const { section, address } = this.#layout.placed[index]![symbol.section]!;
        if (section.kind !== 'code' || symbol.value >= section.size) continue;
        if (symbol.value % 8 !== 0) {
          throw new CtiError(
            'LINK',
            `${object.file}: function '${symbol.name}': expected an offset that is a multiple of 8, received ${symbol.value}`,
          );
        }
        this.#functions.add((address + symbol.value - CODE_BASE) / 8);
      }
    });
  }

  #addressOf(meaning: Meaning): number {
    switch (meaning.kind) {
      case 'section':
        return this.#layout.placed[meaning.object]![meaning.section]!.address + meaning.value;
      case 'common':
        return this.#layout.commons.get(meaning.name)!;
      case 'absolute':
        return meaning.value;
      case 'kernel':
        return CODE_BASE + 8 * this.#thunk(meaning.fn);
      case 'none':
        return 0;
    }
  }

  #isCode(meaning: Meaning): boolean {
    if (meaning.kind === 'kernel') return true;
    return meaning.kind === 'section' && this.#layout.placed[meaning.object]![meaning.section]!.section.kind === 'code';
  }

  #relocate(object: number, placed: Placed, relocation: Relocation): void {
    const { section } = placed;
    const where = `${this.#objects[object]!.file}: section ${section.name}, offset 0x${relocation.offset.toString(16)}`;
    const meaning = this.#symbols.resolve(object, relocation.symbol, where);
    if (relocation.form === 'call') this.#relocateCall(placed, relocation.offset, meaning, where);
    else if (relocation.form === 'lddw') this.#relocateLddw(placed, relocation.offset, meaning, where);
    else this.#relocateData(placed, relocation, meaning, where);
  }

  #relocateCall(placed: Placed, offset: number, meaning: Meaning, where: string): void {
    const at = placed.address - CODE_BASE + offset;
    if (this.#code[at] !== OP_CALL || this.#code[at + 1]! >> 4 !== SRC_LOCAL) {
      throw this.#refuse(where, 'relocated call: expected opcode 85 with source 1', this.#shown(at));
    }
    const addend = this.#view.getInt32(at + 4, true);
    if (meaning.kind === 'kernel' || meaning.kind === 'none') {
      if (addend !== -1)
        throw this.#refuse(where, 'call of a function defined elsewhere: expected immediate -1', String(addend));
      if (meaning.kind === 'none') {
        // An undefined weak function: nothing can be called. A callx of the frame's address traps bad_call_target,
        // always.
        this.#code.set([OP_CALLX, 10, 0, 0, 0, 0, 0, 0], at);
      } else if (this.#set === 'ctinspector') {
        this.#code[at + 1] = SRC_IMPORT << 4;
        this.#view.setInt32(at + 4, this.#import(meaning.fn), true);
      } else {
        this.#code[at + 1] = 0;
        this.#view.setInt32(at + 4, meaning.fn.number, true);
      }
      return;
    }
    // The immediate holds the distance in slots from the symbol, less one.
    const target = (this.#addressOf(meaning) - CODE_BASE) / 8 + addend + 1;
    if (!this.#isCode(meaning) || !Number.isInteger(target) || target < 0 || target >= this.#code.length / 8) {
      throw this.#refuse(where, 'call: expected a target inside the code', `slot ${target}`);
    }
    this.#view.setInt32(at + 4, target - at / 8 - 1, true);
  }

  #relocateLddw(placed: Placed, offset: number, meaning: Meaning, where: string): void {
    const at = placed.address - CODE_BASE + offset;
    if (this.#code[at] !== OP_LDDW || this.#code[at + 1]! >> 4 !== 0) {
      throw this.#refuse(where, 'relocated address: expected opcode 18 with source 0', this.#shown(at));
    }
    const addend = (BigInt(this.#view.getInt32(at + 12, true)) << 32n) | BigInt(this.#view.getUint32(at + 4, true));
    const address = BigInt.asUintN(64, BigInt(this.#addressOf(meaning)) + addend);
    if (this.#isCode(meaning)) {
      const target = this.#codeSlot(address, where);
      this.#code[at + 1] = (this.#code[at + 1]! & 15) | (SRC_CODE << 4);
      this.#view.setInt32(at + 4, target - at / 8 - 1, true);
      this.#view.setInt32(at + 12, 0, true);
      return;
    }
    this.#view.setUint32(at + 4, Number(address & 0xffff_ffffn), true);
    this.#view.setUint32(at + 12, Number(address >> 32n), true);
  }

  #relocateData(placed: Placed, relocation: Relocation, meaning: Meaning, where: string): void {
    const [bytes, base] = placed.section.kind === 'rodata' ? [this.#rodata, RODATA_BASE] : [this.#data, DATA_BASE];
    const view = new DataView(bytes.buffer);
    const at = placed.address - base + relocation.offset;
    const wide = relocation.form === 'abs64';
    const addend = wide ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
    const address = BigInt.asUintN(wide ? 64 : 32, BigInt(this.#addressOf(meaning)) + addend);
    if (this.#isCode(meaning)) this.#functions.add(this.#codeSlot(address, where));
    if (wide) view.setBigUint64(at, address, true);
    else view.setUint32(at, Number(address), true);
  }

  /** The slot of a code address; thunks lie past the objects' code. */
  #codeSlot(address: bigint, where: string): number {
    const slot = (Number(address) - CODE_BASE) / 8;
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.#code.length / 8 + 2 * this.#thunks.size) {
      throw this.#refuse(
        where,
        'address of a function: expected an instruction of the program',
        `0x${address.toString(16)}`,
      );
    }
    return slot;
  }

  #import(fn: KernelFunction): number {
    const known = this.#importIndex.get(fn.name);
    if (known !== undefined) return known;
    this.#importIndex.set(fn.name, this.#imports.length);
    this.#imports.push(fn);
    return this.#imports.length - 1;
  }

  /**
   * A kernel function has no code address of its own: a function of two instructions stands in, so that its import
   * stays by name.
   */
  #thunk(fn: KernelFunction): number {
    const known = this.#thunks.get(fn.name);
    if (known !== undefined) return known;
    const slot = this.#code.length / 8 + 2 * this.#thunks.size;
    this.#thunks.set(fn.name, slot);
    this.#functions.add(slot);
    return slot;
  }

  #thunkCode(): Uint8Array {
    const code = new Uint8Array(16 * this.#thunks.size);
    const view = new DataView(code.buffer);
    let at = 0;
    for (const name of this.#thunks.keys()) {
      const fn = this.#symbols.kernelFunction(name);
      const byName = this.#set === 'ctinspector';
      code[at] = OP_CALL;
      code[at + 1] = byName ? SRC_IMPORT << 4 : 0;
      view.setInt32(at + 4, byName ? this.#import(fn) : fn.number, true);
      code[at + 8] = OP_EXIT;
      at += 16;
    }
    return code;
  }

  #shown(at: number): string {
    return [...this.#code.subarray(at, at + 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  }

  #refuse(where: string, expected: string, received: string): CtiError {
    return new CtiError('OBJECT_MALFORMED', `${where}: ${expected}, received ${received}`);
  }
}

const isSet = (name: string): name is KernelFunctionSet => Object.hasOwn(KERNEL_FUNCTIONS, name);

/** The set that the objects say they are made for; those that say nothing go with any. */
function markedSet(objects: readonly ObjectSpec[]): KernelFunctionSet | undefined {
  let marked: { file: string; set: KernelFunctionSet } | undefined;
  for (const { file, kernelFunctions: set } of objects) {
    if (set === undefined) continue;
    if (!isSet(set)) {
      const sets = Object.keys(KERNEL_FUNCTIONS).join(', ');
      throw new CtiError('LINK', `${file}: set of kernel functions: expected one of ${sets}, received '${set}'`);
    }
    if (marked && marked.set !== set) {
      throw new CtiError(
        'LINK',
        `kernel functions: expected objects of one set, received ${marked.file} of ${marked.set} and ${file} of ${set}`,
      );
    }
    marked ??= { file, set };
  }
  return marked?.set;
}

/** Links objects into a program. Throws CtiError LINK, PROGRAM_UNRESOLVED or OBJECT_MALFORMED. */
export function link(objects: readonly ObjectSpec[], options: LinkOptions = {}): LinkedProgram {
  if (objects.length === 0) throw new CtiError('LINK', 'objects: expected at least one, received none');
  return new Linker(objects, options.kernelFunctions ?? markedSet(objects) ?? 'ctinspector').link(options.entry);
}
