/**
 * Cuts a stream of bytes into JSON objects that stand one behind the other, without separators, as they come. It looks at braces and strings only;
 * JSON.parse does the rest. What is held is bounded, however slowly or badly a client sends.
 */
import { StringDecoder } from 'node:string_decoder';
import { CtiError } from '../errors.js';

export interface StreamBounds {
  /** Characters of one object. */
  readonly maxSize: number;
  readonly maxDepth: number;
}

export const REQUEST_BOUNDS: StreamBounds = { maxSize: 8 << 20, maxDepth: 32 };

export class JsonStream {
  readonly #bounds: StreamBounds;
  readonly #decoder = new StringDecoder('utf8');
  #parts: string[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  constructor(bounds: StreamBounds = REQUEST_BOUNDS) {
    this.#bounds = bounds;
  }

  /** Whether it stands between two objects. */
  get isBetween(): boolean {
    return this.#depth === 0;
  }

  /** The objects that are whole now. Throws CtiError PROTOCOL; the stream is not used again then. */
  feed(chunk: Uint8Array): Record<string, unknown>[] {
    const text = this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    const objects: Record<string, unknown>[] = [];
    let from = 0;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (this.#depth === 0) {
        if (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) continue;
        if (c !== 0x7b)
          throw new CtiError('PROTOCOL', `expected a JSON object but received ${JSON.stringify(text[i])}`);
        from = i;
        this.#depth = 1;
      } else if (this.#escaped) this.#escaped = false;
      else if (this.#inString) {
        if (c === 0x5c) this.#escaped = true;
        else if (c === 0x22) this.#inString = false;
      } else if (c === 0x22) this.#inString = true;
      else if (c === 0x7b || c === 0x5b) {
        if (++this.#depth > this.#bounds.maxDepth)
          throw new CtiError('PROTOCOL', `expected at most ${this.#bounds.maxDepth} levels of nesting`);
      } else if ((c === 0x7d || c === 0x5d) && --this.#depth === 0) {
        objects.push(this.#parse(text.slice(from, i + 1)));
        from = i + 1;
      }
    }
    if (this.#depth > 0) {
      const rest = text.slice(from);
      this.#size += rest.length;
      if (this.#size > this.#bounds.maxSize)
        throw new CtiError('PROTOCOL', `expected a request of at most ${this.#bounds.maxSize} characters`);
      this.#parts.push(rest);
    }
    return objects;
  }

  #parse(end: string): Record<string, unknown> {
    const text = this.#parts.length === 0 ? end : this.#parts.join('') + end;
    this.#parts = [];
    this.#size = 0;
    if (text.length > this.#bounds.maxSize)
      throw new CtiError('PROTOCOL', `expected a request of at most ${this.#bounds.maxSize} characters`);
    try {
      return JSON.parse(text) as Record<string, unknown>;
    } catch (error) {
      throw new CtiError('PROTOCOL', `not JSON: ${(error as Error).message}`);
    }
  }
}
