/**
 * A live screen: reads, asks, draws, and does what keys say. Two things go on beside each other, the readings and the questions that keys lead
 * to; both touch the samples, so one waits for the other.
 */
import { CtiError } from '../../errors.js';
import type { QuestionResult } from '../../query/run.js';
import { isGone } from '../../sources/switch-life.js';
import type { TableSnapshot } from '../../tables/snapshot.js';
import { cells, columnsOf } from '../answer.js';
import type { Context } from '../context.js';
import { count, integer, ms } from '../figures.js';
import type { Key } from './keys.js';
import type { LiveTable, Outcome } from './live-table.js';
import { tableLines } from './table-lines.js';
import { type Line, Terminal, type TerminalStreams } from './terminal.js';
import { fit, marksOf } from './text.js';
import { firstState, type Order, press, type ViewState } from './view-state.js';

export interface LivePlan {
  /** `top` or `watch`. */
  readonly name: string;
  readonly order: Order | undefined;
  /** The question for what is asked on the screen. Throws where what was typed is no condition. */
  question(view: { readonly filter: string; readonly order: Order | undefined }): string;
}

/** Lines of the screen that are not rows: title, question, message, head of the table, two of the footer. */
const FRAME_LINES = 6;

const HELP = [
  'q, Ctrl-C      quit',
  'p, space       pause, go on',
  '< > or arrows  order by the column to the left, to the right',
  'r              the other way round',
  '/              filter: a condition, as after where; empty: none',
  'up down j k    scroll by a row; PgUp PgDn Home End',
  'Ctrl-L         draw anew',
  'h ?            this; any key goes back',
];

const instant = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString().slice(11, 19);

export class LiveScreen {
  readonly #terminal: Terminal;
  readonly #marks;
  #state: ViewState;
  /** Of the last question that was answered. */
  #good: ViewState;
  #shown: Outcome = 'waiting';
  /** Why the last reading gave no answer: until one does. */
  #error: string | undefined;
  /** Why what was typed was not taken: until the next key, however many readings come. */
  #refusal: string | undefined;
  #busy: Promise<void> = Promise.resolve();
  #quit: (() => void) | undefined;
  #resume: (() => void) | undefined;
  #isOver = false;
  /** What columns have wanted so far: they grow with what is in them, and do not jump back. */
  #widths: { readonly key: string; readonly wanted: readonly number[] } = { key: '', wanted: [] };
  #crash: ((error: unknown) => void) | undefined;

  constructor(
    private readonly context: Context,
    private readonly plan: LivePlan,
    private readonly table: LiveTable,
    streams: TerminalStreams,
  ) {
    this.#marks = marksOf(context.env);
    this.#state = firstState(plan.order);
    this.#good = this.#state;
    this.#terminal = new Terminal(streams, this.#onKey, () => this.#draw());
  }

  /** Until a key or a signal ends it. Rejects with what is not the switch's or the question's fault. */
  async run(): Promise<void> {
    const over = new Promise<void>((resolve, reject) => {
      this.#quit = resolve;
      this.#crash = reject;
    });
    const { signal } = this.context;
    const stop = () => this.#quit?.();
    signal.addEventListener('abort', stop, { once: true });
    this.#terminal.open();
    try {
      this.#draw();
      const reading = this.#read();
      reading.catch(() => {}); // it is over by then
      await Promise.race([over, reading]);
    } finally {
      this.#isOver = true;
      this.#resume?.();
      signal.removeEventListener('abort', stop);
      this.#terminal.close();
    }
  }

