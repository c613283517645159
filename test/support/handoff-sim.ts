/**
 * Several nodes' handoffs over one carrier whose faults, delays and choices come from a seed. What stands in: an image is its id and epoch, and
 * to run it is to be in a map; the handoff, the messages, the carrier and the routing are the real ones. Time is a ManualClock.
 */

import { ManualClock } from '../../lib/clock.js';
import { type Gift, type HandoffLimits, Handoffs, type Outcome } from '../../lib/migration/handoff.js';
import { decodeReply, decodeRequest, encode, type Reply, type Request } from '../../lib/migration/messages.js';
import { type Fault, LocalCarrier } from '../../lib/transport/local-carrier.js';
import { Transport } from '../../lib/transport/transport.js';

export const LIMITS: HandoffLimits = { maxHeld: 64, maxHeldBytes: 1 << 20, askAfterMs: 500, retryMs: 50 };
export const REQUEST_MS = 200;

/** Numbers from 0 to below 1, the same for a seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const idOf = (n: number): string => n.toString(16).padStart(32, '0');

export class SimNode {
  readonly handoffs: Handoffs;
  /** Images that can run here. */
  readonly runnable = new Map<string, bigint>();
  readonly epochs = new Map<string, bigint>();
  readonly notes: string[] = [];

  constructor(
    readonly sim: Sim,
    readonly url: string,
  ) {
    this.handoffs = new Handoffs(
      {
        clock: sim.clock,
        send: (to, request) => this.#send(to, request),
        newestEpoch: (id) => this.epochs.get(id),
        inspect: () => undefined,
        run: (gift) => this.put(gift.id, gift.epoch),
        note: (note) => this.notes.push(note.action),
      },
      LIMITS,
    );
    sim.transport.listen(url, async (frame, from) => encode(this.#answer(decodeRequest(frame), from)));
  }

  put(id: string, epoch: bigint): void {
    this.runnable.set(id, epoch);
    this.epochs.set(id, epoch);
    this.sim.check();
  }

  /** Moves an image that is here; what comes of it is done here too. */
  async move(id: string, to: string): Promise<Outcome> {
    const epoch = this.runnable.get(id)!;
    this.runnable.delete(id);
    const xfer = idOf(0x1000_0000 + this.sim.nMoves++);
    const gift: Gift = {
      xfer,
      id,
      epoch: epoch + 1n,
      answer: { r0: 0n, outputs: [] },
      meetings: [],
      image: new TextEncoder().encode(`${id} ${epoch + 1n}`),
    };
    const outcome = await this.handoffs.give(to, gift).outcome;
    if (outcome.kind === 'failed' || (outcome.kind === 'adopted' && outcome.certain)) this.put(id, epoch);
    else if (outcome.kind === 'adopted') this.put(id, epoch + 2n);
    else if (outcome.kind === 'dropped') this.sim.dropped.add(id);
    return outcome;
  }

  async #send(to: string, request: Request): Promise<Reply | { type: 'none'; certain: boolean; reason: string }> {
    const delivery = await this.sim.transport.request(this.url, to, encode(request), REQUEST_MS);
    if (delivery.kind === 'answered') return decodeReply(delivery.frame);
    return { type: 'none', certain: delivery.kind === 'not_delivered', reason: delivery.reason };
  }

  #answer(request: Request, from: string): Reply {
    switch (request.type) {
      case 'give':
        return this.handoffs.onGive(from, request);
      case 'commit':
        return this.handoffs.onCommit(from, request.xfer);
      case 'abort':
        return this.handoffs.onAbort(from, request.xfer);
      case 'ask':
        return this.handoffs.onAsk(request.xfer);
      case 'end':
        throw new Error('no meetings here');
    }
  }
}

export class Sim {
  readonly clock = new ManualClock();
  readonly transport: Transport;
  readonly nodes: SimNode[] = [];
  readonly dropped = new Set<string>();
  nMoves = 0;
  /** What was wrong: two runnable copies of one (id, epoch), or of one image where no operator took a risk. */
  readonly violations: string[] = [];
  /** Images that an operator took back without an answer of the target. */
  readonly uncertain = new Set<string>();

  constructor(faults: (type: Request['type'], from: string, to: string) => Fault | undefined) {
    const carrier = new LocalCarrier({
      clock: this.clock,
      faults: (from, to, frame) => faults(decodeRequest(frame).type, from, to),
    });
    this.transport = new Transport([carrier]);
  }

  add(name: string): SimNode {
    const node = new SimNode(this, `local://${name}`);
    this.nodes.push(node);
    return node;
  }

  /** Where an image can run. */
  places(id: string): { url: string; epoch: bigint }[] {
    return this.nodes.flatMap(({ url, runnable }) => {
      const epoch = runnable.get(id);
      return epoch === undefined ? [] : [{ url, epoch }];
    });
  }

  check(): void {
    const seen = new Map<string, string>();
    for (const { url, runnable } of this.nodes) {
      for (const [id, epoch] of runnable) {
        const key = this.uncertain.has(id) ? `${id} at epoch ${epoch}` : id;
        const other = seen.get(key);
        if (other !== undefined) this.violations.push(`${key} on ${other} and ${url}`);
        seen.set(key, url);
      }
    }
  }

  /** Lets what is due happen, step by step, for so long or until nothing is due. */
  async run(forMs = Number.POSITIVE_INFINITY): Promise<void> {
    const until = this.clock.nowMs() + forMs;
    await settle();
    while (this.clock.next(until - this.clock.nowMs())) await settle();
  }
}

/** Lets promises that can go on do so. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
