/**
 * What a carrier is: it takes a frame of bytes from one node to another and brings the answer back. It knows nothing of images; lib/migration
 * says what frames mean and what to do when no answer comes. A network carrier adds here what is the network's: connections, the peer's
 * certificate, limits of size. CONTRIBUTING.md shows how to add one.
 */
import type { NodeUrl } from './url.js';

/** Most bytes of a frame: an image of 256 MiB would be cut into several by a carrier that cannot take it whole. */
export const MAX_FRAME = 1 << 28;

/**
 * What became of a request.
 *
 * - answered: the other node's answer.
 * - not_delivered: it certainly did not get there. It can be sent again without care.
 * - unknown: it may have got there; only what does no harm twice may be sent again.
 */
export type Delivery =
  | { readonly kind: 'answered'; readonly frame: Uint8Array }
  | { readonly kind: 'not_delivered'; readonly reason: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** A node's ear. `from` is the URL of the sender as the carrier vouches for it. It must not throw: what is wrong is an answer too. */
export type Receive = (frame: Uint8Array, from: string) => Promise<Uint8Array>;

export interface Listener {
  /** No frame is received after it. */
  close(): void;
}

export interface Carrier {
  /** The schemes of URLs it serves. */
  readonly schemes: readonly string[];
  /** The URL's canonical form. Throws CtiError INVALID_ARGUMENT where the authority is not one of this scheme. */
  check(url: NodeUrl): string;
  /** Receives for the node `url`. Throws CtiError INVALID_ARGUMENT if somebody does already. */
  listen(url: string, receive: Receive): Listener;
  /** Sends and waits for the answer, at most `timeoutMs`. Never rejects. */
  request(from: string, to: string, frame: Uint8Array, timeoutMs: number): Promise<Delivery>;
}
