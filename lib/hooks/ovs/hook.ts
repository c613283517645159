/** The hook point `ovs`: what programs can ask of the switch that their tables are read from, and be told by it. */
import type { CtiError } from '../../errors.js';
import type { SnapshotStore } from '../../mapper/snapshot-store.js';
import type { KernelCall } from '../../scheduler/kernel-call.js';
import { resolveSwitch, type SwitchOptions } from '../../sources/unixctl.js';
import type { HookPoint } from '../registry.js';
import { ovsFunctions } from './functions.js';
import { OvsdbPorts } from './ovsdb.js';
import { SwitchCalls } from './switch-calls.js';
import { portChanged, upcallPressure } from './switch-events.js';
import { tableChanged } from './table-changes.js';

export interface OvsHookOptions {
  readonly store: SnapshotStore;
  readonly where: SwitchOptions;
  readonly onProblem?: (call: KernelCall, error: CtiError) => void;
}

export function ovsHook({ store, where, onProblem }: OvsHookOptions): HookPoint {
  const calls = new SwitchCalls({ where });
  const ports = OvsdbPorts.of(resolveSwitch(where).rundir);
  return {
    name: 'ovs',
    doc: 'a running Open vSwitch: rows, ports, traces, upcalls',
    functions: ovsFunctions({ store, calls, ...(onProblem ? { onProblem } : {}) }),
    events: {
      table_changed: tableChanged(store),
      port_changed: portChanged(ports),
      upcall_pressure: upcallPressure(calls),
    },
  };
}
