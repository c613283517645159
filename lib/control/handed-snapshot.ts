/**
 * A snapshot on its way from the process that read it to one that asks it: its segments as sealed memfds, its facts as data. Nothing is copied;
 * the receiver checks seals, sizes and schema before it maps anything (native/bind/snapshot_fds.cc).
 */
import { addon } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';
import type { Captured } from '../sources/registry.js';
import { TABLES } from '../tables/generated/tables.js';
import { type NativeSnapshot, openSnapshot, type SnapshotFacts, type TableSnapshot } from '../tables/snapshot.js';
import type { Parcel } from './calls.js';

export interface Handed {
  readonly table: string;
  readonly schemaHash: string;
  readonly generation: bigint;
  /** The generation whose rows it has: its own, or an earlier one's if only counters were read since (some rows may have gone). */
  readonly rowsOf: bigint;
  readonly facts: SnapshotFacts;
  readonly passedOver: readonly string[];
  readonly segments: readonly { readonly size: number; readonly nRecords: number }[];
  /** What the giver holds it by until it is told of its release. */
  readonly hold: number;
}

interface HandedAddon {
  snapshotFromFds(table: string, schemaHash: string, facts: object, fds: readonly number[]): NativeSnapshot;
}

/** The descriptors stay the snapshot's. */
export function parcelOf({ snapshot, passedOver }: Captured, hold: number, rowsOf = snapshot.generation): Parcel {
  const { schema, generation, facts, segments } = snapshot;
  const data: Handed = {
    table: schema.name,
    schemaHash: schema.hash,
    generation,
    rowsOf,
    facts,
    passedOver,
    segments: segments.map(({ size, nRecords }) => ({ size, nRecords })),
    hold,
  };
  return { data, fds: segments.map(({ fd }) => fd) };
}

/** Opens what parcelOf() gave; the descriptors stay the caller's to close. `released` when the snapshot is closed. SNAPSHOT_MALFORMED. */
export function openHanded({ data, fds }: Parcel, released: (hold: number) => void = () => {}): Captured {
  const { table, schemaHash, generation, facts, passedOver, segments, hold } = data as Handed;
  const schema = TABLES.find(({ name }) => name === table);
  if (!schema) throw new CtiError('SNAPSHOT_MALFORMED', `there is no table ${table}`);
  const { nRows, nVerbatim, rejected, unknown } = facts;
  let native: NativeSnapshot;
  try {
    native = addon<HandedAddon>().snapshotFromFds(
      table,
      schemaHash,
      { nRows, nVerbatim, rejected, unknown, segments },
      fds,
    );
  } catch (error) {
    throw fromNative(error);
  }
  const { source, beginNs, endNs, cost, reading } = facts;
  const snapshot: TableSnapshot = openSnapshot(
    schema,
    native,
    { source, beginNs, endNs, cost, ...(reading ? { reading } : {}) },
    generation,
  );
  const close = snapshot.close.bind(snapshot);
  let isOpen = true;
  snapshot.close = () => {
    close();
    if (isOpen) released(hold);
    isOpen = false;
  };
  return { snapshot, passedOver };
}
