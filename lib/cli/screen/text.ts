/** Text in cells of a terminal: escaped, cut and padded to a width. */
import stringWidth from 'string-width';
import { escapeText } from '../../escape.js';

/** Every character of these is one cell. */
const ASCII = /^[ -~]*$/;

export const widthOf = (text: string): number => (ASCII.test(text) ? text.length : stringWidth(text));

/** `text` in at most `width` cells; what is cut ends in `mark`. Escapes it: what comes out may go to a terminal. */
export function fit(text: string, width: number, mark: string): string {
  // A cell is a character at least, escaped or not: no need to look at all of a long list.
  const safe = escapeText(text.slice(0, 4 * width + 8));
  if (safe.length <= width && ASCII.test(safe)) return safe;
  if (widthOf(safe) <= width) return safe;
  if (width <= 0) return '';
  let cut = '';
  let used = 0;
  for (const char of safe) {
    const more = widthOf(char);
    if (used + more > width - 1) break;
    cut += char;
    used += more;
  }
  return cut + mark;
}

export function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - widthOf(text)));
  return align === 'right' ? blanks + text : text + blanks;
}

/** What frames are drawn with: a terminal that does not say it has UTF-8 gets ASCII. */
export interface Marks {
  readonly cut: string;
  readonly descending: string;
  readonly ascending: string;
}

export function marksOf(env: NodeJS.ProcessEnv): Marks {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale)
    ? { cut: '…', descending: '▼', ascending: '▲' }
    : { cut: '~', descending: 'v', ascending: '^' };
}
