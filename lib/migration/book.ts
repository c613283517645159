/**
 * The meetings that have their home on this node: which there are, whose children may end which slot, who waits. A meeting moves with its
 * owner; where it was, its children's tokens lead on to its new home for a while.
 *
 * Not kept over a restart: a join then answers -ENOENT.
 */
import type { Clock } from '../clock.js';
import { Bounded } from './bounded.js';
import { isMet, Meeting, type MeetingRecord, type Policy, type SlotEnd } from './meeting.js';

/** Meetings of one owner at a time. Each took a fork of its budget, so this is the second limit. */
export const MAX_MEETINGS_OF_OWNER = 1024;
const MAX_FORWARDS = 65_536;

/** A slot by place. */
export interface SlotRef {
  readonly meeting: string;
  readonly slot: number;
}

/** What became of an end that a child's node reported. `later`: the meeting is on its way to another node. */
export type EndReply =
  | { readonly kind: 'taken' }
  | { readonly kind: 'moved'; readonly to: string }
  | { readonly kind: 'later' }
  | { readonly kind: 'refused'; readonly reason: string };

interface Owned {
  readonly meetings: Map<string, Meeting>;
  /** While it is on its way: nothing may change. */
  isFrozen: boolean;
  /** Looked at anew whenever a slot ends. */
  check: (() => void) | undefined;
}

export class MeetingBook {
  readonly #owners = new Map<string, Owned>();
  readonly #byToken = new Map<string, { meeting: Meeting; slot: number }>();
  readonly #forwards = new Bounded<string, string>(MAX_FORWARDS);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    let size = 0;
    for (const { meetings } of this.#owners.values()) size += meetings.size;
    return size;
  }

  /** False if its owner has too many. */
  open(record: MeetingRecord): boolean {
    let owned = this.#owners.get(record.owner);
    if (!owned) {
      owned = { meetings: new Map(), isFrozen: false, check: undefined };
      this.#owners.set(record.owner, owned);
    }
    if (owned.meetings.size >= MAX_MEETINGS_OF_OWNER) return false;
    const meeting = new Meeting(record);
    owned.meetings.set(meeting.id, meeting);
    meeting.slots.forEach(({ token }, slot) => {
      this.#byToken.set(token, { meeting, slot });
    });
    return true;
  }

  /** The meeting, if it is `owner`'s. */
  find(owner: string, id: string): Meeting | undefined {
    return this.#owners.get(owner)?.meetings.get(id);
  }

  /** Where the child with that beginning of its id has its slot, among `owner`'s meetings. */
  findChild(owner: string, prefix: string): SlotRef | undefined {
    for (const meeting of this.#owners.get(owner)?.meetings.values() ?? []) {
      const slot = meeting.slots.findIndex(({ child }) => child.startsWith(prefix));
      if (slot >= 0) return { meeting: meeting.id, slot };
    }
    return undefined;
  }

  /** Ends a slot of this node's own children, or one that a child's node reports. */
  end(token: string, child: string, end: SlotEnd): EndReply {
    const place = this.#byToken.get(token);
    if (!place || place.meeting.slots[place.slot]!.child !== child) {
      const to = place ? undefined : this.#forwards.get(token);
      return to === undefined ? { kind: 'refused', reason: 'no such slot of this child' } : { kind: 'moved', to };
    }
    const owned = this.#owners.get(place.meeting.owner)!;
    if (owned.isFrozen) return { kind: 'later' };
    if (!place.meeting.end(place.slot, end)) return { kind: 'refused', reason: 'the slot has ended' };
    owned.check?.();
    return { kind: 'taken' };
  }

  /**
   * Waits until `policy` is met for the slots, at most `deadlineMs`; what has not ended by then is lost. Resolves with the ends, undefined
   * for a slot that is still open; null if `signal` aborts first.
   */
  join(
    owner: string,
    refs: readonly SlotRef[],
    policy: Policy,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<(SlotEnd | undefined)[] | null> {
    const owned = this.#owners.get(owner);
    const places = refs.map(({ meeting, slot }) => ({ meeting: owned?.meetings.get(meeting), slot }));
    const ends = () => places.map(({ meeting, slot }) => meeting?.endOf(slot));
    return new Promise((resolve) => {
      if (!owned || signal.aborted) {
        resolve(null);
        return;
      }
      const finish = (result: (SlotEnd | undefined)[] | null) => {
        owned.check = undefined;
        callOff();
        signal.removeEventListener('abort', aborted);
        if (result) this.#tell(owned, places);
        resolve(result);
      };
      const aborted = () => finish(null);
      const callOff = this.#clock.after(deadlineMs, () => {
        for (const { meeting, slot } of places) meeting?.end(slot, { kind: 'lost' });
        finish(ends());
      });
      signal.addEventListener('abort', aborted);
      owned.check = () => {
        const now = ends();
        if (isMet(policy, now)) finish(now);
      };
      owned.check();
    });
  }

  /** A meeting all of whose ends are known to its owner has served. */
  #tell(owned: Owned, places: readonly { meeting: Meeting | undefined; slot: number }[]): void {
    for (const { meeting, slot } of places) {
      if (meeting?.tell(slot)) this.#remove(owned, meeting);
    }
  }

  #remove(owned: Owned, meeting: Meeting): void {
    owned.meetings.delete(meeting.id);
    for (const { token } of meeting.slots) this.#byToken.delete(token);
    if (owned.meetings.size === 0) this.#owners.delete(meeting.owner);
  }

  /** `owner` is about to leave: its meetings as they are; until `thaw`, `leave` or `drop` no slot of them ends. */
  freeze(owner: string): MeetingRecord[] {
    const owned = this.#owners.get(owner);
    if (!owned) return [];
    owned.isFrozen = true;
    return [...owned.meetings.values()].map((meeting) => meeting.record());
  }

  /** It stays after all. */
  thaw(owner: string): void {
    const owned = this.#owners.get(owner);
    if (owned) owned.isFrozen = false;
  }

  /** It has gone to the node `to`: its children are sent after it. */
  leave(owner: string, to: string): void {
    const owned = this.#owners.get(owner);
    for (const meeting of [...(owned?.meetings.values() ?? [])]) {
      for (const { token } of meeting.slots) this.#forwards.set(token, to);
      this.#remove(owned!, meeting);
    }
  }

  /** It has ended: nobody will join. */
  drop(owner: string): void {
    const owned = this.#owners.get(owner);
    for (const meeting of [...(owned?.meetings.values() ?? [])]) this.#remove(owned!, meeting);
    this.#owners.delete(owner);
  }
}
