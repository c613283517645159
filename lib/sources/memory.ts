/**
 * Tables out of ovs-vswitchd's memory: attach to the process, find its layout by build id, prove the layout against what the switch itself
 * says, read. native/ovs does the reading; nothing is written to the switch, and it is asked only for the proof and for the names of its datapaths.
 * Megaflows are proved here, small tables in small-tables.ts.
 */
import { addon } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';
import type { TableSchema } from '../table-schema.js';
import { DP_FLOWS } from '../tables/generated/dp-flows.js';
import {
  type NativeSnapshot,
  openSnapshot,
  type RequestCost,
  sumCost,
  type TableSnapshot,
} from '../tables/snapshot.js';
import { type AvoidedCpus, allOf, avoidedCpus, parseCpuMask } from './cpus.js';
import type { CaptureOptions } from './dp-flows.js';
import { type NativeJob, runJob } from './job.js';
import { findLayout, type Layout } from './layouts.js';
import { agreement, nFlowsOf } from './memory-proof.js';
import type { Availability } from './registry.js';
import { findSwitch, resolveSwitch, type SwitchOptions, unixctlWithCost } from './unixctl.js';

export interface PmdFacts {
  /** -1: what the main thread does. */
  readonly core: number;
  readonly numa: number;
  readonly nFlows: number;
}

export interface DatapathFacts {
  readonly name: string;
  readonly pmds: readonly PmdFacts[];
  readonly nPorts: number;
  /** other_config:pmd-cpu-mask in force, hexadecimal; empty: none is set; null: the layout does not say where it is. */
  readonly pmdCpuMask: string | null;
}

interface ThreadCost {
  readonly cpuMs: number;
  /** The reading thread was ready to run while others had the CPUs it may use; null: the kernel does not say. */
  readonly waitedMs: number | null;
}

/** How a reading went. */
export interface Reading extends ThreadCost {
  readonly nAccepted: number;
  /** Of these, actions came with the window they were in. */
  readonly nFromRing: number;
  /** Of those, identity and action pointer were read once more. */
  readonly nReproved: number;
  readonly nGone: number;
  readonly nRefused: number;
  readonly nUnreadable: number;
  readonly nBadActions: number;
  /** Read more than once, whatever came of it. */
  readonly nRetried: number;
  readonly nPasses: number;
  /** Ranges that were read through the switch's page tables; the others were copied by process_vm_readv. */
  readonly nByPageTables: number;
  /** 2: one copied what the other looked at; `cpuMs` is of both. */
  readonly nThreads: number;
  readonly calls: number;
  readonly ranges: number;
  readonly bytes: number;
  readonly tableMoved: boolean;
  /** CPUs that the reading thread was allowed on. */
  readonly cpus: readonly number[];
}

export interface MemoryCapture {
  readonly snapshot: TableSnapshot;
  readonly datapaths: readonly DatapathFacts[];
  readonly reading: Reading;
}

/** How the counters of a capture's rows were read anew. */
export interface Refreshing extends ThreadCost {
  readonly nRefreshed: number;
  /** Rows before whose flow has left the table. */
  readonly nGone: number;
  /** Rows before whose flow has other actions now, or another mask. */
  readonly nReplaced: number;
  /** Flows the tables said they had when it began: what is more than `nRefreshed` is new. */
  readonly nInTables: number;
  /** Flows that were read through the switch's page tables; the others were copied. */
  readonly nByPageTables: number;
  readonly calls: number;
  readonly ranges: number;
  readonly bytes: number;
}

export interface MemoryRefresh {
  /** The rows that still live, with their counters of now; all else is as of the capture in full. */
  readonly snapshot: TableSnapshot;
  readonly datapaths: readonly DatapathFacts[];
  readonly reading: Refreshing;
}

interface Opened {
  handle: object;
  pid: number;
  startTicks: number;
  buildId: string;
  executable: string;
}

interface Read<How> {
  snapshot: NativeSnapshot;
  beginNs: bigint;
  endNs: bigint;
  datapaths: DatapathFacts[];
  places: object;
  reading: How;
}

interface AttachAddon {
  attachOpen(pid: number): Opened;
  attachLayout(handle: object, names: readonly string[], numbers: readonly number[]): void;
  attachDatapaths(handle: object): DatapathFacts[];
  attachAlive(handle: object): boolean;
  attachPageTables(handle: object, allowed?: boolean): string | null;
  attachSetOrder(handle: object, recircFirst: boolean): void;
  attachSetManners(handle: object, avoidedCpus: readonly number[], fast: boolean): void;
  attachCapture(handle: object, onProgress: undefined): NativeJob<Read<Reading>>;
  attachRefresh(handle: object, snapshot: object, places: object): NativeJob<Read<Refreshing>>;
  attachReadTable(
    handle: object,
    table: string,
  ): NativeJob<ThreadCost & { snapshot: NativeSnapshot; beginNs: bigint; endNs: bigint; bytes: number }>;
}

