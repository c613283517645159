/**
 * Kernel functions of the memory mapper: regions, tables, raw copies, monitors. schema/kernel-functions/mapper.yaml says what each does; the
 * state is in lib/mapper. The original's functions of the same meaning (set `upstream`, by number) are made of the same parts, with its results.
 */
import { errno } from '../errno.js';
import { CtiError } from '../errors.js';
import type { MemoryMapper } from '../mapper/mapper.js';
import {
  isMet,
  MAX_MONITORS,
  MONITOR,
  type Monitor,
  withLast,
  withMonitor,
  withoutMonitors,
} from '../mapper/monitors.js';
import { MAX_ASID } from '../mapper/regions.js';
import type { MappedRanges, RegionRange } from '../runner/call.js';
import type { Answer, KernelCall, KernelFunctions } from '../scheduler/kernel-call.js';
import { handlersOf } from './typed.js';

export interface MapperFunctionsOptions {
  readonly mapper: MemoryMapper;
  /** What went wrong on the host's side of a call that was answered with an errno; for a log. */
  readonly onProblem?: (call: KernelCall, error: CtiError) => void;
}

const MAX_MAPPED = 64;
const DEFAULT_WAIT_MS = 30_000;
/** A wait that a timer can still count. */
const MAX_WAIT_MS = 2 ** 31 - 1;
/** sizeof(struct cti_table) */
const TABLE_SIZE = 416;
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const value = (r0: bigint): Answer => ({ kind: 'value', r0 });

/** Little-endian 64-bit words. */
export function words(...numbers: readonly bigint[]): Uint8Array {
  const bytes = new Uint8Array(8 * numbers.length);
  const view = new DataView(bytes.buffer);
  for (const [i, number] of numbers.entries()) view.setBigUint64(8 * i, number, true);
  return bytes;
}

/** A timeout of a kernel function, ms; 0 is the default. */
export function timeoutMs(timeoutNs: bigint): number {
  return timeoutNs === 0n ? DEFAULT_WAIT_MS : Math.min(Number(timeoutNs / 1_000_000n) || 1, MAX_WAIT_MS);
}

const NOTHING: MappedRanges = { regions: [], tables: [], nPieces: 0 };

const regionAt = ({ regions }: MappedRanges, address: bigint): RegionRange | undefined =>
  regions.find(
    (region) => !region.isStale && address >= region.address && address + 8n <= BigInt(region.address + region.size),
  );

/** The parts, as both sets use them. */
class Parts {
  constructor(private readonly options: MapperFunctionsOptions) {}

  get mapper(): MemoryMapper {
    return this.options.mapper;
  }

  problem(call: KernelCall, error: unknown): CtiError {
    if (!(error instanceof CtiError)) throw error;
    if (!call.signal.aborted) this.options.onProblem?.(call, error);
    return error;
  }

  ranges(call: KernelCall): MappedRanges {
    return call.mapped ?? NOTHING;
  }

  isFull({ regions, nPieces }: MappedRanges): boolean {
    return regions.length + nPieces >= MAX_MAPPED;
  }

  /** Maps what is granted under a name or a handle. `outputs` are made of its size. */
  map(
    call: KernelCall,
    which: string | bigint,
    access: 'read' | 'read-write',
    outputs: (size: bigint) => { arg: number; bytes: Uint8Array }[],
  ): Answer {
    const { mapper } = this;
    const ranges = this.ranges(call);
    const asid = mapper.addressSpace(call.task.id);
    const grant = mapper.regions.find(which, asid);
    if (!grant) return value(errno('ENOENT'));
    const there = ranges.regions.find((range) => range.name === grant.name && range.asid === asid && !range.isStale);
    if (there) {
      if (access === 'read-write' && !there.writable) return value(errno('EACCES'));
      return { kind: 'value', r0: BigInt(there.address), outputs: outputs(BigInt(there.size)) };
    }
    if (this.isFull(ranges)) return value(errno('EMFILE'));
    const region = mapper.region(call.task.id, grant, access);
    return region ? { kind: 'region', region, outputs: outputs(BigInt(region.size)) } : value(errno('EACCES'));
  }

