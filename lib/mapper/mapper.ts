/**
 * The memory mapper of a node: what names in programs and images mean here. It implements the scheduler's Mapper (lib/scheduler/options.ts):
 * an image names (node, table, generation) and (node, region name, address space), and gets the memory behind that while it is there; what is
 * gone, of another node, or revoked is null, and its range stale. Nothing is bound to something else under the same name.
 *
 * What a task has (snapshots, regions, monitors, address space) is held under its id until `release`. The kernel functions that use it are in
 * lib/kernel-functions/mapper.ts.
 *
 * Thread-safety: the control thread only.
 */
import { CtiError } from '../errors.js';
import type { ImageTable, RegionMapping, RegionRange, TableMapping } from '../runner/program.js';
import { type Monitor, Poller } from './monitors.js';
import type { RawMemory } from './raw.js';
import { type Access, type Grant, type HeldGrant, Regions } from './regions.js';
import type { Held, SnapshotStore } from './snapshot-store.js';
import { tableMapping } from './table-mapping.js';

export interface MemoryMapperOptions {
  /** The node's URL: images have it beside each name. */
  readonly node: string;
  readonly store: SnapshotStore;
  /** New ones if absent. */
  readonly regions?: Regions;
  /** Between two looks at monitored memory; 10 ms if absent. */
  readonly pollMs?: number;
}

/** A table range of an image, as far as it matters here. */
export type TableRange = Pick<ImageTable, 'node' | 'table' | 'generation' | 'schemaHash' | 'isStale'>;

/** What of an image's facts the mapper looks at. */
export interface MappedFacts {
  readonly id: string;
  readonly tables: readonly TableRange[];
  readonly regions: readonly RegionRange[];
}

/** What the image stores for the mapper. */
export interface MapperControl {
  readonly addressSpace: number;
  readonly monitors: readonly Monitor[];
}

const NEW: MapperControl = { addressSpace: 0, monitors: [] };

/** What a task has here. */
class Holdings {
  addressSpace = 0;
  monitors: readonly Monitor[] = [];
  /** By the table's name: of each the generation that is mapped. */
  readonly tables = new Map<string, Held>();
  /** By address space and name. */
  readonly grants = new Map<string, HeldGrant>();
  raw: RawMemory | undefined;
  hasCopied = false;
}

const keyOf = (name: string, asid: number): string => `${asid}\0${name}`;

export class MemoryMapper {
  readonly node: string;
  readonly store: SnapshotStore;
  readonly regions: Regions;
  readonly poller: Poller;
  readonly #tasks = new Map<string, Holdings>();
  readonly #kill: ((taskId: string, reason: string) => void)[] = [];

