/** Kernel functions of the hook point `ovs` (schema/kernel-functions/ovs.yaml). */
import { errno } from '../../errno.js';
import { CtiError } from '../../errors.js';
import { words } from '../../kernel-functions/mapper.js';
import { handlersOf } from '../../kernel-functions/typed.js';
import type { SnapshotStore } from '../../mapper/snapshot-store.js';
import type { KernelCall, KernelFunctions } from '../../scheduler/kernel-call.js';
import { FlowRows } from './flow-rows.js';
import type { SwitchCalls } from './switch-calls.js';
import { upcallFacts } from './switch-events.js';
import { type DatapathPort, parsePorts } from './switch-texts.js';

export interface OvsFunctionsOptions {
  readonly store: SnapshotStore;
  readonly calls: SwitchCalls;
  readonly onProblem?: (call: KernelCall, error: CtiError) => void;
}

/** sizeof(struct cti_ovs_upcalls) */
const UPCALLS_SIZE = 64n;
const MAX_REQUEST = 4096;
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A text for a buffer of `size` bytes, cut there; its whole length is the result. */
function cut(text: string, size: bigint): { r0: bigint; out: { text: Uint8Array } } {
  const bytes = new TextEncoder().encode(text);
  return { r0: BigInt(bytes.length), out: { text: bytes.subarray(0, Number(size)) } };
}

/**
 * The words of a trace request that has no side effects: [BRIDGE|DATAPATH] FLOW [--ct-next STATES]...; null if it is another. (A packet, or
 * -generate, would let the trace learn MAC addresses and the like.)
 */
export function traceWords(request: string): string[] | null {
  const given = request.split(/\s+/).filter((word) => word !== '');
  const options: string[] = [];
  const plain: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const word = given[i]!;
    if (word === '--ct-next' && i + 1 < given.length) options.push(word, given[++i]!);
    else if (word.startsWith('-')) return null;
    else plain.push(word);
  }
  // A third word would be a packet; so would a second that is hexadecimal digits only, after a flow.
  if (plain.length < 1 || plain.length > 2) return null;
  if (plain.length === 2 && /^[0-9a-f]+$/i.test(plain[1]!)) return null;
  return [...plain, ...options];
}

/** 01234567-89ab-cdef-0123-456789abcdef, of the bytes as rows have them. */
export function ufidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export function ovsFunctions({ store, calls, onProblem }: OvsFunctionsOptions): KernelFunctions {
  const ports = (): Promise<DatapathPort[]> => calls.shared(['dpctl/show'], (text = '') => parsePorts(text));

  /** What `work` gives; -EIO, and a word to the log, where the switch does not answer. */
  async function orIo<T>(call: KernelCall, work: () => Promise<T>): Promise<T | bigint> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CtiError)) throw error;
      if (!call.signal.aborted) onProblem?.(call, error);
      return errno('EIO');
    }
  }

  async function ask(call: KernelCall, command: string, args: readonly string[], size: bigint) {
    return orIo(call, async () => {
      if (!(await calls.has(command))) return errno('EOPNOTSUPP');
      if (calls.isFull) return errno('EBUSY');
      try {
        return cut(await calls.ask(command, args, call.signal), size);
      } catch (error) {
        if (!(error instanceof CtiError) || error.code !== 'SWITCH_REFUSED') throw error;
        return { r0: errno('EINVAL'), out: cut(error.message, size).out };
      }
    });
  }

  return handlersOf('ctinspector', {
    ovs_flow_row: ({ ufid, generation }) => {
      const held = store.find('dp_flows', generation);
      if (!held) return errno('ESTALE');
      try {
        const view = new DataView(ufid.buffer, ufid.byteOffset, ufid.byteLength);
        const row = new FlowRows(held.snapshot).find([view.getBigUint64(0, true), view.getBigUint64(8, true)]);
        return row < 0 ? errno('ENOENT') : BigInt(row);
      } finally {
        held.release();
      }
    },
    ovs_row_text: ({ generation, row, size }) => {
      const held = store.find('dp_flows', generation);
      if (!held) return errno('ESTALE');
      try {
        if (row >= BigInt(held.snapshot.facts.nRows)) return errno('EINVAL');
        return cut(held.snapshot.rowText(Number(row)), size);
      } finally {
        held.release();
      }
    },
    ovs_port_number: ({ name }, call) =>
      orIo(call, async () => {
        const wanted = textOf(name);
        const found = (await ports()).find((port) => port.name === wanted);
        return found ? BigInt(found.number) : errno('ENOENT');
      }),
    ovs_port_name: ({ number, size }, call) =>
      orIo(call, async () => {
        const found = (await ports()).filter((port) => BigInt(port.number) === number);
        if (found.length === 0) return errno('ENOENT');
        if (found.length > 1) return errno('ENOTUNIQ');
        const { r0, out } = cut(found[0]!.name, size);
        return { r0, out: { name: out.text } };
      }),
    ovs_trace: ({ request, size }, call) => {
      const given = request.length <= MAX_REQUEST ? traceWords(textOf(request)) : null;
      return given ? ask(call, 'ofproto/trace', given, size) : { r0: errno('EINVAL'), out: { text: new Uint8Array() } };
    },
    ovs_detrace: ({ ufid, size }, call) => ask(call, 'ofproto/detrace', [`ufid:${ufidText(ufid)}`], size),
    ovs_upcalls: ({ size }, call) => {
      if (size < UPCALLS_SIZE) return errno('EINVAL');
      return orIo(call, async () => {
        const facts = await upcallFacts(calls);
        const { flows, flowLimit, flowsMax, dumpMs, hit, missed, lost } = facts;
        const timeNs = BigInt(Date.now()) * 1_000_000n;
        return { r0: 0n, out: { upcalls: words(timeNs, flows, flowLimit, flowsMax, dumpMs, hit, missed, lost) } };
      });
    },
  });
}
