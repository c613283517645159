/**
 * What the children that run on this node owe: each brings its end to its meeting's home, which may be this node, another, or have moved on.
 * An end is sent until it is taken or refused; the home takes the first, so sending twice does no harm.
 */
import type { Clock } from '../clock.js';
import type { EndReply } from './book.js';
import type { SlotEnd } from './meeting.js';
import type { Reply, Request } from './messages.js';

export interface ReportHost {
  readonly clock: Clock;
  isHere(url: string): boolean;
  endHere(token: string, child: string, end: SlotEnd): EndReply;
  send(to: string, request: Request): Promise<Reply | { readonly type: 'none' }>;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 10_000;
/** A joiner waits an hour at most; then nobody asks. */
const GIVE_UP_MS = 3_600_000;
/** A meeting that moved that often is not looked for further in one try. */
const MAX_MOVES = 64;

interface Place {
  readonly token: string;
  home: string;
}

export class Reports {
  readonly #host: ReportHost;
  /** Image id -> its slot. */
  readonly #expected = new Map<string, Place>();
  readonly #waiting = new Set<() => void>();
  #isClosed = false;

  constructor(host: ReportHost) {
    this.#host = host;
  }

  /** The image that has begun here has a slot. */
  expect(id: string, token: string, home: string): void {
    this.#expected.set(id, { token, home });
  }

  /** It went on elsewhere, and its slot with it. */
  forget(id: string): void {
    this.#expected.delete(id);
  }

  ended(id: string, end: SlotEnd): void {
    const place = this.#expected.get(id);
    if (!place) return;
    this.#expected.delete(id);
    void this.#deliver(id, place, end, this.#host.clock.nowMs(), FIRST_WAIT_MS);
  }

  async #deliver(id: string, place: Place, end: SlotEnd, sinceMs: number, waitMs: number): Promise<void> {
    for (let moves = 0; moves < MAX_MOVES; moves++) {
      const reply = await this.#tell(place, id, end);
      if (this.#isClosed || reply === 'over') return;
      if (reply === 'again') break;
    }
    if (this.#host.clock.nowMs() - sinceMs > GIVE_UP_MS) return;
    const callOff = this.#host.clock.after(waitMs, () => {
      this.#waiting.delete(callOff);
      void this.#deliver(id, place, end, sinceMs, Math.min(2 * waitMs, LONGEST_WAIT_MS));
    });
    this.#waiting.add(callOff);
  }

  async #tell(place: Place, child: string, end: SlotEnd): Promise<'over' | 'again' | 'moved'> {
    const { token, home } = place;
    if (this.#host.isHere(home)) {
      const reply = this.#host.endHere(token, child, end);
      if (reply.kind === 'moved') {
        place.home = reply.to;
        return 'moved';
      }
      return reply.kind === 'later' ? 'again' : 'over';
    }
    const reply = await this.#host.send(home, { type: 'end', token, child, end });
    if (reply.type === 'moved') {
      place.home = reply.to;
      return 'moved';
    }
    // A refusal is the home's last word: the slot has ended, or nobody waits.
    return reply.type === 'done' || reply.type === 'refused' ? 'over' : 'again';
  }

  close(): void {
    this.#isClosed = true;
    for (const callOff of this.#waiting) callOff();
    this.#waiting.clear();
  }
}
