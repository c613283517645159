/**
 * What nodes say to each other, and its form as bytes. Every field is checked when a frame comes in, also in process: a node trusts no frame.
 *
 *   frame   "CTIN" | u16 version 1 | u16 zero | u32 size of the head, little-endian | head: JSON | body: the image of a `give`, else nothing
 *
 * 64-bit numbers are decimal text in the head. A field that is not known is refused: a newer node says a newer version.
 */
import { CtiError } from '../errors.js';
import { MAX_URL } from '../transport/url.js';
import { ID } from './ids.js';
import { FAILURES, MAX_SLOTS, type MeetingRecord, type Slot, type SlotEnd } from './meeting.js';

/** The answer that the image's pending call gets where it goes on. */
export interface CallAnswer {
  readonly r0: bigint;
  readonly outputs: readonly { readonly arg: number; readonly bytes: Uint8Array }[];
}

export type Request =
  /** Hold this image; do not run it yet. `epoch` is the one it will have there. */
  | {
      readonly type: 'give';
      readonly xfer: string;
      readonly id: string;
      readonly epoch: bigint;
      readonly answer: CallAnswer;
      readonly meetings: readonly MeetingRecord[];
      readonly image: Uint8Array;
    }
  /** It is yours: run it. Repeated until it is done. */
  | { readonly type: 'commit'; readonly xfer: string }
  /** It stays with the sender: drop it, and refuse a commit that comes late. */
  | { readonly type: 'abort'; readonly xfer: string }
  /** What is decided about a transfer that the sender holds. */
  | { readonly type: 'ask'; readonly xfer: string }
  /** The child with this slot's token has ended. */
  | { readonly type: 'end'; readonly token: string; readonly child: string; readonly end: SlotEnd };

/** Why a node says no. `owned`: too late to abort; the rest are refusals of a `give` or of a slot. */
const REFUSALS = [
  'malformed',
  'old_epoch',
  'no_room',
  'hops',
  'image',
  'aborted',
  'no_transfer',
  'owned',
  'slot',
] as const;
export type Refusal = (typeof REFUSALS)[number];

const DECISIONS = ['open', 'committed', 'aborted', 'none'] as const;
export type Decision = (typeof DECISIONS)[number];

export type Reply =
  | { readonly type: 'held' }
  | { readonly type: 'done' }
  | { readonly type: 'decision'; readonly decision: Decision }
  | { readonly type: 'later' }
  | { readonly type: 'moved'; readonly to: string }
  | { readonly type: 'refused'; readonly code: Refusal; readonly reason: string };

export type Message = Request | Reply;

const MAGIC = 0x4e49_5443; // "CTIN", little-endian
const VERSION = 1;
const HEAD_AT = 12;
const MAX_HEAD = 1 << 22;
const MAX_U64 = (1n << 64n) - 1n;
const MAX_MEETINGS = 1024;
const MAX_OUTPUT = 65_536;

function headOf(message: Message): object {
  if (message.type !== 'give') return message;
  const { image: _, answer, ...head } = message;
  const outputs = answer.outputs.map(({ arg, bytes }) => ({ arg, bytes: Buffer.from(bytes).toString('base64') }));
  return { ...head, answer: { r0: answer.r0, outputs } };
}

/** Form of a frame: message -> bytes. */
export function encode(message: Message): Uint8Array {
  const body = message.type === 'give' ? message.image : new Uint8Array();
  const head = Buffer.from(
    JSON.stringify(headOf(message), (_, value) => (typeof value === 'bigint' ? String(value) : value)),
  );
  const frame = new Uint8Array(HEAD_AT + head.length + body.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint32(8, head.length, true);
  frame.set(head, HEAD_AT);
  frame.set(body, HEAD_AT + head.length);
  return frame;
}

function refuse(what: string, expected: string, received: unknown): CtiError {
  const text =
    typeof received === 'string' ? JSON.stringify(received.slice(0, 60)) : (JSON.stringify(received) ?? 'nothing');
  return new CtiError(
    'PROTOCOL',
    `message between nodes: ${what}: expected ${expected}, received ${text.slice(0, 80)}`,
  );
}

/** Fields of one object of the head, taken one by one; what nobody took is refused. */
class Fields {
  readonly #where: string;
  readonly #left: Map<string, unknown>;

  constructor(where: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(where, 'an object', value);
    this.#where = where;
    this.#left = new Map(Object.entries(value));
  }

  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value;
  }

  text(name: string, form: RegExp, expected: string): string {
    const value = this.take(name);
    if (typeof value !== 'string' || !form.test(value)) throw refuse(`${this.#where}.${name}`, expected, value);
    return value;
  }

  id(name: string): string {
    return this.text(name, ID, '32 hex digits');
  }

  u64(name: string): bigint {
    const value = BigInt(this.text(name, /^\d{1,20}$/, 'a number of 64 bits'));
    if (value > MAX_U64) throw refuse(`${this.#where}.${name}`, 'a number of 64 bits', String(value));
    return value;
  }

  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.take(name);
    const word = words.find((item) => item === value);
    if (word === undefined) throw refuse(`${this.#where}.${name}`, `one of ${words.join(', ')}`, value);
    return word;
  }

  list<T>(name: string, max: number, item: (value: unknown, where: string) => T): T[] {
    const value = this.take(name);
    const where = `${this.#where}.${name}`;
    if (!Array.isArray(value) || value.length > max) {
      throw refuse(where, `a list of at most ${max}`, Array.isArray(value) ? `${value.length} of them` : value);
    }
    return value.map((entry, i) => item(entry, `${where}[${i}]`));
  }

  end(): void {
    for (const [name] of this.#left) throw refuse(this.#where, 'no other field', name);
  }
}

