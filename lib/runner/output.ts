/** What a program printed and emitted, as native/vm/output.h lays it out. */

export interface Text {
  readonly kind: 'text';
  /** What is not UTF-8 is replaced by U+FFFD. Not yet safe for a terminal. */
  readonly text: string;
}
export interface Emitted {
  readonly kind: 'record';
  /** The program's own number. */
  readonly type: bigint;
  readonly bytes: Uint8Array;
}
export type Output = Text | Emitted;

const HEAD_SIZE = 16;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** `pieces` comes from the addon. Records are views of it. */
export function decodeOutput(pieces: Uint8Array): Output[] {
  const view = new DataView(pieces.buffer, pieces.byteOffset, pieces.byteLength);
  const list: Output[] = [];
  for (let at = 0; at < pieces.length; ) {
    const size = view.getUint32(at + 4, true);
    const bytes = pieces.subarray(at + HEAD_SIZE, at + HEAD_SIZE + size);
    if (view.getUint32(at, true) === 0) list.push({ kind: 'text', text: decoder.decode(bytes) });
    else list.push({ kind: 'record', type: view.getBigUint64(at + 8, true), bytes });
    at += HEAD_SIZE + Math.ceil(size / 8) * 8;
  }
  return list;
}
