/**
 * Executors own windows and run programs in them; they know nothing of tasks, budgets or kernel functions. The scheduler speaks to them in
 * messages of plain data, so that an executor may be this thread (in-process.ts), a thread (worker-executor.ts) or, later, a process.
 * windows.ts answers the messages in each of them.
 */
import type { ErrorCode } from '../errors.js';
import type { ProgramSpec } from '../program-spec.js';
import type {
  Answer,
  Engine,
  ImageControl,
  KeptImage,
  Output,
  PendingCall,
  RegionMapping,
  Stop,
  TableMapping,
} from '../runner/program.js';

/** How a window comes to be. */
export type Begin =
  | {
      readonly kind: 'program';
      /** The same for the same program: it is loaded and compiled once. */
      readonly hash: string;
      readonly spec: ProgramSpec;
      readonly args: readonly bigint[];
      readonly tables: readonly TableMapping[];
      readonly engine: Engine;
    }
  | {
      readonly kind: 'image';
      readonly image: Uint8Array;
      readonly tables: readonly (TableMapping | null)[];
      readonly regions: readonly (RegionMapping | null)[];
      readonly engine: Engine;
    };

/** `key` is the scheduler's number for a window. */
export type Request =
  /** Makes a window, if it is told how, and gives the call that it waits at `answer`, if there is one. Replies `begun`. */
  | { readonly kind: 'begin'; readonly key: number; readonly begin?: Begin; readonly answer?: Answer }
  /** Begins if it is told how, gives `answer` if there is one, and goes on with `fuel`. Replies `stopped`. */
  | {
      readonly kind: 'run';
      readonly key: number;
      readonly fuel: bigint;
      /** Bytes that the window may hold of its own; with more it does not run. */
      readonly memory: number;
      readonly begin?: Begin;
      readonly answer?: Answer;
    }
  /** Replies `saved`; `drop` gives the window back as well. */
  | { readonly kind: 'save'; readonly key: number; readonly control: ImageControl; readonly drop: boolean }
  /** Gives the window back. Replies `dropped`, also for a key that there is not. */
  | { readonly kind: 'drop'; readonly key: number };

export type Reply =
  | { readonly kind: 'begun'; readonly memory: number; readonly call: PendingCall | null }
  | {
      readonly kind: 'stopped';
      readonly stop: Stop;
      readonly output: readonly Output[];
      /** Bytes of its own that the window holds. */
      readonly memory: number;
      readonly elapsedMs: number;
    }
  | { readonly kind: 'saved'; readonly image: KeptImage }
  | { readonly kind: 'dropped' }
  /** The request could not be done; its window, if there was one, is gone. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };

export interface Executor {
  /** For messages: 'worker 2'. */
  readonly name: string;
  /** How many requests to run it takes at once; what waits there does so out of its turn. */
  readonly depth: number;
  /** Replies at once or by a promise, in the order of requests. A promise rejects (CtiError EXECUTOR_DIED) only if the executor has died. */
  request(request: Request): Reply | Promise<Reply>;
  /** Called once if it dies by itself: its windows are gone, and a new one should take its place. */
  onDeath: ((error: Error) => void) | undefined;
  close(): Promise<void>;
}
