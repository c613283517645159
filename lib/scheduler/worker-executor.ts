/**
 * Programs on a thread of their own (worker_threads). Replies come in the order of requests, so a queue of promises is all there is to keep.
 * If the thread dies, what it was asked rejects, and `onDeath` says so.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { CtiError } from '../errors.js';
import type { Executor, Reply, Request } from './executor.js';

interface Waiting {
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

/** worker.js beside this file; in a source tree that runs TypeScript as it is, worker.ts. */
const script = (): URL => new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

export class WorkerExecutor implements Executor {
  readonly name: string;
  readonly depth = 1; // a second one in its queue would run whatever its turn
  onDeath: Executor['onDeath'];
  readonly #file: URL;
  #worker: Worker | undefined;
  /** From #taken on. */
  #waiting: Waiting[] = [];
  #taken = 0;
  #death: CtiError | undefined;
  #isEnding = false;

  constructor(name: string, file: URL = script()) {
    this.name = name;
    this.#file = file;
  }

  /** Started when it is needed: one that cannot start does not start again and again while there is nothing to do. */
  #start(): Worker {
    const worker = new Worker(this.#file, { name: `ctinspector ${this.name}` });
    worker.on('message', (reply: Reply) => this.#reply(reply));
    worker.on('error', (error) => this.#die(`: ${error instanceof Error ? error.message : String(error)}`, error));
    worker.on('exit', (status) => this.#die(` with status ${status}`));
    worker.unref(); // what waits for a reply keeps the process alive, an idle thread does not
    return worker;
  }

  request(request: Request): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#death) return reject(this.#death);
      this.#worker ??= this.#start();
      if (this.#taken === this.#waiting.length) this.#worker.ref();
      this.#waiting.push({ resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  #reply(reply: Reply): void {
    const waiting = this.#waiting[this.#taken++];
    if (this.#taken === this.#waiting.length) {
      this.#waiting = [];
      this.#taken = 0;
      if (!this.#isEnding) this.#worker?.unref();
    }
    waiting?.resolve(reply);
  }

  #die(how: string, cause?: unknown): void {
    if (this.#death) return;
    this.#death = new CtiError('EXECUTOR_DIED', `${this.name} ended${how}; the programs in its windows are gone`, {
      cause,
    });
    const waiting = this.#waiting.slice(this.#taken);
    this.#waiting = [];
    this.#taken = 0;
    for (const { reject } of waiting) reject(this.#death);
    this.onDeath?.(this.#death);
  }

  async close(): Promise<void> {
    // Asked to end, not terminated: that would interrupt native code in the middle of making its result.
    const worker = this.#worker;
    if (!worker || this.#death) return;
    this.#isEnding = true;
    worker.ref();
    const ended = once(worker, 'exit');
    worker.postMessage('end');
    await ended;
  }
}
