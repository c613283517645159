/** `run --nodes`: programs on the first of several nodes in this process; wherever they go, and what they fork, is shown by node. */
import { LocalNodes, type NodeFunctions, type NodeNames, numberedNodes } from '../migration/local-nodes.js';
import type { Output, TableMapping } from '../runner/program.js';
import type { KernelFunctions } from '../scheduler/kernel-call.js';
import { Scheduler, type SchedulerOptions } from '../scheduler/scheduler.js';
import type { Task } from '../scheduler/task.js';
import type { Context } from './context.js';
import type { NamedProgram } from './program-files.js';
import type { RunHost } from './run-maps.js';
import { type Ran, type RunProgramsOptions, Sink } from './run-programs.js';

/** Why a task has to stay where it is; undefined: it may go. */
type MayLeave = (task: Task) => string | undefined;

/** What was copied raw stays on its host. */
export const mayLeaveFrom =
  (hosts: readonly RunHost[]): MayLeave =>
  ({ id }) =>
    hosts.some(({ mapper }) => mapper.isConfined(id)) ? 'it may copy raw memory of this host (--allow-raw)' : undefined;

export interface HostedOptions extends Pick<SchedulerOptions, 'workers' | 'journal' | 'onOutput'> {
  /** Puts something before all functions of a set that the host answers. */
  readonly wrap?: (functions: KernelFunctions) => KernelFunctions;
}

/** A scheduler whose programs have what the host gives them, and the functions of their node. */
export function hostedScheduler(host: RunHost, node: NodeFunctions, options: HostedOptions): Scheduler {
  const { wrap = (functions) => functions, ...more } = options;
  const scheduler = new Scheduler({
    ...more,
    mapper: host.mapper,
    functions: {
      ctinspector: wrap({ ...host.functions.ctinspector, ...node.ctinspector }),
      upstream: wrap({ ...host.functions.upstream, ...node.upstream }),
    },
  });
  host.serve(scheduler);
  return scheduler;
}

/** The scheduler of a node by itself: programs that stay here fork and meet too. */
export function aloneOnNode(make: (functions: NodeFunctions) => Scheduler, mayLeave: MayLeave): Scheduler {
  let scheduler: Scheduler | undefined;
  new LocalNodes({
    names: numberedNodes(1),
    mayLeave,
    scheduler: (_, functions) => {
      scheduler = make(functions);
      return scheduler;
    },
  });
  return scheduler!;
}

export interface RunOnNodesOptions extends RunProgramsOptions {
  readonly tables: readonly TableMapping[];
  readonly names: readonly NodeNames[];
  /** Makes a node's scheduler; closed at the end. */
  readonly scheduler: (url: string, functions: NodeFunctions) => Scheduler;
  readonly mayLeave: MayLeave;
}

/** Ends when no program is left on any node. Ctrl-C ends them in order. */
export async function runOnNodes(
  context: Context,
  programs: readonly NamedProgram[],
  options: RunOnNodesOptions,
): Promise<{ ran: readonly Ran[]; lost: readonly never[] }> {
  const sinks = new Map<string, Sink>();
  const sinkOf = (url: string, task: Task): Sink => {
    const key = `${url} ${task.name}`;
    let sink = sinks.get(key);
    if (!sink) {
      sink = new Sink(context, programs.length === 1 ? `${url}: ` : `${url} ${task.name}: `, options.keepsOutput);
      sinks.set(key, sink);
    }
    return sink;
  };
  const schedulers: Scheduler[] = [];
  const network = new LocalNodes({
    names: options.names,
    mayLeave: options.mayLeave,
    scheduler: (url, functions) => {
      const scheduler = options.scheduler(url, functions);
      schedulers.push(scheduler);
      return scheduler;
    },
    onOutput: (output, task, node) => sinkOf(node.url, task).take(output),
  });
  const close = async (): Promise<void> => {
    network.close();
    for (const scheduler of schedulers) await scheduler.close('stopped on request');
  };
  const stop = (): void => void close();
  context.signal.addEventListener('abort', stop);
  const first = network.nodes[0]!;
  try {
    const started = programs.map(({ name, linked, image }, i) => {
      const priority = options.priorities[i] ?? options.priorities[0];
      const common = {
        name,
        budget: options.budget,
        ...(priority === undefined ? {} : { priority }),
        onOutput: (output: readonly Output[], task: Task) => sinkOf(first.url, task).take(output),
      };
      const { args, tables } = options;
      const task = image
        ? schedulers[0]!.submit(image, common)
        : schedulers[0]!.submit(linked!.spec, { ...common, args, tables });
      options.started?.(task);
      return { task, linked };
    });
    if (context.signal.aborted) stop();
    const ends = await Promise.all(started.map(({ task }) => network.follow(first, task)));
    await network.idle();
    for (const sink of sinks.values()) sink.finish();
    const kept = [...sinks.values()].flatMap((sink) => sink.kept);
    const nRecords = [...sinks.values()].reduce((sum, sink) => sum + sink.nRecords, 0);
    const ran = ends.map(({ task, end }, i): Ran => {
      // What nodes print is not divided among programs: all of it is the first's.
      const output = i === 0 ? { output: kept, nRecords } : { output: [], nRecords: 0 };
      return { task, end, linked: started[i]!.linked, ...output };
    });
    return { ran, lost: [] };
  } finally {
    context.signal.removeEventListener('abort', stop);
    await close();
  }
}
