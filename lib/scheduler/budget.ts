/**
 * Budgets: what a program, and a lineage (a task and all that descend from it here), may use. Fuel and forks are used up; memory is what is
 * held at one time; lifetime is a point in time. At a fork they are split, never copied.
 */
import { CtiError } from '../errors.js';
import { DEFAULT_FUEL } from '../runner/program.js';
import type { Budget, BudgetLeft } from './task.js';

const MAX_U63 = (1n << 63n) - 1n;

/** What a task may use if it is not told. */
export const DEFAULT_BUDGET: BudgetLeft = {
  fuel: DEFAULT_FUEL,
  memory: 256 << 20,
  forks: 100,
  lifetimeNs: 24n * 3600n * 1_000_000_000n,
};

/** What a lineage may use if it is not told: its tasks' own budgets, which forks split, are then all there is. */
export const UNLIMITED: BudgetLeft = {
  fuel: MAX_U63,
  memory: Number.MAX_SAFE_INTEGER,
  forks: 0xffff_ffff,
  lifetimeNs: MAX_U63,
};

const refuse = (name: string, expected: string, received: unknown): CtiError =>
  new CtiError('INVALID_ARGUMENT', `expected ${expected} for ${name} but received ${String(received)}`);

function checkBigint(name: string, value: unknown, min: bigint): bigint {
  if (typeof value !== 'bigint' || value < min || value > MAX_U63) {
    throw refuse(name, `a bigint from ${min} to 2^63 - 1`, value);
  }
  return value;
}

function checkNumber(name: string, value: unknown, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) {
    throw refuse(name, `an integer from 0 to ${max}`, value);
  }
  return value;
}

/** `budget` with what is absent taken from `defaults`. Throws CtiError INVALID_ARGUMENT. */
export function completeBudget(name: string, budget: Budget | undefined, defaults: BudgetLeft): BudgetLeft {
  if (budget === undefined) return defaults;
  if (typeof budget !== 'object' || budget === null) throw refuse(name, 'an object', budget);
  const { fuel, memory, forks, lifetimeNs, ...rest } = budget;
  const unknown = Object.keys(rest);
  if (unknown.length > 0) throw refuse(name, 'fuel, memory, forks and lifetimeNs', `'${unknown.join(', ')}'`);
  return {
    fuel: fuel === undefined ? defaults.fuel : checkBigint(`${name}.fuel`, fuel, 1n),
    memory: memory === undefined ? defaults.memory : checkNumber(`${name}.memory`, memory, Number.MAX_SAFE_INTEGER),
    forks: forks === undefined ? defaults.forks : checkNumber(`${name}.forks`, forks, 0xffff_ffff),
    lifetimeNs: lifetimeNs === undefined ? defaults.lifetimeNs : checkBigint(`${name}.lifetimeNs`, lifetimeNs, 1n),
  };
}

/**
 * `left` in `n` + 1 shares, of which the first is what stays; each further one is a child's. Forks pay for the children first. What does not
 * divide stays. Null if there are not enough forks or fuel, or a share of memory would be less than `memoryHeld`, which each child starts with.
 */
export function splitBudget(
  left: BudgetLeft,
  n: number,
  memoryHeld: number,
): { stays: BudgetLeft; share: BudgetLeft } | null {
  const parts = n + 1;
  const fuel = left.fuel / BigInt(parts);
  const memory = Math.floor(left.memory / parts);
  if (left.forks < n || fuel < 1n || memory < memoryHeld) return null;
  const forks = Math.floor((left.forks - n) / parts);
  const { lifetimeNs } = left;
  return {
    share: { fuel, memory, forks, lifetimeNs },
    stays: {
      fuel: left.fuel - fuel * BigInt(n),
      memory: left.memory - memory * n,
      forks: left.forks - n - forks * n,
      lifetimeNs,
    },
  };
}

/** What the tasks of a lineage have used together. */
export class Lineage {
  readonly limits: BudgetLeft;
  fuelUsed = 0n;
  forksUsed = 0;
  /** Bytes that its tasks hold now. */
  memory = 0;
  /** Tasks that are ready or run: they share one turn. */
  nRunnable = 0;
  /** Tasks that have not ended. */
  nTasks = 0;

  /** End of its lifetime, of performance.now(). */
  readonly deadlineMs: number;

  constructor(limits: BudgetLeft) {
    this.limits = limits;
    this.deadlineMs = performance.now() + Number(limits.lifetimeNs) / 1e6;
  }

  /** What is used up, if anything is. Lifetime has its deadline. */
  exceeded(): 'fuel' | 'memory' | undefined {
    if (this.fuelUsed >= this.limits.fuel) return 'fuel';
    if (this.memory > this.limits.memory) return 'memory';
    return undefined;
  }
}
