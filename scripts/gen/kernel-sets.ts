// Sets of kernel functions, put together from their groups, and what a call that can suspend needs to know of its buffers.
import type { KernelFunction, KernelGroup } from './schema.js';

export interface KernelSet {
  set: KernelGroup['set'];
  groups: KernelGroup[];
  functions: KernelFunction[];
}

/** A pointer argument: `factor` bytes, times the argument `sizeArg` if there is one. */
export interface Buffer {
  arg: number;
  direction: 'in' | 'out' | 'inout';
  sizeArg: number | undefined;
  factor: number;
}

const SETS = ['conformance', 'upstream', 'ctinspector'] as const;

export function kernelSets(groups: KernelGroup[]): KernelSet[] {
  return SETS.map((set) => {
    const own = groups.filter((group) => group.set === set).sort((a, b) => lowest(a) - lowest(b));
    const functions = own.flatMap((group) => group.functions).sort((a, b) => a.number - b.number);
    functions.forEach((fn, i) => {
      const twin = functions.find((other, j) => j < i && (other.number === fn.number || other.name === fn.name));
      if (twin) throw new Error(`${set}: ${fn.number} ${fn.name} and ${twin.number} ${twin.name} share number or name`);
      if (fn.suspends !== false && fn.fuel === undefined)
        throw new Error(`${set}.${fn.name}: suspends, so it needs fuel`);
      if (fn.suspends !== true && fn.charge === undefined) throw new Error(`${set}.${fn.name}: lacks its charge`);
      buffersOf(fn);
    });
    return { set, groups: own, functions };
  });
}

const lowest = (group: KernelGroup) => Math.min(...group.functions.map((fn) => fn.number));

/** What a call costs, in words. */
export const chargeOf = (fn: KernelFunction): string => fn.charge ?? `${fn.fuel}; refused: 1`;

/** The buffers of a function that can suspend; C++ functions look at theirs themselves. */
export function buffersOf(fn: KernelFunction): Buffer[] {
  if (fn.suspends === false) return [];
  return fn.args.flatMap((arg, i): Buffer[] => {
    if (!arg.type.trim().endsWith('*')) return [];
    const wrong = (what: string) => new Error(`${fn.name}(${arg.name}): ${what}`);
    if (!arg.direction || !arg.size) throw wrong('a pointer of a function that suspends needs direction and size');
    const [, word = '', times] = /^(\w+)(?: \* (\d+))?$/.exec(arg.size) ?? [];
    if (/^\d+$/.test(word) && times === undefined) {
      return [{ arg: i, direction: arg.direction, sizeArg: undefined, factor: Number(word) }];
    }
    const sizeArg = fn.args.findIndex((other) => other.name === word);
    if (sizeArg < 0) throw wrong(`size '${arg.size}' is neither a number, an argument, nor ARGUMENT * NUMBER`);
    return [{ arg: i, direction: arg.direction, sizeArg, factor: Number(times ?? 1) }];
  });
}