  unmap(call: KernelCall, address: bigint): Answer {
    const { mapper } = this;
    const ranges = this.ranges(call);
    const region = ranges.regions.find((range) => BigInt(range.address) === address);
    if (region) {
      const monitors = mapper.monitors(call.task.id);
      mapper.setMonitors(call.task.id, withoutMonitors(monitors, region.address, region.size));
      mapper.dropRegion(call.task.id, region.name, region.asid);
    }
    const table = ranges.tables.find((one) => BigInt(one.address) === address);
    if (table) mapper.dropTable(call.task.id, table.name);
    if (address >= 1n << 32n) return value(errno('EINVAL'));
    return { kind: 'unmap', address: Number(address) };
  }

  switchSpace(call: KernelCall, asid: bigint): bigint {
    if (asid > MAX_ASID || !this.mapper.regions.hasSpace(asid)) return errno('ENOENT');
    this.mapper.setAddressSpace(call.task.id, Number(asid));
    return 0n;
  }

  monitor(call: KernelCall, type: bigint, address: bigint, bound: bigint, tag: bigint): bigint {
    const { mapper } = this;
    const { id } = call.task;
    if (type > MONITOR.clear) return errno('EINVAL');
    const monitors = mapper.monitors(id);
    if (Number(type) === MONITOR.clear) {
      mapper.setMonitors(id, address === 0n ? [] : monitors.filter((one) => BigInt(one.address) !== address));
      return 0n;
    }
    if (address % 8n !== 0n) return errno('EINVAL');
    const region = regionAt(this.ranges(call), address);
    if (!region || !mapper.granted(id, region.name, region.asid)) return errno('EFAULT');
    const next = withMonitor(monitors, { type: Number(type), address: Number(address), value: bound, tag });
    if (!next) return errno('ENOSPC');
    mapper.setMonitors(id, next);
    return 0n;
  }

  /** The monitor that came true and the word it saw. */
  async waitForAddress(
    call: KernelCall,
    waitMs: number,
  ): Promise<{ monitor: Monitor; word: bigint } | 'ENOENT' | 'ESTALE' | 'ETIMEDOUT'> {
    const { mapper } = this;
    const { id } = call.task;
    const monitors = mapper.monitors(id);
    if (monitors.length === 0) return 'ENOENT';
    call.waitsFor({ kind: 'address' });
    const ranges = this.ranges(call);
    const places = monitors.map((monitor) => {
      const region = regionAt(ranges, BigInt(monitor.address));
      const held = region && mapper.granted(id, region.name, region.asid);
      return held ? { monitor, held, offset: monitor.address - region.address } : null;
    });
    const look = (): { monitor: Monitor; word: bigint } | 'ESTALE' | undefined => {
      for (const place of places) {
        if (!place || place.held.grant.isRevoked) return 'ESTALE';
        const word = place.held.load(place.offset);
        if (isMet(place.monitor.type, word, place.monitor.value)) return { monitor: place.monitor, word };
      }
      return undefined;
    };
    const found = (await mapper.poller.wait(look, waitMs, call.signal)) ?? 'ETIMEDOUT';
    if (typeof found !== 'string') mapper.setMonitors(id, withLast(monitors, found.monitor));
    return found;
  }

  async refresh(call: KernelCall, name: string, maxAgeMs: number): Promise<Answer> {
    if (!this.mapper.store.has(name)) return value(errno('ENOENT'));
    call.waitsFor({ kind: 'table', table: name });
    try {
      return { kind: 'table', arg: 2, table: await this.mapper.table(call.task.id, name, maxAgeMs, call.signal) };
    } catch (error) {
      return value(errno(this.problem(call, error).code === 'OUT_OF_MEMORY' ? 'ENOMEM' : 'EIO'));
    }
  }

  async rawCopy(call: KernelCall, address: bigint, size: bigint): Promise<Answer> {
    const { mapper } = this;
    const raw = mapper.raw(call.task.id);
    if (!raw) return value(errno('EPERM'));
    if (this.isFull(this.ranges(call))) return value(errno('EMFILE'));
    mapper.confine(call.task.id);
    const bytes = await raw.copy(address, size);
    return typeof bytes === 'string' ? value(errno(bytes)) : { kind: 'copy', name: 'raw', bytes };
  }
}

