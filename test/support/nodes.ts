/** Local nodes with a scheduler each, programs compiled by the real clang, and what they print. */

import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { type LinkedProgram, link } from '../../lib/linker/link.js';
import { loadObject } from '../../lib/loader/load-object.js';
import {
  type Followed,
  LocalNodes,
  type LocalNodesOptions,
  type NodeFunctions,
  numberedNodes,
} from '../../lib/migration/local-nodes.js';
import type { Engine } from '../../lib/runner/program.js';
import { Scheduler, type SchedulerOptions } from '../../lib/scheduler/scheduler.js';
import type { Budget } from '../../lib/scheduler/task.js';
import { compileBpf, scratch } from './clang.js';

const dir = scratch();

/** A C program of this path, compiled and linked. */
export async function program(path: string, flags: readonly string[] = []): Promise<LinkedProgram> {
  const object = await compileBpf(resolve(path), dir, { flags });
  return link([loadObject(await readFile(object), path)]);
}

let nSources = 0;

function sourceWith(header: string, text: string): Promise<LinkedProgram> {
  const file = join(dir, `source-${nSources++}.c`);
  writeFileSync(file, `#include "ctinspector/${header}"\n${text}`);
  return program(file);
}

/** The same of a program's text, which gets its header. */
export const source = (text: string): Promise<LinkedProgram> => sourceWith('ctinspector.h', text);
/** For the original's interface. */
export const upstreamSource = (text: string): Promise<LinkedProgram> => sourceWith('upstream.h', text);

export interface Network {
  readonly network: LocalNodes;
  readonly schedulers: readonly Scheduler[];
  /** What was printed, in order: [node's URL, text]. */
  readonly printed: [string, string][];
  /** Starts a program on node `at` (from 0), and resolves when it has ended, wherever it went. */
  start(linked: LinkedProgram, options?: StartOptions): Promise<Followed>;
}

type MakeScheduler = (
  url: string,
  functions: NodeFunctions,
  onOutput: NonNullable<SchedulerOptions['onOutput']>,
) => Scheduler;

const plainScheduler: MakeScheduler = (_url, functions, onOutput) => new Scheduler({ functions, onOutput });

export interface StartOptions {
  readonly at?: number;
  readonly args?: readonly bigint[];
  readonly budget?: Budget;
  readonly engine?: Engine;
  readonly name?: string;
}

/** Nodes local://1 to local://n; closed when the test ends, and then nothing may be left. */
export function networkOf(
  t: Test,
  n: number,
  options: Omit<Partial<LocalNodesOptions>, 'scheduler' | 'names'> & { scheduler?: MakeScheduler } = {},
): Network {
  const { scheduler: make = plainScheduler, ...more } = options;
  const schedulers: Scheduler[] = [];
  const printed: [string, string][] = [];
  const print = (url: string) => (output: readonly { kind: string; text?: string }[]) => {
    for (const piece of output) if (piece.kind === 'text') printed.push([url, piece.text ?? '']);
  };
  const network = new LocalNodes({
    ...more,
    names: numberedNodes(n),
    scheduler: (url, functions) => {
      const scheduler = make(url, functions, print(url));
      schedulers.push(scheduler);
      return scheduler;
    },
    onOutput: (output, _task, node) => print(node.url)(output),
  });
  t.teardown(async () => {
    network.close();
    for (const scheduler of schedulers) await scheduler.close();
    for (const node of network.nodes)
      if (node.book.size > 0) throw new Error(`${node.url}: ${node.book.size} meetings are left`);
  });
  return {
    network,
    schedulers,
    printed,
    start: (linked, { at = 0, ...rest } = {}) => {
      const node = network.nodes[at]!;
      return network.follow(node, schedulers[at]!.submit(linked.spec, rest));
    },
  };
}
