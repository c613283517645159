/** pc -> function and source line, for traps and disassembly. */
import type { Placed } from './layout.js';
import { CODE_BASE } from './layout.js';

export interface SourceLine {
  readonly file: string;
  readonly line: number;
  /** 1-based; 0: not known. */
  readonly column: number;
}

interface Code {
  /** First slot. */
  readonly slot: number;
  readonly placed: Placed;
  /** Ascending by offset. */
  readonly functions: readonly { readonly offset: number; readonly name: string }[];
}

/** The last element whose offset is at most `offset`. `list` is ascending. */
function lastUpTo<T extends { readonly offset: number }>(list: readonly T[], offset: number): T | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.offset <= offset) low = middle + 1;
    else high = middle;
  }
  return list[low - 1];
}

export class DebugTable {
  readonly #codes: readonly Code[];

  constructor(placed: readonly (readonly Placed[])[]) {
    this.#codes = placed.flatMap((sections) => {
      const functions = new Map<number, { offset: number; name: string }[]>();
      for (const symbol of sections[0]?.object.symbols ?? []) {
        if (symbol.place !== 'section' || symbol.kind !== 'function') continue;
        const list = functions.get(symbol.section);
        const entry = { offset: symbol.value, name: symbol.name };
        if (list) list.push(entry);
        else functions.set(symbol.section, [entry]);
      }
      return sections.flatMap((placed, index) => {
        if (placed.section.kind !== 'code') return [];
        const own = (functions.get(index) ?? []).sort((a, b) => a.offset - b.offset);
        return [{ slot: (placed.address - CODE_BASE) / 8, placed, functions: own }];
      });
    });
  }

  #at(pc: number): { code: Code; offset: number } | undefined {
    const code = this.#codes.find(({ slot, placed }) => pc >= slot && pc < slot + placed.section.size / 8);
    return code && { code, offset: (pc - code.slot) * 8 };
  }

  /** The source line of the instruction at `pc`, where the objects say it. */
  locate(pc: number): SourceLine | undefined {
    const found = this.#at(pc);
    const line = found && lastUpTo(found.code.placed.section.lines, found.offset);
    if (!line || line.line === 0) return undefined;
    return { file: line.file, line: line.line, column: line.column };
  }

  /** The function that holds the instruction at `pc`. */
  functionAt(pc: number): string | undefined {
    const found = this.#at(pc);
    return found && lastUpTo(found.code.functions, found.offset)?.name;
  }

  /** "pc 12 in vm_main, busiest.c:7:3", as much of it as is known. */
  describe(pc: number): string {
    const name = this.functionAt(pc);
    const line = this.locate(pc);
    const place = line && `${line.file}:${line.line}${line.column > 0 ? `:${line.column}` : ''}`;
    return `pc ${pc}${name ? ` in ${name}` : ''}${place ? `, ${place}` : ''}`;
  }
}
