/** A real terminal for tests: a tmux server of their own, its screen and its keys. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Tmux {
  /** The screen's lines, blanks at their ends cut. */
  screen(): string[];
  /** Types text as it is. */
  type(text: string): void;
  /** Presses keys by tmux's names: Enter, Up, C-c, BSpace. */
  press(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** A format of tmux: #{alternate_on}, #{cursor_flag}, #{pane_pid}. */
  ask(format: string): string;
  /** What is given back says all bytes that were written to the terminal since the call of record(). */
  record(): () => string;
  /** Waits until the screen is as `is` wants it. */
  until(what: string, is: (text: string, lines: readonly string[]) => boolean, ms?: number): Promise<string[]>;
  stop(): void;
}

export interface TmuxOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** A shell in a terminal of 80 by 24. */
export function startTmux({ columns = 80, rows = 24, env = {} }: TmuxOptions = {}): Tmux {
  const dir = mkdtempSync(join(tmpdir(), 'cti-tmux-'));
  const socket = join(dir, 'socket');
  const { TMUX: _outer, OVS_RUNDIR: _rundir, ...inherited } = process.env;
  const tmux = (...args: string[]): string =>
    execFileSync('tmux', ['-f', '/dev/null', '-S', socket, ...args], {
      encoding: 'utf8',
      env: { ...inherited, LC_ALL: 'C.UTF-8', ...env },
    });
  tmux(
    'new-session',
    '-d',
    '-s',
    't',
    '-x',
    String(columns),
    '-y',
    String(rows),
    'env',
    'PS1=$ ',
    'bash',
    '--norc',
    '--noprofile',
  );
  tmux('set-option', '-g', 'status', 'off');
  tmux('resize-window', '-t', 't', '-x', String(columns), '-y', String(rows));
  let nRecords = 0;
  const screen = (): string[] =>
    tmux('capture-pane', '-p', '-t', 't')
      .replace(/\n$/, '')
      .split('\n')
      .map((line) => line.trimEnd());
  return {
    screen,
    type: (text) => void tmux('send-keys', '-t', 't', '-l', '--', text),
    press: (...keys) => void tmux('send-keys', '-t', 't', ...keys),
    resize: (columns, rows) => void tmux('resize-window', '-t', 't', '-x', String(columns), '-y', String(rows)),
    ask: (format) => tmux('display-message', '-p', '-t', 't', format).trim(),
    record() {
      const file = join(dir, `record-${nRecords++}`);
      tmux('pipe-pane', '-t', 't', `cat > ${file}`);
      return () => readFileSync(file, 'utf8');
    },
    async until(what, is, ms = 60_000) {
      for (const end = Date.now() + ms; ; await sleep(50)) {
        const lines = screen();
        if (is(lines.join('\n'), lines)) return lines;
        if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}; the screen is\n${lines.join('\n')}`);
      }
    },
    stop() {
      try {
        tmux('kill-server');
      } catch {
        // it has gone with its shell
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
