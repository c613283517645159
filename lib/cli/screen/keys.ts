/**
 * Bytes of a terminal in raw mode as keys. A sequence that is not known is nothing; one that is cut is kept for the next bytes: over ssh a key may come in
 * two packets. So an escape at the end is not a key yet; who reads calls flush() where nothing follows for a moment.
 */

export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'up' | 'down' | 'left' | 'right' | 'page-up' | 'page-down' | 'home' | 'end' }
  | { readonly kind: 'enter' | 'escape' | 'backspace' | 'clear-line' | 'interrupt' | 'suspend' | 'redraw' };

const SEQUENCES: Readonly<Record<string, Key['kind']>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '4~': 'end',
  '7~': 'home',
  '8~': 'end',
  '5~': 'page-up',
  '6~': 'page-down',
};

const CONTROLS: Readonly<Record<string, Key['kind']>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0003': 'interrupt',
  '\u000c': 'redraw',
  '\u0015': 'clear-line',
  '\u001a': 'suspend',
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what a terminal sends
const SEQUENCE = /^\u001b(?:\[|O)([0-9;]*)([A-Za-z~])/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, not yet whole
const CUT = /^\u001b(?:(?:\[|O)[0-9;]*)?$/;

export class Keys {
  #rest = '';

  /** Bytes are kept that may be the begin of a key. */
  get isWaiting(): boolean {
    return this.#rest !== '';
  }

  /** Nothing follows what is kept: an escape alone is the key, the begin of a sequence is nothing. */
  flush(): Key[] {
    const isEscape = this.#rest === '\u001b';
    this.#rest = '';
    return isEscape ? [{ kind: 'escape' }] : [];
  }

  /** The keys in these bytes. */
  push(text: string): Key[] {
    const keys: Key[] = [];
    let left = this.#rest + text;
    this.#rest = '';
    while (left !== '') {
      const sequence = SEQUENCE.exec(left);
      if (sequence) {
        const [whole, digits = '', end = ''] = sequence;
        const kind = SEQUENCES[end === '~' ? `${digits}~` : end];
        if (kind) keys.push({ kind } as Key);
        left = left.slice(whole.length);
      } else if (CUT.test(left)) {
        this.#rest = left;
        break;
      } else {
        const char = String.fromCodePoint(left.codePointAt(0)!);
        left = left.slice(char.length);
        if (char === '\u001b') keys.push({ kind: 'escape' });
        else if (CONTROLS[char]) keys.push({ kind: CONTROLS[char] } as Key);
        else if (char >= ' ') keys.push({ kind: 'text', text: char });
      }
    }
    return keys;
  }
}