const native = () => addon<AttachAddon>();

function call<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fromNative(error);
  }
}

/** What is known of a process before it has a layout; proves that its memory may be read. NO_SWITCH, NO_RIGHTS, SWITCH_FOREIGN. */
export function lookAtProcess(pid: number): { readonly executable: string; readonly buildId: string } {
  const { executable, buildId } = call(() => native().attachOpen(pid));
  return { executable, buildId };
}

function pageTablesAllowed({ CTINSPECTOR_PAGE_TABLES: said }: NodeJS.ProcessEnv): boolean {
  if (said === undefined || said === '' || said === 'auto') return true;
  if (said === 'off') return false;
  throw new CtiError('INVALID_ARGUMENT', `CTINSPECTOR_PAGE_TABLES: expected auto or off, received '${said}'`);
}

/** A process whose memory is read. Not trusted until proved: see attachMemory(). */
export class MemoryAttachment {
  readonly pid: number;
  readonly startTicks: number;
  readonly buildId: string;
  readonly executable: string;
  readonly layout: Layout;
  readonly #handle: object;
  #avoided: AvoidedCpus = { pmd: [], isolated: [] };
  #recircFirst = false;

  private constructor(opened: Opened, layout: Layout) {
    this.pid = opened.pid;
    this.startTicks = opened.startTicks;
    this.buildId = opened.buildId;
    this.executable = opened.executable;
    this.layout = layout;
    this.#handle = opened.handle;
  }

  /** NO_SWITCH, NO_RIGHTS, SWITCH_FOREIGN, LAYOUT_UNKNOWN, PROTOCOL (no userspace datapath in its memory). */
  static open(pid: number, env: NodeJS.ProcessEnv = process.env): MemoryAttachment {
    const opened = call(() => native().attachOpen(pid));
    const layout = findLayout(opened.buildId, env);
    call(() => native().attachLayout(opened.handle, layout.names, layout.numbers));
    const attachment = new MemoryAttachment(opened, layout);
    // A guess, by an action as young as that order; the proof knows.
    attachment.recircFirst = layout.names.includes('ovs_action_attr.OVS_ACTION_ATTR_PSAMPLE');
    attachment.#keepOff(attachment.datapaths());
    if (!pageTablesAllowed(env)) native().attachPageTables(opened.handle, false);
    return attachment;
  }

  /** CPUs that readings stay off, as the datapath's threads were when it was read last. */
  get avoided(): AvoidedCpus {
    return this.#avoided;
  }

  /** Whether the switch prints recirc_id and dp_hash before a match's other metadata, as 3.5 does, or behind; captures from then on do so too. */
  get recircFirst(): boolean {
    return this.#recircFirst;
  }
  set recircFirst(first: boolean) {
    this.#recircFirst = first;
    native().attachSetOrder(this.#handle, first);
  }

  #keepOff(datapaths: readonly DatapathFacts[]): void {
    const threads = datapaths.flatMap(({ pmds }) => pmds.map(({ core }) => core));
    const masks = datapaths.flatMap(({ pmdCpuMask }) => parseCpuMask(pmdCpuMask ?? ''));
    this.#avoided = avoidedCpus([...threads, ...masks]);
  }

  #beforeReading(fast: boolean): void {
    native().attachSetManners(this.#handle, allOf(this.#avoided), fast);
  }