function readEnd(value: unknown, where: string): SlotEnd {
  const fields = new Fields(where, value);
  const kind = fields.word('kind', ['arrived', 'failed', 'lost']);
  const end: SlotEnd =
    kind === 'arrived'
      ? { kind, result: fields.u64('result') }
      : kind === 'failed'
        ? { kind, reason: fields.word('reason', FAILURES) }
        : { kind };
  fields.end();
  return end;
}

function readSlot(value: unknown, where: string): Slot {
  const fields = new Fields(where, value);
  const slot = { child: fields.id('child'), token: fields.id('token') };
  const end = fields.take('end');
  fields.end();
  return end === undefined ? slot : { ...slot, end: readEnd(end, `${where}.end`) };
}

function readMeeting(value: unknown, where: string): MeetingRecord {
  const fields = new Fields(where, value);
  const meeting = { id: fields.id('id'), owner: fields.id('owner'), slots: fields.list('slots', MAX_SLOTS, readSlot) };
  fields.end();
  return meeting;
}

function readOutput(value: unknown, where: string): { arg: number; bytes: Uint8Array } {
  const fields = new Fields(where, value);
  const arg = fields.take('arg');
  if (typeof arg !== 'number' || !Number.isInteger(arg) || arg < 0 || arg > 4)
    throw refuse(`${where}.arg`, '0 to 4', arg);
  const bytes = Buffer.from(fields.text('bytes', /^[A-Za-z0-9+/]*={0,2}$/, 'base64'), 'base64');
  if (bytes.length > MAX_OUTPUT) throw refuse(`${where}.bytes`, `at most ${MAX_OUTPUT} bytes`, bytes.length);
  fields.end();
  return { arg, bytes };
}

function readAnswer(value: unknown): CallAnswer {
  const fields = new Fields('answer', value);
  const answer = { r0: fields.u64('r0'), outputs: fields.list('outputs', 5, readOutput) };
  fields.end();
  return answer;
}

function split(frame: Uint8Array): { head: unknown; body: Uint8Array } {
  if (frame.length < HEAD_AT) throw refuse('frame', `at least ${HEAD_AT} bytes`, frame.length);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  if (view.getUint32(0, true) !== MAGIC) throw refuse('magic', '"CTIN"', view.getUint32(0, true));
  if (view.getUint16(4, true) !== VERSION) throw refuse('version', String(VERSION), view.getUint16(4, true));
  if (view.getUint16(6, true) !== 0) throw refuse('reserved', '0', view.getUint16(6, true));
  const size = view.getUint32(8, true);
  if (size > MAX_HEAD || size > frame.length - HEAD_AT) {
    throw refuse('size of the head', `at most ${Math.min(MAX_HEAD, frame.length - HEAD_AT)}`, size);
  }
  const text = new TextDecoder('utf-8', { fatal: true });
  try {
    return {
      head: JSON.parse(text.decode(frame.subarray(HEAD_AT, HEAD_AT + size))),
      body: frame.subarray(HEAD_AT + size),
    };
  } catch (cause) {
    throw new CtiError('PROTOCOL', `message between nodes: head: expected JSON in UTF-8: ${(cause as Error).message}`, {
      cause,
    });
  }
}

const REQUESTS = ['give', 'commit', 'abort', 'ask', 'end'] as const;
const REPLIES = ['held', 'done', 'decision', 'later', 'moved', 'refused'] as const;

function read<T extends Message>(
  frame: Uint8Array,
  types: readonly T['type'][],
  content: (type: T['type'], fields: Fields, body: Uint8Array) => T,
): T {
  const { head, body } = split(frame);
  const fields = new Fields('head', head);
  const type = fields.word('type', types);
  const message = content(type, fields, body);
  fields.end();
  if (type !== 'give' && body.length > 0) throw refuse(`body of ${type}`, 'none', `${body.length} bytes`);
  return message;
}

/** Throws CtiError PROTOCOL with the field, what was expected and what was received. The image itself is not looked at. */
export function decodeRequest(frame: Uint8Array): Request {
  return read<Request>(frame, REQUESTS, (type, fields, body) => {
    if (type === 'give') {
      return {
        type,
        xfer: fields.id('xfer'),
        id: fields.id('id'),
        epoch: fields.u64('epoch'),
        answer: readAnswer(fields.take('answer')),
        meetings: fields.list('meetings', MAX_MEETINGS, readMeeting),
        image: body,
      };
    }
    if (type !== 'end') return { type, xfer: fields.id('xfer') };
    return { type, token: fields.id('token'), child: fields.id('child'), end: readEnd(fields.take('end'), 'end') };
  });
}

/** Throws CtiError PROTOCOL. */
export function decodeReply(frame: Uint8Array): Reply {
  return read<Reply>(frame, REPLIES, (type, fields) => {
    if (type === 'decision') return { type, decision: fields.word('decision', DECISIONS) };
    if (type === 'moved') {
      return { type, to: fields.text('to', new RegExp(`^[\\x21-\\x7e]{1,${MAX_URL}}$`), 'the URL of a node') };
    }
    if (type !== 'refused') return { type };
    return { type, code: fields.word('code', REFUSALS), reason: fields.text('reason', /^.{0,1000}$/su, 'text') };
  });
}