  constructor(options: MemoryMapperOptions) {
    this.node = options.node;
    this.store = options.store;
    this.regions = options.regions ?? new Regions();
    this.poller = new Poller(options.pollMs ?? 10);
    this.regions.onRevoke((grant) => {
      for (const [id, { grants }] of [...this.#tasks]) {
        if (grants.get(keyOf(grant.name, grant.asid))?.grant !== grant) continue;
        for (const kill of this.#kill) kill(id, `region ${grant.name}, which it had mapped, was revoked`);
      }
    });
  }

  /** What ends a task whose region is taken back. */
  onKill(kill: (taskId: string, reason: string) => void): void {
    this.#kill.push(kill);
  }

  /** What the ranges of an image are now, in their order; null: stale. Holds each until `release(facts.id)`. */
  resolve(facts: MappedFacts): { tables: (TableMapping | null)[]; regions: (RegionMapping | null)[] } {
    const holdings = this.#of(facts.id);
    return {
      tables: facts.tables.map((range) => this.#resolveTable(holdings, range)),
      regions: facts.regions.map((range) => this.#resolveRegion(holdings, range)),
    };
  }

  /** An image of a run without a mapper has no node's name in it: it was made here. */
  #isHere(node: string): boolean {
    return node === '' || node === this.node;
  }

  #resolveTable(holdings: Holdings, range: TableRange): TableMapping | null {
    if (range.isStale || !this.#isHere(range.node)) return null;
    let held = holdings.tables.get(range.table) ?? null;
    if (held?.snapshot.generation !== range.generation) held = this.store.find(range.table, range.generation);
    if (!held || held.snapshot.schema.hash !== range.schemaHash) {
      held?.release();
      return null;
    }
    return this.#holdTable(holdings, held);
  }

  #holdTable(holdings: Holdings, held: Held): TableMapping {
    const name = held.snapshot.schema.name;
    const before = holdings.tables.get(name);
    if (before !== held) before?.release();
    holdings.tables.set(name, held);
    return tableMapping(held.snapshot, this.node);
  }

  #resolveRegion(holdings: Holdings, range: RegionRange): RegionMapping | null {
    if (range.isStale || !this.#isHere(range.node)) return null;
    const key = keyOf(range.name, range.asid);
    // A grant that this task has is that one, whatever is granted under its name since.
    let held = holdings.grants.get(key) ?? null;
    if (!held) {
      held = this.regions.hold(range.name, range.asid);
      if (!held) return null;
      holdings.grants.set(key, held);
    }
    const { grant } = held;
    if (grant.isRevoked || grant.size !== range.size || (range.writable && grant.access !== 'read-write')) return null;
    return this.#mapping(held, range.writable);
  }

  #mapping({ grant }: HeldGrant, writable: boolean): RegionMapping {
    return { name: grant.name, node: this.node, asid: grant.asid, fd: grant.fd, size: grant.size, writable };
  }

  /** The task has ended or left: what was held for it may go. */
  release(taskId: string): void {
    const holdings = this.#tasks.get(taskId);
    if (!holdings) return;
    this.#tasks.delete(taskId);
    for (const held of holdings.tables.values()) held.release();
    for (const held of holdings.grants.values()) held.release();
    holdings.raw?.close();
  }

  /** What an image of the task has to store; undefined: what it came with. */
  control(taskId: string): MapperControl | undefined {
    const holdings = this.#tasks.get(taskId);
    return holdings && { addressSpace: holdings.addressSpace, monitors: holdings.monitors };
  }

  /** An image has come here (adopted, or out of a journal) with what it stores. */
  restore(facts: { readonly id: string } & Partial<MapperControl>): void {
    const { addressSpace = 0, monitors = [] } = facts;
    if (addressSpace === 0 && monitors.length === 0) return;
    const holdings = this.#of(facts.id);
    holdings.addressSpace = addressSpace;
    holdings.monitors = monitors;
  }

  addressSpace(taskId: string): number {
    return (this.#tasks.get(taskId) ?? NEW).addressSpace;
  }

  monitors(taskId: string): readonly Monitor[] {
    return (this.#tasks.get(taskId) ?? NEW).monitors;
  }

  setAddressSpace(taskId: string, asid: number): void {
    this.#of(taskId).addressSpace = asid;
  }

  setMonitors(taskId: string, monitors: readonly Monitor[]): void {
    this.#of(taskId).monitors = monitors;
  }

  /** The table for a task, not older than told; held for it in the place of an older one. Rejects as SnapshotStore.get does. */
  async table(taskId: string, name: string, maxAgeMs: number, signal: AbortSignal): Promise<TableMapping> {
    const held = await this.store.get(name, maxAgeMs, signal);
    if (signal.aborted) {
      held.release();
      throw new CtiError('CANCELLED', 'the task ended before its table was read', { cause: signal.reason });
    }
    return this.#holdTable(this.#of(taskId), held);
  }

  /** The table is no longer mapped in the task. */
  dropTable(taskId: string, name: string): void {
    const tables = this.#tasks.get(taskId)?.tables;
    tables?.get(name)?.release();
    tables?.delete(name);
  }

  /** What is granted, for a task to map, and held for it; null if it may not have this access. */
  region(taskId: string, grant: Grant, access: Access): RegionMapping | null {
    if (access === 'read-write' && grant.access !== 'read-write') return null;
    const held = this.regions.hold(grant.name, grant.asid);
    if (!held) return null;
    const { grants } = this.#of(taskId);
    const key = keyOf(grant.name, grant.asid);
    grants.get(key)?.release();
    grants.set(key, held);
    return this.#mapping(held, access === 'read-write');
  }

  /** The grant that a task has mapped as this; undefined if it has not, or not any more. */
  granted(taskId: string, name: string, asid: number): HeldGrant | undefined {
    const held = this.#tasks.get(taskId)?.grants.get(keyOf(name, asid));
    return held?.grant.isRevoked ? undefined : held;
  }

  /** The region is no longer mapped in the task. */
  dropRegion(taskId: string, name: string, asid: number): void {
    const grants = this.#tasks.get(taskId)?.grants;
    grants?.get(keyOf(name, asid))?.release();
    grants?.delete(keyOf(name, asid));
  }

  /** Allows one task raw copies until it ends. The mapper closes `raw`. */
  allowRaw(taskId: string, raw: RawMemory): void {
    const holdings = this.#of(taskId);
    holdings.raw?.close();
    holdings.raw = raw;
  }

  /** What the task may copy; undefined: nothing. */
  raw(taskId: string): RawMemory | undefined {
    return this.#tasks.get(taskId)?.raw;
  }

  /** The task has had raw copies. From then on it may not leave this host (`isConfined`). */
  confine(taskId: string): void {
    this.#of(taskId).hasCopied = true;
  }

  isConfined(taskId: string): boolean {
    return this.#tasks.get(taskId)?.hasCopied ?? false;
  }

  /** Lets go of everything: regions, snapshots. To be called when no task is left. */
  close(): void {
    for (const id of [...this.#tasks.keys()]) this.release(id);
    this.regions.close();
    this.store.close();
  }

  #of(taskId: string): Holdings {
    let holdings = this.#tasks.get(taskId);
    if (!holdings) {
      holdings = new Holdings();
      this.#tasks.set(taskId, holdings);
    }
    return holdings;
  }
}
