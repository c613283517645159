/**
 * A meeting: children of one fork, each with a slot, and their parent, who joins. The roster is fixed when the fork is made. A slot ends
 * once: with what its child brought, with the reason why it brings nothing, or as lost when the joiner's deadline passes; the first end wins.
 * Plain state, no clock: book.ts knows which meetings there are, who waits, and for how long.
 */

/** Why a child brings nothing, in the order of their numbers in guest memory (from 1): `enum cti_failure`. */
export const FAILURES = ['trapped', 'budget', 'killed', 'failed', 'unreachable'] as const;
export type Failure = (typeof FAILURES)[number];

export type SlotEnd =
  | { readonly kind: 'arrived'; readonly result: bigint }
  | { readonly kind: 'failed'; readonly reason: Failure }
  | { readonly kind: 'lost' };

/** One slot: who may end it, and how it ended. */
export interface Slot {
  /** The child's image id. */
  readonly child: string;
  /** What its node has to show. */
  readonly token: string;
  readonly end?: SlotEnd;
}

/** A meeting as it travels with its owner. */
export interface MeetingRecord {
  readonly id: string;
  readonly owner: string;
  readonly slots: readonly Slot[];
}

/** Most children of one fork. */
export const MAX_SLOTS = 64;

export class Meeting {
  readonly id: string;
  /** The image that may join. */
  readonly owner: string;
  readonly slots: readonly Slot[];
  readonly #ends: (SlotEnd | undefined)[];
  /** Slots whose end the owner has been told. */
  readonly #told: boolean[];

  constructor(record: MeetingRecord) {
    this.id = record.id;
    this.owner = record.owner;
    this.slots = record.slots.map(({ child, token }) => ({ child, token }));
    this.#ends = record.slots.map((slot) => slot.end);
    this.#told = record.slots.map(() => false);
  }

  endOf(slot: number): SlotEnd | undefined {
    return this.#ends[slot];
  }

  /** Ends a slot; false, and nothing changes, if it has ended. */
  end(slot: number, end: SlotEnd): boolean {
    if (this.#ends[slot]) return false;
    this.#ends[slot] = end;
    return true;
  }

  /** Notes that the owner knows how the slot ended; true when it knows all. */
  tell(slot: number): boolean {
    if (this.#ends[slot]) this.#told[slot] = true;
    return this.#told.every(Boolean);
  }

  record(): MeetingRecord {
    return {
      id: this.id,
      owner: this.owner,
      slots: this.slots.map((slot, i) => (this.#ends[i] ? { ...slot, end: this.#ends[i] } : slot)),
    };
  }
}

/** What a joiner waits for: so many arrived, or all ended. */
export type Policy = { readonly kind: 'all' } | { readonly kind: 'quorum'; readonly arrived: number };

/** Whether a joiner need not wait longer: nothing can change, the quorum is there, or it can no longer come about. */
export function isMet(policy: Policy, ends: readonly (SlotEnd | undefined)[]): boolean {
  const open = ends.filter((end) => end === undefined).length;
  if (open === 0) return true;
  if (policy.kind === 'all') return false;
  const arrived = ends.filter((end) => end?.kind === 'arrived').length;
  return arrived >= policy.arrived || arrived + open < policy.arrived;
}