  async #read(): Promise<void> {
    while (!this.#isOver) {
      await this.#whilePaused();
      try {
        const captured = await this.table.next();
        await this.#whilePaused(); // it was on its way
        if (this.#isOver) {
          captured.snapshot.close();
          return;
        }
        await this.#alone(async () => {
          const retire = this.table.accept(captured);
          try {
            await this.#ask();
          } finally {
            retire();
          }
        });
      } catch (error) {
        if (this.#isOver) return;
        this.#failed(error);
      }
      this.#draw();
    }
  }

  async #whilePaused(): Promise<void> {
    while (this.#state.isPaused && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
  }

  /** One at a time: each replaces what the other works on. */
  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => {});
    return done;
  }

  /** Answers the question of the state. A filter or an order that is none is said, and taken back. */
  async #ask(): Promise<void> {
    const state = this.#state;
    try {
      this.#shown = await this.table.ask(this.plan.question(state));
      this.#good = state;
      this.#error = undefined;
    } catch (error) {
      const isOwn = state.filter !== this.#good.filter || state.order !== this.#good.order;
      if (!isOwn) this.#shown = 'waiting';
      else {
        this.#state = { ...this.#state, filter: this.#good.filter, order: this.#good.order };
        const refusal = this.#sentence(error);
        this.#refusal = refusal;
        this.#shown = await this.table.ask(this.plan.question(this.#state));
        this.#error = undefined;
        if (refusal !== undefined) return;
      }
      throw error;
    }
  }

  /** What to say of a fault of the switch or of a question; undefined: it is ours. */
  #sentence(error: unknown): string | undefined {
    return error instanceof CtiError && error.code !== 'INTERNAL' ? error.message.split('\n')[0] : undefined;
  }

  /** What a switch that goes, or a question, gives is said; it may be otherwise a moment later. */
  #failed(error: unknown): void {
    const sentence = this.#sentence(error);
    if (sentence === undefined) this.#crash?.(error);
    else if (!this.#isOver)
      this.#error = isGone(error) && this.#shown !== 'waiting' ? `the switch has gone: ${sentence}` : sentence;
  }

  readonly #onKey = (key: Key): void => {
    const { state, act } = press(this.#state, key, this.#shape());
    this.#state = state;
    this.#refusal = undefined;
    if (!state.isPaused) this.#resume?.();
    if (act === 'quit') this.#quit?.();
    else if (act === 'suspend') this.#terminal.suspend();
    else if (act === 'redraw') this.#terminal.forget();
    else if (act === 'ask')
      this.#alone(() => this.#ask())
        .catch((error) => this.#failed(error))
        .then(() => this.#draw());
    if (act !== 'none' && act !== 'suspend' && act !== 'quit') this.#draw();
  };

  get #room(): number {
    return Math.max(1, this.#terminal.rows - FRAME_LINES);
  }

  #shape() {
    const shown = this.#shown;
    if (shown === 'waiting') return { orderable: [], nRows: 0, room: this.#room };
    const { columns, facts, answer } = shown.result;
    const orderable =
      answer.kind === 'count' ? [] : columns.flatMap(({ title, column }) => (column.kind === 'row' ? [] : [title]));
    return { orderable, nRows: facts.rowsShown, room: this.#room };
  }

  #draw(): void {
    if (this.#isOver) return;
    const { columns: width, rows: height } = this.#terminal;
    const body = this.#state.showsHelp
      ? HELP.map((text): Line => ({ text: fit(text, width, this.#marks.cut) }))
      : this.#table(width);
    const lines = [...this.#top(width), ...body].slice(0, Math.max(1, height - 2));
    while (lines.length < height - 2) lines.push({ text: '' });
    this.#terminal.draw([...lines, ...this.#bottom(width)].slice(0, height));
  }

  #line(text: string, width: number, style?: Line['style']): Line {
    const fitted = fit(text, width, this.#marks.cut);
    return style === undefined ? { text: fitted } : { text: fitted, style };
  }

  #top(width: number): Line[] {
    const shown = this.#shown;
    const { periodMs } = this.table.reading;
    const about = shown === 'waiting' ? undefined : shown.captured.snapshot.facts;
    const source = about ? `${about.source}  ${instant(about.beginNs)} UTC` : 'reading';
    const paused = this.#state.isPaused ? '  PAUSED' : '';
    const { filter, typing } = this.#state;
    const question = this.plan.question(this.#good);
    const wrong = this.#refusal ?? this.#error;
    const notes = shown === 'waiting' ? [] : shown.result.facts.notes;
    const message: Line =
      typing !== undefined
        ? this.#line(`filter: ${typing}_`, width, 'prompt')
        : wrong !== undefined
          ? this.#line(wrong, width, 'error')
          : this.#line(filter === '' ? notes.join('; ') : `filter: ${filter}`, width, 'dim');
    return [
      this.#line(`ctinspector ${this.plan.name}  ${source}  every ${ms(periodMs)}${paused}`, width, 'title'),
      this.#line(question, width, 'dim'),
      message,
    ];
  }

  #table(width: number): Line[] {
    const shown = this.#shown;
    if (shown === 'waiting')
      return [this.#line(this.#error === undefined ? 'waiting for the first answer ...' : '', width, 'dim')];
    const { result, captured } = shown;
    const room = this.#room;
    const from = Math.min(this.#state.scroll, Math.max(0, result.facts.rowsShown - room));
    const rows = [...cellsFrom(result, captured.snapshot, from, room)];
    const columns = columnsOf(result, captured.snapshot).map(({ name, align = 'left' }) => ({ name, align }));
    const key = `${width} ${this.#marks.cut} ${columns.map(({ name }) => name).join()}`;
    if (key !== this.#widths.key) this.#widths = { key, wanted: [] };
    const {
      head,
      rows: lines,
      wanted,
    } = tableLines(columns, rows, width, this.#marks, {
      order: this.#good.order,
      atLeast: this.#widths.wanted,
    });
    this.#widths = { key, wanted };
    return [{ text: head, style: 'head' }, ...lines.map((text): Line => ({ text }))];
  }

  #bottom(width: number): Line[] {
    const shown = this.#shown;
    const parts: string[] = [];
    if (shown !== 'waiting') {
      const { facts } = shown.result;
      const about = shown.captured.snapshot.facts;
      const from = Math.min(this.#state.scroll, Math.max(0, facts.rowsShown - this.#room));
      const to = Math.min(facts.rowsShown, from + this.#room);
      const of = `of ${count(facts.rowsScanned, this.table.schema.noun)}`;
      parts.push(
        facts.rowsShown > this.#room
          ? `${integer.format(from + 1)}-${integer.format(to)} of ${count(facts.rowsShown, 'row')} ${of}`
          : `${count(facts.rowsShown, 'row')} ${of}`,
      );
      if (about.samples && about.samples.intervalMs !== null) parts.push(`rates over ${ms(about.samples.intervalMs)}`);
      if (facts.undecided > 0) parts.push(`${integer.format(facts.undecided)} undecided`);
      if (facts.noValue > 0) parts.push(`${integer.format(facts.noValue)} without a value`);
      if (facts.couldCarry.rows > 0) parts.push(`${integer.format(facts.couldCarry.rows)} could carry it`);
      const { cost } = about;
      if (cost) parts.push(`cost ${ms(cost.requestMs)} of the switch`);
    }
    const keys =
      this.#state.typing === undefined
        ? 'q quit  p pause  / filter  <> order  r reverse  h help'
        : 'Enter takes it  Esc leaves it  Ctrl-U empties it';
    return [this.#line(parts.join('; '), width, 'dim'), this.#line(keys, width, 'dim')];
  }
}

/** The text of some rows of an answer: those before cost nothing. */
function* cellsFrom(result: QuestionResult, snapshot: TableSnapshot, from: number, n: number): Generator<string[]> {
  const { answer } = result;
  const part: QuestionResult =
    answer.kind === 'rows'
      ? { ...result, answer: { ...answer, rows: answer.rows.subarray(from, from + n) } }
      : answer.kind === 'groups'
        ? { ...result, answer: { ...answer, groups: answer.groups.slice(from, from + n) } }
        : result;
  for (const row of cells(part, snapshot)) yield row.map(({ text }) => text);
}
