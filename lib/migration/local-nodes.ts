/** Several nodes in this process, joined by the in-process carrier: `ctinspector run --nodes`, tests, and the shape of a network. */
import { CtiError } from '../errors.js';
import type { Output } from '../runner/program.js';
import type { KernelFunctions } from '../scheduler/kernel-call.js';
import type { TaskScheduler } from '../scheduler/options.js';
import type { Task, TaskEnd } from '../scheduler/task.js';
import { LocalCarrier, type LocalCarrierOptions } from '../transport/local-carrier.js';
import { Transport } from '../transport/transport.js';
import { Node, type NodeOptions } from './node.js';

/** A node of the network: its URL, and others that it listens at. */
export interface NodeNames {
  readonly url: string;
  readonly aliases: readonly string[];
}

export type NodeFunctions = Readonly<Record<'ctinspector' | 'upstream', KernelFunctions>>;

export interface LocalNodesOptions
  extends LocalCarrierOptions,
    Pick<NodeOptions, 'limits' | 'requestMs' | 'maxHops' | 'mayLeave'> {
  readonly names: readonly NodeNames[];
  /** Makes a node's scheduler; `url` is as in `names`, `functions` are the node's own, to put beside others. */
  readonly scheduler: (url: string, functions: NodeFunctions) => TaskScheduler;
  readonly onOutput?: (output: readonly Output[], task: Task, node: Node) => void;
}

const MAX_NODES = 64;
/** What the original's examples use. */
const UB_PORT = 1881;

/** N nodes: node i (from 1) is local://i, and ub://127.0.0.i:1881 for programs of the original. */
export const numberedNodes = (n: number): NodeNames[] =>
  Array.from({ length: n }, (_, i) => ({ url: `local://${i + 1}`, aliases: [`ub://127.0.0.${i + 1}:${UB_PORT}`] }));

/** `--nodes 3`, or the nodes' URLs with commas between. Throws CtiError INVALID_ARGUMENT. */
export function parseNodes(text: string): NodeNames[] {
  const refuse = () =>
    new CtiError(
      'INVALID_ARGUMENT',
      `--nodes: expected a number from 1 to ${MAX_NODES}, or URLs such as local://a,ub://10.0.0.1:1881, received '${text}'`,
    );
  if (/^\d{1,3}$/.test(text)) {
    const n = Number(text);
    if (n < 1 || n > MAX_NODES) throw refuse();
    return numberedNodes(n);
  }
  const urls = text.split(',');
  if (urls.length > MAX_NODES || urls.some((url) => !url.includes('://'))) throw refuse();
  return urls.map((url) => ({ url, aliases: [] }));
}

/** How an image ended, and where. */
export interface Followed {
  readonly node: Node;
  readonly task: Task;
  readonly end: Exclude<TaskEnd, { kind: 'migrated' }>;
}

export class LocalNodes {
  readonly nodes: readonly Node[];
  readonly #byUrl: ReadonlyMap<string, Node>;

  /** Throws CtiError INVALID_ARGUMENT for a URL that is none, or twice there. */
  constructor(options: LocalNodesOptions) {
    const { names, scheduler, onOutput, clock, faults, ...more } = options;
    const local = new LocalCarrier({ ...(clock ? { clock } : {}), ...(faults ? { faults } : {}) });
    const transport = new Transport([local]);
    const made: Node[] = [];
    for (const { url, aliases } of names) {
      const node: Node = new Node({
        ...more,
        ...(clock ? { clock } : {}),
        url,
        aliases,
        transport,
        scheduler: (functions) => scheduler(url, functions),
        onOutput: (output, task) => onOutput?.(output, task, node),
      });
      made.push(node);
    }
    this.nodes = made;
    this.#byUrl = new Map(
      names.flatMap(({ url, aliases }, i) =>
        [url, ...aliases].map((name) => [transport.check(name), made[i]!] as const),
      ),
    );
  }

  /** The end of an image that started as `task` on `node`, wherever it went. */
  async follow(node: Node, task: Task): Promise<Followed> {
    let here = { node, task };
    for (;;) {
      const end = await here.task.done;
      if (end.kind !== 'migrated') return { ...here, end };
      const next = this.#byUrl.get(end.to);
      const there = next?.scheduler.get(here.task.id);
      if (!next || !there) throw new CtiError('INTERNAL', `image ${here.task.id} went to ${end.to} and is not there`);
      here = { node: next, task: there };
    }
  }

  /** Resolves when no task is left on any node. */
  async idle(): Promise<void> {
    for (;;) {
      const tasks = this.nodes.flatMap(({ scheduler }) => scheduler.list().filter(({ end }) => end === undefined));
      if (tasks.length === 0) return;
      await Promise.all(tasks.map(({ done }) => done));
    }
  }

  close(): void {
    for (const node of this.nodes) node.close();
  }
}