/** For set `ctinspector`. */
export function mapperFunctions(options: MapperFunctionsOptions): KernelFunctions {
  const parts = new Parts(options);
  const { mapper } = options;
  return handlersOf('ctinspector', {
    table_open: ({ name, table_size }, call) => {
      if (table_size < TABLE_SIZE) return errno('EINVAL');
      return parts.refresh(call, textOf(name), Number.POSITIVE_INFINITY);
    },
    table_refresh: ({ name, table_size, max_age_ms }, call) => {
      if (table_size < TABLE_SIZE) return errno('EINVAL');
      return parts.refresh(call, textOf(name), Number(max_age_ms));
    },
    mmap: ({ name, access }, call) => {
      if (access > 1n) return errno('EINVAL');
      return parts.map(call, textOf(name), access === 1n ? 'read-write' : 'read', (size) => [
        { arg: 3, bytes: words(size) },
      ]);
    },
    munmap: ({ address }, call) => parts.unmap(call, address),
    switch_to_address_space: ({ asid }, call) => parts.switchSpace(call, asid),
    region_info: ({ name }, call) => {
      const text = textOf(name);
      const asid = mapper.addressSpace(call.task.id);
      const grant = mapper.regions.find(text, asid);
      if (!grant) return errno('ENOENT');
      const { size, access } = grant;
      const { regions } = parts.ranges(call);
      const there = regions.find((range) => range.name === text && range.asid === asid && !range.isStale);
      const info = words(BigInt(size), access === 'read-write' ? 1n : 0n, BigInt(there?.address ?? 0));
      return { r0: 0n, out: { info } };
    },
    raw_copy: ({ address, size }, call) => parts.rawCopy(call, address, size),
    monitor_address: ({ type, address, value, tag }, call) => parts.monitor(call, type, address, value, tag),
    wait_for_address_event: async ({ timeout_ns }, call) => {
      const found = await parts.waitForAddress(call, timeoutMs(timeout_ns));
      if (typeof found === 'string') return errno(found);
      const { tag, address } = found.monitor;
      return { r0: 0n, out: { event: words(tag, BigInt(address), found.word) } };
    },
  });
}

/** The original has one failure, all ones. */
const FAILED = (1n << 64n) - 1n;
/** Its `debug_print` programs wait for an event as long as it takes; here an endless wait ends (docs/internals.md). */
const UPSTREAM_WAIT_MS = MAX_WAIT_MS;

/** For set `upstream`, by the original's names: `mmap(va, size)` takes a region's handle as va; failure is -1. */
export function upstreamMapperFunctions(options: MapperFunctionsOptions): KernelFunctions {
  const parts = new Parts(options);
  const orFailed = (answer: Answer): Answer =>
    answer.kind === 'value' && BigInt.asIntN(64, answer.r0) < 0n ? value(FAILED) : answer;
  return {
    mmap: (call) => {
      const [handle = 0n, size = 0n] = call.args;
      const asid = options.mapper.addressSpace(call.task.id);
      const grant = options.mapper.regions.find(handle, asid);
      // More than there is would be refused by nobody else: pages past the region are not the program's.
      if (!grant || size === 0n || size > BigInt(grant.size)) return value(FAILED);
      return orFailed(parts.map(call, handle, grant.access, () => []));
    },
    monitor_address: (call) => {
      const [type = 0n, address = 0n, bound = 0n, tag = 0n] = call.args;
      if (type !== BigInt(MONITOR.clear) && address === 0n) return value(FAILED);
      return orFailed(value(parts.monitor(call, type, address, bound, tag)));
    },
    wait_for_address_event: async (call) => {
      const found = await parts.waitForAddress(call, UPSTREAM_WAIT_MS);
      return value(typeof found === 'string' ? FAILED : found.monitor.tag);
    },
    switch_to_address_space: (call) => {
      const failed = parts.switchSpace(call, call.args[0] ?? 0n) !== 0n;
      return value(failed ? FAILED : 0n);
    },
  };
}

export { MAX_MONITORS };
