/**
 * The parts of the daemon, and how a frame finds its way: every part has one channel, to the supervisor, which passes frames on without
 * looking into them. `route` is whom it is for and whom it is from; `epoch` says which incarnation of the receiver it was meant for: what was
 * sent to one that has died is not given to the next.
 */
import type { PartName } from '../cli/daemon-rows.js';

export const PARTS: readonly PartName[] = ['supervisor', 'control', 'collector', 'executor'];
export const SUPERVISOR = 0;

export const numberOf = (part: PartName): number => PARTS.indexOf(part);
export const routeOf = (to: number, from: number): number => (to << 4) | from;
export const toOf = (route: number): number => route >> 4;
export const fromOf = (route: number): number => route & 15;

/** What every part knows of the others. */
export interface PartState {
  readonly up: boolean;
  readonly epoch: number;
  readonly pid: number;
  /** How often it was started anew. */
  readonly restarts: number;
  /** Why the one before it ended. */
  readonly lastEnd: string | null;
}

export type PartStates = Readonly<Record<Exclude<PartName, 'supervisor'>, PartState>>;

/** A command as it goes to the part that answers it. */
export interface CommandCall {
  readonly name: string;
  readonly args: Readonly<Record<string, string>>;
  readonly format: 'text' | 'json';
}

/** What a command gives: text, or JSON as text. */
export interface CommandReply {
  readonly body: string;
  readonly isJson: boolean;
  /** Of a text: where the footer begins, if it has one. */
  readonly footerAt?: number;
  /** Rows of the whole answer, if it has any to count. */
  readonly nRows?: number;
}

/** Reading of the switch, and until when it is stopped; ms since 1970, null: until resume. */
export interface PauseState {
  readonly until: number | null;
  readonly reason: string;
}
