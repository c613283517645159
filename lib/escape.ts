/**
 * Text from outside (port names, dump text, error replies) on its way to a terminal. A port can be named with escape sequences that move the
 * cursor, rewrite the title or hide a row; none of it may reach the terminal as it is.
 */

/** Control characters (C0, DEL, C1), line and paragraph separators, characters that reorder or hide text, lone surrogates, tags. */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;

/** `text` with every unsafe character shown as \xNN or \u{N}; what is safe, other scripts included, stays. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
    return `\\u{${code.toString(16)}}`;
  });
}

/** A JSON text in which every unsafe character inside strings is a \u escape: the same JSON, safe for a terminal. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) =>
    char === '\n'
      ? char
      : Array.from({ length: char.length }, (_, i) => `\\u${char.charCodeAt(i).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );
}