  /**
   * Why memory is copied by process_vm_readv only, and not read through the switch's page tables by a program in the kernel (native/kernel/page_reader.h) as
   * well; null: it is, where that costs less: by a refresh, and by a capture of many flows. The first call loads that program: some 10 ms.
   */
  get whyCopied(): string | null {
    return native().attachPageTables(this.#handle);
  }

  /** From now on memory is copied; lets the program in the kernel go. For who asked `whyCopied` and reads no more. */
  closePageTables(): void {
    native().attachPageTables(this.#handle, false);
  }

  get alive(): boolean {
    return native().attachAlive(this.#handle);
  }

  datapaths(): DatapathFacts[] {
    return call(() => native().attachDatapaths(this.#handle));
  }

  /**
   * Reads all megaflows: with one thread, off the CPUs of `avoided` and of the switch's main thread; `fast`: with two, one of which copies what the other
   * looks at, on any CPU. What proves a row is the same. SWITCH_CLOSED if the process ended or was replaced meanwhile.
   */
  async capture(signal?: AbortSignal, fast = false): Promise<MemoryCapture> {
    this.#beforeReading(fast);
    return this.#opened(await runJob(() => native().attachCapture(this.#handle, undefined), signal));
  }

  /**
   * The counters of `before`, a snapshot that this attachment gave, anew: 0.4 of the work of a capture, 0.6 where `whyCopied` is not null. Rows whose flow has
   * left the table or has other actions now are not in the result, and are counted; new flows are not in it either, so capture again when many are. `before`
   * stays as it is, and open. One thread, also if `fast`: there is little but copying. INVALID_ARGUMENT if it is another's, or closed; SWITCH_CLOSED if the process ended or was replaced meanwhile.
   */
  async refresh(before: TableSnapshot, signal?: AbortSignal, fast = false): Promise<MemoryRefresh> {
    const origin = origins.get(before);
    if (origin?.attachment !== this || !origin.rows) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `expected a snapshot read from the memory of process ${this.pid} by this attachment but received one of ${before.facts.source}`,
      );
    }
    const { snapshot, places } = origin.rows;
    this.#beforeReading(fast);
    return this.#opened(await runJob(() => call(() => native().attachRefresh(this.#handle, snapshot, places)), signal));
  }

  /** The switch itself was not asked. */
  #factsOf({ beginNs, endNs, cpuMs, waitedMs, bytes }: ThreadCost & { beginNs: bigint; endNs: bigint; bytes: number }) {
    const reading = { cpuMs, waitedMs, bytes };
    return { source: `memory:${this.pid}`, beginNs, endNs, cost: sumCost([]), reading };
  }

  #opened<How extends ThreadCost & { bytes: number }>(
    read: Read<How>,
  ): { snapshot: TableSnapshot; datapaths: DatapathFacts[]; reading: How } {
    const { beginNs, endNs, datapaths, places, reading } = read;
    this.#keepOff(datapaths);
    const snapshot = openSnapshot(DP_FLOWS, read.snapshot, this.#factsOf({ beginNs, endNs, ...reading }));
    origins.set(snapshot, { attachment: this, rows: { snapshot: read.snapshot.handle, places } });
    return { snapshot, datapaths, reading };
  }

  /** Reads a small table (small-tables.ts). SWITCH_CLOSED as for capture(). */
  async readTable(schema: TableSchema, signal?: AbortSignal, fast = false): Promise<TableSnapshot> {
    this.#beforeReading(fast);
    const read = await runJob(() => native().attachReadTable(this.#handle, schema.name), signal);
    const opened = openSnapshot(schema, read.snapshot, this.#factsOf(read));
    origins.set(opened, { attachment: this });
    return opened;
  }
}

/** Where a snapshot was read. */
export interface Origin {
  readonly attachment: MemoryAttachment;
  /** Megaflows: where each row lies, for refresh(). */
  readonly rows?: { readonly snapshot: object; readonly places: object };
}

const origins = new WeakMap<TableSnapshot, Origin>();

/** Of a snapshot that was read from memory in this process; undefined: of another one. */
export const originOf = (snapshot: TableSnapshot): Origin | undefined => origins.get(snapshot);

/** What the switch was asked for the proof, and that it agreed. */
export interface Proof {
  readonly datapaths: number;
  readonly flowCounts: readonly { readonly datapath: string; readonly memory: number; readonly unixctl: number }[];
  readonly flowsCompared: number;
  readonly requests: readonly RequestCost[];
}

const PROOF_FLOWS = 5;
const PROOF_ATTEMPTS = 4;

/**
 * Compares a reading with what the switch says: the names of its datapaths, how many flows each has, and some flows by ufid. What changes
 * between the two is looked at again; what still differs is LAYOUT_MISMATCH.
 */
export async function prove(
  attachment: MemoryAttachment,
  options: CaptureOptions,
): Promise<Proof & { capture: MemoryCapture }> {
  let differed = '';
  let triedOther = false;
  const requests: RequestCost[] = [];
  const ask = async (command: string, ...args: string[]) => {
    const { text, cost } = await unixctlWithCost(options, command, args);
    requests.push(cost);
    return text;
  };
  for (let attempt = 0; attempt < PROOF_ATTEMPTS; attempt++) {
    const capture = await attachment.capture(options.signal, options.fast);
    try {
      const compared = await agreement(capture, () => attachment.datapaths(), ask, PROOF_FLOWS);
      if ('differed' in compared) differed = compared.differed;
      else if (!compared.inOrder && !triedOther && attempt + 1 < PROOF_ATTEMPTS) {
        // If the other order is not it either there is a third one, and ours is as true.
        triedOther = true;
        attachment.recircFirst = !attachment.recircFirst;
      } else {
        capture.snapshot.facts.cost = sumCost(requests); // the first reading of a switch pays for the proof
        return { ...compared, requests, capture };
      }
    } catch (error) {
      capture.snapshot.close();
      throw error;
    }
    capture.snapshot.close();
  }
  throw new CtiError('LAYOUT_MISMATCH', `the layout ${attachment.layout.file} does not fit: ${differed}`);
}

/** By pid; one that is no longer alive is not used, whatever process has its pid now. */
const proved = new Map<number, MemoryAttachment>();

/** By pid; not proved for megaflows. */
const opened = new Map<number, MemoryAttachment>();

/** Whoever watches a switch for long sees many processes of it: those that ended are let go, with what holds them (a pidfd each). */
function remember(known: Map<number, MemoryAttachment>, attachment: MemoryAttachment): void {
  for (const [pid, { alive }] of known) if (!alive) known.delete(pid);
  known.set(attachment.pid, attachment);
}

/** The proved attachment that read `snapshot`, if its process still lives. */
export function provedOrigin(snapshot: TableSnapshot): MemoryAttachment | undefined {
  const attachment = originOf(snapshot)?.attachment;
  return attachment && proved.get(attachment.pid) === attachment && attachment.alive ? attachment : undefined;
}

/** An attachment to the switch of `options` whose layout nothing has proved yet, or the proved one that this process has. */
export async function openMemory(options: SwitchOptions): Promise<MemoryAttachment> {
  const { pid } = await findSwitch(options);
  if (pid === null) throw notVisible();
  const known = proved.get(pid) ?? opened.get(pid);
  if (known?.alive) return known;
  const attachment = MemoryAttachment.open(pid);
  remember(opened, attachment);
  return attachment;
}

/** A proved attachment to the switch of `options`: the one this process has, if the switch is still the same process. */
export async function attachMemory(
  options: CaptureOptions = {},
): Promise<{ attachment: MemoryAttachment; proof: (Proof & { capture: MemoryCapture }) | null }> {
  const { pid } = await findSwitch(options);
  if (pid === null) throw notVisible();
  const known = proved.get(pid);
  if (known?.alive) return { attachment: known, proof: null };
  const attachment = MemoryAttachment.open(pid);
  const proof = await prove(attachment, options);
  // An empty table proves nothing of its flows: the next reading is proved again.
  if (proof.flowsCompared > 0) remember(proved, attachment);
  return { attachment, proof };
}

/** Datapaths that the switch of `options` has, and `attachment` does not see: the kernel's are not in its memory. */
async function datapathsElsewhere(attachment: MemoryAttachment, options: SwitchOptions): Promise<string[]> {
  const { text } = await unixctlWithCost(options, 'dpctl/dump-dps');
  const ours = attachment.datapaths().map(({ name }) => name);
  return text.split('\n').filter((name) => name !== '' && !ours.includes(name));
}

/** Whether the switch of `options` is still the process of `attachment`, and all of its datapaths are in its memory. */
export async function speaksForSwitch(attachment: MemoryAttachment, options: SwitchOptions): Promise<boolean> {
  const { pid } = await findSwitch(options);
  return pid === attachment.pid && (await datapathsElsewhere(attachment, options)).length === 0;
}

/**
 * Whether the switch's megaflows can be read out of its memory: all of its datapaths must be there, so one of the kernel's makes it no. Attaches,
 * but proves nothing yet.
 */
export async function memoryAvailable(options: SwitchOptions): Promise<Availability> {
  resolveSwitch(options); // a wrong option is an error, a layout that cannot be read is not
  try {
    const { pid } = await findSwitch(options);
    if (pid === null) throw notVisible();
    const known = proved.get(pid);
    const attachment = known?.alive ? known : MemoryAttachment.open(pid);
    const elsewhere = await datapathsElsewhere(attachment, options);
    if (elsewhere.length > 0) {
      throw new CtiError(
        'PROTOCOL',
        `datapath ${elsewhere.join(', ')} is not one of ovs-vswitchd's own (the kernel's is not in its memory)`,
      );
    }
    const flows = attachment.datapaths().reduce((sum, datapath) => sum + nFlowsOf(datapath), 0);
    return { ok: true, detail: `process ${pid}, layout ${attachment.layout.name}, ${flows} flows` };
  } catch (error) {
    if (!(error instanceof CtiError) || error.code === 'CANCELLED') throw error;
    return { ok: false, reason: error };
  }
}

export const notVisible = () =>
  new CtiError(
    'NO_RIGHTS',
    "ovs-vswitchd's process is not visible from this pid namespace; run on the host, or with --pid=host",
  );

/** The megaflows out of memory; the proof's own reading where the attachment is new. */
export async function captureFromMemory(options: CaptureOptions = {}): Promise<TableSnapshot> {
  const { attachment, proof } = await attachMemory(options);
  if (proof) return proof.capture.snapshot;
  return (await attachment.capture(options.signal, options.fast)).snapshot;
}
