/**
 * What programs of `ctinspector run` have of their host: regions (--map), tables that are read again while they run, the hook point of the
 * switch, raw copies (--allow-raw). All of it ends with the command.
 */
import { CtiError } from '../errors.js';
import { escapeText } from '../escape.js';
import { ovsHook } from '../hooks/ovs/hook.js';
import { Hooks } from '../hooks/registry.js';
import { mapperFunctions, upstreamMapperFunctions } from '../kernel-functions/mapper.js';
import { MemoryMapper } from '../mapper/mapper.js';
import { RawMemory } from '../mapper/raw.js';
import { type Access, MAX_ASID } from '../mapper/regions.js';
import { type Held, SnapshotStore } from '../mapper/snapshot-store.js';
import type { KernelCall, KernelFunctions, Task } from '../scheduler/kernel-call.js';
import type { TaskScheduler } from '../scheduler/options.js';
import { readDpFlowsFile } from '../sources/dp-flows.js';
import { captureTable } from '../sources/registry.js';
import { findSwitch } from '../sources/unixctl.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import { TABLES } from '../tables/generated/tables.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { type Context, fileOf, sourceOption, switchOptions } from './context.js';
import { integer } from './figures.js';
import type { Options } from './registry.js';

export interface MapRequest {
  readonly name: string;
  readonly asid: number;
  readonly path: string;
  readonly access: Access | 'copy';
}

/** `counters@1=/proc/77/fd/5:rw` */
function parseMap(text: string): MapRequest {
  const [, name = '', asid = '0', path = '', how = ''] =
    /^([^=@]+)(?:@(\d{1,9}))?=(.+?)(?::(rw|copy))?$/s.exec(text) ?? [];
  if (name === '' || Number(asid) > MAX_ASID) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--map: expected NAME=FILE, NAME=FILE:rw or NAME=FILE:copy, with NAME@N for address space N up to ${MAX_ASID}, received '${text}'`,
    );
  }
  const access = how === 'copy' ? 'copy' : how === 'rw' ? 'read-write' : 'read';
  return { name, asid: Number(asid), path, access };
}

/** The node's URL in images of a run without --nodes: a name, since nothing can be sent to it. */
export const THIS_NODE = 'local://run';

/** What `run` gives its programs. */
export interface RunHost {
  readonly mapper: MemoryMapper;
  readonly functions: Readonly<Record<'ctinspector' | 'upstream', KernelFunctions>>;
  /** The handle of a region of address space 0. */
  handle(name: string): bigint | undefined;
  /** About each region, for people. */
  readonly lines: readonly string[];
  /** A table that was read before they start: programs find its rows by its generation. The caller closes it. */
  has(snapshot: TableSnapshot): void;
  /** A task of this command's own, before it runs. */
  readonly started: (task: Task) => void;
  /** Tells it of tasks that end, and lets it end those whose region is taken back. */
  serve(scheduler: TaskScheduler): void;
  close(): void;
}

/** `node`: the URL of the node it serves. */
export async function openRunHost(context: Context, options: Options, node: string): Promise<RunHost> {
  const path = fileOf(options);
  const where = switchOptions(options);
  const capture = async (table: string, signal: AbortSignal): Promise<TableSnapshot> =>
    path === undefined
      ? (await captureTable(table, sourceOption(options), { ...where, signal })).snapshot
      : readDpFlowsFile(path, { signal });
  const names = path === undefined ? TABLES.map(({ name }) => name) : [DP_FLOWS.name];
  const store = new SnapshotStore({ tables: Object.fromEntries(names.map((name) => [name, capture])) });
  const mapper = new MemoryMapper({ node, store });
  const onProblem = (call: KernelCall, error: CtiError): void => {
    context.stderr.write(escapeText(`ctinspector: ${call.name} of ${call.task.name}: ${error.message}`).concat('\n'));
  };
  // Rows of a saved dump have no switch to be asked.
  const hooks = new Hooks(path === undefined ? [ovsHook({ store, where, onProblem })] : [], { onProblem });
  const held: Held[] = [];
  const close = (): void => {
    hooks.close();
    for (const one of held) one.release();
    mapper.close();
  };
  try {
    const lines = (Array.isArray(options.map) ? (options.map as string[]) : []).map((text) => {
      const { name, asid, path, access } = parseMap(text);
      const grant = mapper.regions.grantFile(name, path, access, { asid });
      const how = access === 'copy' ? 'a copy, to read' : access === 'read' ? 'to read' : 'to read and write';
      return `region ${name}: ${integer.format(grant.size)} bytes, ${how}; handle 0x${grant.handle.toString(16)}`;
    });
    const pid = options.allowRaw === true ? await switchPid({ ...where, signal: context.signal }, path) : undefined;
    return {
      mapper,
      functions: {
        ctinspector: { ...mapperFunctions({ mapper, onProblem }), ...hooks.functions },
        upstream: upstreamMapperFunctions({ mapper, onProblem }),
      },
      handle: (name) => mapper.regions.find(name, 0)?.handle,
      lines,
      has: (snapshot) => void held.push(store.put(snapshot)),
      started: (task) => {
        if (pid !== undefined) mapper.allowRaw(task.id, new RawMemory({ pid }));
      },
      serve: (scheduler) => {
        scheduler.onEnd(({ id }) => hooks.release(id));
        mapper.onKill((id, reason) => scheduler.get(id)?.kill(reason));
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

async function switchPid(where: Parameters<typeof findSwitch>[0], path: string | undefined): Promise<number> {
  if (path !== undefined) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      '--allow-raw copies from a running switch and --from answers from a file: give one of them',
    );
  }
  const { pid, socketPath } = await findSwitch(where);
  if (pid !== null) return pid;
  throw new CtiError(
    'NO_RIGHTS',
    `--allow-raw: the process behind ${socketPath} is not visible from here (another pid namespace?)`,
  );
}
