/**
 * Hook points: what an application that CTinspector looks into adds for programs, beyond the basic kernel functions. A hook point brings kernel
 * functions, each a row of schema/kernel-functions/ with `hook: NAME`, and events. One file a hook point makes it (ovs/hook.ts); the registry
 * puts together those that a node has. CONTRIBUTING.md shows how to add one.
 */
import { CtiError } from '../errors.js';
import type { KernelCall, KernelFunctions } from '../scheduler/kernel-call.js';
import { type EventSource, Subscriptions } from './events.js';

export interface HookPoint {
  readonly name: string;
  readonly doc: string;
  readonly functions: KernelFunctions;
  readonly events: Readonly<Record<string, EventSource>>;
}

export interface HooksOptions {
  /** What went wrong on the host's side of a call that was answered with an errno; for a log. */
  readonly onProblem?: (call: KernelCall, error: CtiError) => void;
}

/** The hook points of a node. */
export class Hooks {
  readonly subscriptions: Subscriptions;
  /** For the scheduler: those of all hook points, and what subscribes to their events. */
  readonly functions: KernelFunctions;

  constructor(
    readonly points: readonly HookPoint[],
    options: HooksOptions = {},
  ) {
    const sources = new Map<string, EventSource>();
    const functions: Record<string, KernelFunctions[string]> = {};
    const add = <T>(has: boolean, what: string, point: HookPoint, put: () => T): void => {
      if (has) throw new CtiError('INVALID_ARGUMENT', `hook point ${point.name}: another one has ${what} already`);
      put();
    };
    for (const point of points) {
      for (const [name, source] of Object.entries(point.events)) {
        add(sources.has(name), `an event ${name}`, point, () => sources.set(name, source));
      }
      for (const [name, fn] of Object.entries(point.functions)) {
        add(Object.hasOwn(functions, name), `a function ${name}`, point, () => {
          functions[name] = fn;
        });
      }
    }
    this.subscriptions = new Subscriptions(sources, options.onProblem);
    this.functions = { ...functions, ...this.subscriptions.functions };
  }

  /** The task has ended. */
  release(taskId: string): void {
    this.subscriptions.release(taskId);
  }

  close(): void {
    this.subscriptions.close();
  }
}
