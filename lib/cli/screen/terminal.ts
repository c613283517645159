/**
 * The terminal while a live screen has it: the alternate screen, no cursor, keys as they are pressed. Whatever ends the program, what it was is
 * put back: on close(), on the process's exit, and before an uncaught error is printed. Only SIGKILL leaves it as it is (`reset` helps).
 *
 * Frames are drawn by lines: those that are as they were are not written, and all of a frame is one write between the marks of a synchronized
 * update, which terminals that know it show at once and others ignore. So nothing flickers, and little goes over ssh.
 */
import { writeSync } from 'node:fs';
import type { ReadStream, WriteStream } from 'node:tty';
import { type Key, Keys } from './keys.js';
import { widthOf } from './text.js';

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J';
const LEAVE = '\u001b[?2026l\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l';
const BEGIN = '\u001b[?2026h';
const END = '\u001b[?2026l';

/** A line of a frame: at most as wide as the screen, escaped; `style` for all of it. */
export interface Line {
  readonly text: string;
  readonly style?: 'title' | 'head' | 'dim' | 'error' | 'prompt';
}

const ENDS = ['end', 'error', 'close'] as const;

const STYLES: Readonly<Record<NonNullable<Line['style']>, string>> = {
  title: '1',
  head: '7',
  dim: '2',
  error: '1;31',
  prompt: '1',
};

export interface TerminalStreams {
  readonly input: ReadStream;
  readonly output: WriteStream;
  readonly isColoured: boolean;
}

/** What may lie between two packets of one key; who presses Escape does not notice it. */
const KEY_GAP_MS = 100;

export class Terminal {
  #keyGap: NodeJS.Timeout | undefined;
  #shown: string[] = [];
  #isOpen = false;
  #isSuspended = false;
  readonly #keys = new Keys();
  readonly #streams: TerminalStreams;
  readonly #onKey: (key: Key) => void;
  readonly #onResize: () => void;

  constructor(streams: TerminalStreams, onKey: (key: Key) => void, onResize: () => void) {
    this.#streams = streams;
    this.#onKey = onKey;
    this.#onResize = onResize;
  }

  get columns(): number {
    return Math.max(1, this.#streams.output.columns || 80);
  }

  get rows(): number {
    return Math.max(1, this.#streams.output.rows || 24);
  }

  open(): void {
    const { input, output } = this.#streams;
    this.#isOpen = true;
    process.on('exit', this.#restore);
    process.on('uncaughtExceptionMonitor', this.#restore);
    process.on('SIGCONT', this.#resumed);
    process.on('SIGHUP', this.#hungUp);
    output.on('resize', this.#resized);
    if (input.isTTY) {
      input.setRawMode(true);
      // A terminal that goes is the end of its input; SIGHUP comes only to those of its own session.
      for (const end of ENDS) input.on(end, this.#hungUp);
      input.setEncoding('utf8').on('data', this.#read).resume();
    }
    output.write(ENTER);
    this.#shown = [];
  }

  close(): void {
    if (!this.#isOpen) return;
    const { input, output } = this.#streams;
    output.off('resize', this.#resized);
    input.off('data', this.#read).pause();
    for (const end of ENDS) input.off(end, this.#hungUp);
    clearTimeout(this.#keyGap);
    this.#restore();
    process.off('exit', this.#restore);
    process.off('uncaughtExceptionMonitor', this.#restore);
    process.off('SIGCONT', this.#resumed);
    process.off('SIGHUP', this.#hungUp);
  }

  /** Draws a frame over the one before. */
  draw(lines: readonly Line[]): void {
    if (!this.#isOpen) return;
    const { rows, columns } = this;
    let out = '';
    for (let row = 0; row < rows; row++) {
      const line = this.#styled(lines[row]);
      if (line === this.#shown[row]) continue;
      // At the right edge there is nothing behind, and erasing would take the last cell.
      const erase = widthOf(lines[row]?.text ?? '') >= columns ? '' : '\u001b[K';
      out += `\u001b[${row + 1};1H${line}${erase}`;
      this.#shown[row] = line;
    }
    if (out !== '') this.#streams.output.write(BEGIN + out + END);
  }

  /** Draws all of the next frame: somebody else may have written here. */
  forget(): void {
    this.#shown = [];
    this.#streams.output.write('\u001b[2J');
  }

  /**
   * Gives the terminal back to the shell until the process is continued (Ctrl-Z). Where there is no shell that could continue it (`ssh -t HOST ctinspector
   * top`: the process group is an orphan) the kernel does not stop it, nobody sends SIGCONT, and the screen is taken again at once.
   */
  suspend(): void {
    this.#restore();
    this.#isSuspended = true;
    process.kill(process.pid, 'SIGTSTP');
    setImmediate(() => {
      if (this.#isSuspended) this.#resumed();
    });
  }

  #styled(line: Line | undefined): string {
    if (!line) return '';
    const { text, style } = line;
    if (style === undefined || (!this.#streams.isColoured && style !== 'head')) return text;
    return `\u001b[${STYLES[style]}m${text}\u001b[0m`;
  }

  readonly #read = (text: string): void => {
    clearTimeout(this.#keyGap);
    for (const key of this.#keys.push(text)) this.#onKey(key);
    if (!this.#keys.isWaiting) return;
    this.#keyGap = setTimeout(() => {
      for (const key of this.#keys.flush()) this.#onKey(key);
    }, KEY_GAP_MS);
  };

  readonly #resized = (): void => {
    this.forget();
    this.#onResize();
  };

  readonly #resumed = (): void => {
    const { input, output } = this.#streams;
    this.#isSuspended = false;
    if (input.isTTY) input.setRawMode(true);
    output.write(ENTER);
    this.#isOpen = true;
    this.#shown = [];
    this.#onResize();
  };

  readonly #hungUp = (): void => {
    process.exit(129);
  };

  /** In one synchronous write: the process may be ending. */
  readonly #restore = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { input, output } = this.#streams;
    try {
      if (input.isTTY) input.setRawMode(false);
      writeSync((output as WriteStream & { fd: number }).fd, LEAVE);
    } catch {
      // The terminal has gone (SIGHUP): there is nothing to put back.
    }
  };
}
