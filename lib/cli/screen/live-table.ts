/** A question answered again and again: the samples it needs, its answer, and what to say about it. Draws nothing. */
import type { Names } from '../../compiler/index.js';
import { type QuestionResult, runQuestion } from '../../query/run.js';
import { type SamplesNeeded, samplesNeeded } from '../../query/samples.js';
import type { Captured } from '../../sources/registry.js';
import { type RepeatedOptions, RepeatedReading, type WaitOptions } from '../../sources/repeated.js';
import { isSameProcess } from '../../sources/switch-life.js';
import type { TableSchema } from '../../table-schema.js';
import { combineSamples } from '../../tables/sampled.js';
import type { TableSnapshot } from '../../tables/snapshot.js';
import { checkQuestion } from '../check-question.js';
import { keepOff } from '../keep-off.js';

export interface Answered {
  readonly question: string;
  readonly result: QuestionResult;
  /** What the rows are of. */
  readonly captured: Captured;
  readonly wallMs: number;
}

/** `waiting`: the question compares two samples, and there is one yet. */
export type Outcome = Answered | 'waiting';

export interface LiveTableOptions extends RepeatedOptions {
  /** The sample that `changes since FILE` compares with; closed by close(). */
  readonly since?: TableSnapshot | undefined;
  /** The user's own. */
  readonly names: Names;
}

export class LiveTable {
  readonly reading: RepeatedReading;
  #before: TableSnapshot | undefined;
  #current: Captured | undefined;
  /** Two samples in one, for the answer that is shown. */
  #combined: TableSnapshot | undefined;
  readonly #options: LiveTableOptions;

  constructor(
    readonly schema: TableSchema,
    options: LiveTableOptions,
  ) {
    this.#options = options;
    this.reading = new RepeatedReading(schema.name, options);
  }

  /** Waits for the next reading. It is not used before accept(). */
  next(): Promise<Captured> {
    return this.reading.next(this.#current?.snapshot);
  }

  /** As next(), and waits while the switch has gone. */
  nextWhenThere(options: WaitOptions): Promise<Captured> {
    return this.reading.nextWhenThere(this.#current?.snapshot, options);
  }

  /**
   * Questions are answered from this reading, and the one before, from now on; not from one before of another process: its counters are not those of
   * this one. What is given back closes what the answer before is of.
   */
  accept(captured: Captured): () => void {
    if (!this.#options.fast) keepOff(captured.snapshot);
    const last = this.#current?.snapshot;
    const isComparable = last !== undefined && isSameProcess(last, captured.snapshot);
    const retired = [this.#combined, this.#before, isComparable ? undefined : last];
    this.#combined = undefined;
    this.#before = isComparable ? last : undefined;
    this.#current = captured;
    return () => {
      for (const snapshot of retired) snapshot?.close();
    };
  }

  /** Answers from the samples that are here. Throws as compileQuestion() and runQuestion() do; then the answer before stays good. */
  async ask(question: string): Promise<Outcome> {
    const current = this.#current;
    if (!current) return 'waiting';
    const begin = performance.now();
    const { names, signal } = this.#options;
    checkQuestion(question, names);
    const needed = samplesNeeded(question, this.schema, names);
    const before = this.#options.since ?? this.#before;
    if (needed && !before) return 'waiting';
    const combined = needed && before ? this.#combine(needed, before, current.snapshot) : undefined;
    const snapshot = combined ?? current.snapshot;
    try {
      const result = await runQuestion(question, snapshot, { names, ...(signal ? { signal } : {}) });
      this.#combined?.close();
      this.#combined = combined;
      return {
        question,
        result,
        captured: { snapshot, passedOver: current.passedOver },
        wallMs: performance.now() - begin,
      };
    } catch (error) {
      combined?.close();
      throw error;
    }
  }

  #combine({ sampled }: SamplesNeeded, before: TableSnapshot, after: TableSnapshot): TableSnapshot {
    return combineSamples(before, after, sampled, { keepsSamples: true });
  }

  close(): void {
    for (const snapshot of [this.#combined, this.#before, this.#current?.snapshot, this.#options.since])
      snapshot?.close();
  }
}
