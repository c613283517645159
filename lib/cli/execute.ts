/** Runs a linked program to its end in slices, so that Ctrl-C is heard and what it prints is shown as it comes. */
import { setImmediate } from 'node:timers/promises';
import { CtiError } from '../errors.js';
import type { LinkedProgram } from '../linker/link.js';
import { type End, type Output, Program, type RunOptions } from '../runner/program.js';

/**
 * A piece of n bytes costs at least 1 + n / 8 and holds 16 + n bytes of room, so one slice fills at most 2 MiB: with
 * this limit only a piece that is itself larger than half of it finds no room.
 */
const SLICE = 131_072n;
const OUTPUT_LIMIT = 4 << 20;
const LISTEN_EVERY_MS = 20;

export type Ended = End & { readonly totalFuel: bigint };

export async function execute(
  linked: LinkedProgram,
  options: Required<Pick<RunOptions, 'args' | 'tables' | 'fuel'>>,
  signal: AbortSignal,
  onOutput: (output: readonly Output[]) => void,
): Promise<Ended> {
  const { args, tables, fuel } = options;
  using run = Program.load(linked.spec).start({ args, tables, outputLimit: OUTPUT_LIMIT });
  let totalFuel = 0n;
  let listened = performance.now();
  for (;;) {
    const left = fuel - totalFuel;
    // Nothing suspends in a run that was not started so.
    const stop = run.step(left < SLICE ? left : SLICE) as End;
    totalFuel += stop.fuelUsed;
    onOutput(run.output());
    if (stop.kind !== 'out_of_fuel' || totalFuel >= fuel) return { ...stop, totalFuel };
    if (performance.now() - listened < LISTEN_EVERY_MS) continue;
    await setImmediate();
    listened = performance.now();
    if (signal.aborted) throw new CtiError('CANCELLED', `stopped on request at ${linked.debug.describe(stop.pc)}`);
  }
}
