/** Why a program no longer runs. */
import { CtiError } from '../errors.js';
import { TRAPS, type TrapKind } from '../generated/traps.js';
import type { PendingCall } from './call.js';

export interface StopFacts {
  /** An instruction slot: of the exit, of the trap, or where the program goes on. */
  readonly pc: number;
  /** Of this step. More than was given if the last charge was larger than what was left. */
  readonly fuelUsed: bigint;
}
export interface Exited extends StopFacts {
  readonly kind: 'exited';
  readonly r0: bigint;
}
export interface Trapped extends StopFacts {
  readonly kind: 'trapped';
  readonly trap: TrapKind;
  /** A guest address, for the traps that have one. */
  readonly address?: number;
}
export interface OutOfFuel extends StopFacts {
  readonly kind: 'out_of_fuel';
}
export interface Suspended extends StopFacts {
  readonly kind: 'suspended';
  readonly call: PendingCall;
}
/** How a program ended, or that its fuel did: all that a run without `suspends` comes to. */
export type End = Exited | Trapped | OutOfFuel;
/**
 * Why a program no longer runs. `exited` and `trapped` are ends; after `out_of_fuel` the next step goes on, after `suspended` it does once
 * the call has its `answer`.
 */
export type Stop = End | Suspended;

/** The error that a stop other than `exited` amounts to, for callers that want an exception. */
export function stopError(stop: Exclude<Stop, Exited>): CtiError {
  if (stop.kind === 'suspended') {
    return new CtiError(
      'INVALID_ARGUMENT',
      `the program waits for the answer of ${stop.call.name} (at pc ${stop.pc}); give it with run.answer()`,
    );
  }
  const details = { ...stop, fuelUsed: String(stop.fuelUsed) };
  if (stop.kind === 'out_of_fuel') {
    return new CtiError(
      'OUT_OF_FUEL',
      `the program used up its fuel (${stop.fuelUsed}) and stopped at pc ${stop.pc}; give it more, or look for an endless loop`,
      { details },
    );
  }
  const where = stop.address === undefined ? '' : `, address 0x${stop.address.toString(16)}`;
  return new CtiError('PROGRAM_TRAPPED', `${stop.trap} at pc ${stop.pc}${where}: ${TRAPS[stop.trap].doc}`, { details });
}
