/**
 * What one question leaves for the next: the program that it became, for as long as its table has the same rows, and the window that has its snapshot
 * mapped. Compiling costs a question a third of its time, and the pages of a window another: who asks once (the command line) keeps nothing.
 */
import type { CompiledQuestion } from '../compiler/index.js';
import type { Program, Run } from '../runner/program.js';

export interface Prepared {
  readonly compiled: CompiledQuestion;
  readonly program: Program;
}

/** Of one table with certain rows, and of certain names of the user's. */
export class PreparedQuestions {
  readonly #byText = new Map<string, Prepared>();

  constructor(private readonly limit: number) {}

  get(question: string): Prepared | undefined {
    const found = this.#byText.get(question);
    if (!found) return undefined;
    this.#byText.delete(question);
    this.#byText.set(question, found); // the one that was asked last goes last
    return found;
  }

  /** Those that were not asked for longest make room. One with large tables of its own (a value for each row) is not kept. */
  set(question: string, prepared: Prepared): void {
    if (question.length > MAX_TEXT || sizeOf(prepared) > MAX_BYTES) return;
    this.#byText.set(question, prepared);
    for (const oldest of this.#byText.keys()) {
      if (this.#byText.size <= this.limit) return;
      this.#byText.delete(oldest);
    }
  }
}

const MAX_TEXT = 4096;
const MAX_BYTES = 256 << 10;
const sizeOf = ({ compiled: { spec } }: Prepared): number =>
  spec.code.length + (spec.rodata?.length ?? 0) + (spec.data?.length ?? 0);

/** A window with one snapshot in it that no question uses just now. */
export class KeptWindow {
  #idle: Run | undefined;
  #isClosed = false;

  /** The caller closes it, or gives it back. */
  take(): Run | undefined {
    const run = this.#idle;
    this.#idle = undefined;
    return run;
  }

  /** `run` has ended. It is closed if there is one already, or if it holds much of its own. */
  give(run: Run): void {
    if (this.#isClosed || this.#idle || run.closed || !run.ended || run.privateBytes > MAX_PRIVATE_BYTES) run.close();
    else this.#idle = run;
  }

  /** Before the snapshot is closed; a window that is out is closed when it is given back. */
  close(): void {
    this.#isClosed = true;
    this.take()?.close();
  }
}

const MAX_PRIVATE_BYTES = 8 << 20;

/** Of one snapshot. */
export interface Kept {
  readonly prepared: PreparedQuestions;
  readonly window: KeptWindow;
}
