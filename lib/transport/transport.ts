/**
 * URL routing, as the original calls it: the scheme of a node's URL picks the carrier.
 */
import { CtiError } from '../errors.js';
import type { Carrier, Delivery, Listener, Receive } from './carrier.js';
import { MAX_FRAME } from './carrier.js';
import { parseNodeUrl } from './url.js';

export class Transport {
  readonly #carriers = new Map<string, Carrier>();

  /** Throws CtiError INVALID_ARGUMENT if two carriers serve one scheme. */
  constructor(carriers: readonly Carrier[]) {
    for (const carrier of carriers) {
      for (const scheme of carrier.schemes) {
        if (this.#carriers.has(scheme)) {
          throw new CtiError('INVALID_ARGUMENT', `expected one carrier for URLs ${scheme}://... but received two`);
        }
        this.#carriers.set(scheme, carrier);
      }
    }
  }

  get schemes(): string[] {
    return [...this.#carriers.keys()];
  }

  #route(text: string): { carrier: Carrier; url: string } {
    const url = parseNodeUrl(text);
    const carrier = this.#carriers.get(url.scheme);
    if (!carrier) {
      const known = this.schemes.map((scheme) => `${scheme}://`).join(', ') || 'none';
      throw new CtiError(
        'INVALID_ARGUMENT',
        `expected a URL of a scheme that is carried here (${known}) but received '${text}'; nothing carries ${url.scheme}://`,
      );
    }
    return { carrier, url: carrier.check(url) };
  }

  /** The canonical form of a URL that can be routed. Throws CtiError INVALID_ARGUMENT. */
  check(url: string): string {
    return this.#route(url).url;
  }

  listen(url: string, receive: Receive): Listener {
    const route = this.#route(url);
    return route.carrier.listen(route.url, receive);
  }

  /** Never rejects: a URL that cannot be routed was not delivered to. */
  async request(from: string, to: string, frame: Uint8Array, timeoutMs: number): Promise<Delivery> {
    try {
      const { carrier, url } = this.#route(to);
      if (frame.length > MAX_FRAME) {
        return { kind: 'not_delivered', reason: `a frame of ${frame.length} bytes; at most ${MAX_FRAME} are carried` };
      }
      return await carrier.request(from, url, frame, timeoutMs);
    } catch (error) {
      if (error instanceof CtiError) return { kind: 'not_delivered', reason: error.message };
      throw error;
    }
  }
}
