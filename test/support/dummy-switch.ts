/**
 * A real ovs-vswitchd with --enable-dummy and ports that PMD threads poll (dummy-pmd), and what tests of its tables share. The cores are made up
 * (--dummy-numa), the threads are real.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { captureTable } from '../../lib/sources/registry.js';
import { jsonCell } from '../../lib/tables/format.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { TableView } from '../../lib/tables/view.js';
import { type PrivateSwitch, startPrivateSwitch } from './private-switch.js';
import { until } from './until.js';

/** Rows as objects of the columns named, or of all that a question can show by default. */
export function rowsOf(
  snapshot: TableSnapshot,
  names: readonly string[] = snapshot.schema.show,
): Record<string, unknown>[] {
  const view = new TableView(snapshot);
  return Array.from({ length: snapshot.facts.nRows }, (_, row) =>
    Object.fromEntries(
      names.map((name) => [name, jsonCell(view.column(name), view.cell(row, view.column(name)), view)]),
    ),
  );
}

export const take = async (table: string, source: string, sw: PrivateSwitch): Promise<TableSnapshot> =>
  (await captureTable(table, source, { rundir: sw.rundir })).snapshot;

/** A bridge of --enable-dummy with ports that PMD threads poll; the cores are made up (--dummy-numa), the threads are real. */
export async function startDummy(mask: string, more: readonly string[] = []): Promise<PrivateSwitch> {
  const sw = await startPrivateSwitch({ args: ['--dummy-numa=0,0,1,1'] });
  // Threads without packets sleep: PMD threads would take all of the machine.
  const config = [`pmd-cpu-mask=${mask}`, 'pmd-maxsleep=500', 'max-idle=600000', ...more];
  sw.vsctl('set', 'Open_vSwitch', '.', ...config.map((one) => `other_config:${one}`));
  sw.addBridge({ columns: ['fail-mode=secure'] });
  return sw;
}

export const PINNED = [0, 1, 2];

export function addPorts(sw: PrivateSwitch): void {
  // p0 has two queues, pinned to two threads; the others are pinned to one each.
  for (const i of PINNED) {
    const affinity = i === 0 ? '0:0,1:3' : `0:${i}`;
    const options = [`options:n_rxq=${i === 0 ? 2 : 1}`, `other_config:pmd-rxq-affinity="${affinity}"`];
    sw.vsctl('add-port', 'br0', `p${i}`, '--', 'set', 'Interface', `p${i}`, 'type=dummy-pmd', ...options);
  }
  const flows = join(sw.rundir, 'flows');
  const rules = [
    'table=0,priority=1,ip,nw_dst=10.1.0.0/16,actions=IN_PORT',
    'table=0,priority=2,udp,tp_dst=53,actions=IN_PORT',
    'table=0,priority=0,actions=IN_PORT',
  ];
  writeFileSync(flows, rules.join('\n'));
  execFileSync('ovs-ofctl', ['add-flows', `unix:${sw.rundir}/br0.mgmt`, flows]);
}

/** Packets that PMD threads are done with, upcalls and the flows they install included: found in a cache, or a miss that was answered. */
export function handled(sw: PrivateSwitch): number {
  const counted =
    /^ +(?:phwol hits|simple match hits|emc hits|smc hits|megaflow hits|miss with (?:success|failed) upcall|Datapath passes): +(\d+)/gm; // of 4.0: all of them in one
  const text = sw.appctl('dpif-netdev/pmd-stats-show');
  return [...text.matchAll(counted)].reduce((sum, [, n]) => sum + Number(n), 0);
}

export const packet = (port: number, dst: string, udpDst: number): string =>
  `in_port(${port + 1}),eth(src=50:54:00:00:00:0${port},dst=50:54:00:00:02:00),eth_type(0x0800),ipv4(src=10.0.0.1,dst=${dst},proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=${udpDst})`;

/** Packets into each port, of kinds that give flows with masks that differ; another number of them each port. */
export async function send(sw: PrivateSwitch): Promise<void> {
  let sent = handled(sw);
  const receive = (port: number, ...words: string[]): void => {
    sw.appctl('netdev-dummy/receive', `p${port}`, ...words);
    sent++;
  };
  for (const port of PINNED) {
    for (let n = 0; n <= port; n++) {
      receive(port, packet(port, `10.${n}.0.1`, 80));
      receive(port, packet(port, '10.9.0.1', 53));
    }
    if (port === 0) receive(0, '--qid', '1', packet(0, '10.1.0.1', 80));
  }
  await until(`packets to be handled: ${sent} of them`, () => handled(sw) >= sent);
}

/** Flows per core, as dpctl/dump-flows -m has them. */
export function dumpedByCore(sw: PrivateSwitch): Map<number, Set<string>> {
  const byCore = new Map<number, Set<string>>();
  let core = -1;
  for (const line of sw.appctl('dpctl/dump-flows', '-m').split('\n')) {
    const head = /^flow-dump from (?:pmd on cpu core: (\d+)|the main thread)/.exec(line);
    if (head) core = Number(head[1] ?? -1);
    const ufid = /^ufid:([0-9a-f-]+)/.exec(line)?.[1];
    if (ufid) byCore.set(core, (byCore.get(core) ?? new Set()).add(ufid));
  }
  return byCore;
}
