/**
 * A real ovs-vswitchd with two datapaths (dummy and netdev, the userspace datapath under two types), rules that commit connections, and packets
 * that make them; and a row of table ct printed as dpctl/dump-conntrack -m -s does, from its cells alone.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { rowsOf } from './dummy-switch.js';
import { type PrivateSwitch, startPrivateSwitch } from './private-switch.js';

/** Bridge, its datapath's full name, its port that packets come in by. */
export const BRIDGES = [
  { bridge: 'br0', type: 'dummy', datapath: 'dummy@ovs-dummy', port: 'p1' },
  { bridge: 'br1', type: 'netdev', datapath: 'netdev@ovs-netdev', port: 'q1' },
] as const;

const RULES = [
  'udp,actions=ct(commit,zone=7,exec(set_field:0x5->ct_mark,set_field:0x1234->ct_label))',
  'tcp,actions=ct(commit,zone=9,nat(src=10.9.9.9))',
  'icmp,actions=ct(commit)',
  'udp6,actions=ct(commit,zone=65535)',
  'priority=0,actions=drop',
];

export function addBridge(sw: PrivateSwitch, { bridge, type, port }: (typeof BRIDGES)[number]): void {
  const add = ['--', 'add-port', bridge, port, '--', 'set', 'Interface', port, 'type=dummy'];
  sw.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, `datapath_type=${type}`, 'fail-mode=secure', ...add);
  const rules = join(sw.rundir, 'rules');
  writeFileSync(rules, RULES.join('\n'));
  execFileSync('ovs-ofctl', ['add-flows', `unix:${sw.rundir}/${bridge}.mgmt`, rules]);
}

const ETH = 'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a)';
const v4 = (proto: number, n: number) =>
  `${ETH},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.1.${n},proto=${proto},tos=0,ttl=64,frag=no)`;

export const PACKETS = {
  udp: (n: number) => `${v4(17, n)},udp(src=1000,dst=53)`,
  tcp: (n: number) => `${v4(6, n)},tcp(src=${2000 + n},dst=80),tcp_flags(syn)`,
  icmp: (n: number) => `${v4(1, n)},icmp(type=8,code=0)`,
  udp6: (n: number) =>
    `${ETH},eth_type(0x86dd),ipv6(src=fd00::1,dst=fd00::${n},label=0,proto=17,tclass=0,hlimit=64,frag=no),udp(src=1000,dst=53)`,
};

/** The text of a datapath's connections by the stock ovs-appctl, a line each without what moves by itself. */
export const dumped = (sw: PrivateSwitch, datapath: string): string[] =>
  sw
    .appctl('dpctl/dump-conntrack', '-m', '-s', datapath)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.replace(/,timeout=\d+/, ''));

/** Packets into a bridge, and the wait until there are `n` connections in its datapath. */
export async function connect(
  sw: PrivateSwitch,
  { port, datapath }: (typeof BRIDGES)[number],
  packets: readonly string[],
  n: number,
): Promise<void> {
  for (const packet of packets) sw.appctl('netdev-dummy/receive', port, packet);
  for (const end = Date.now() + 20_000; dumped(sw, datapath).length < n; )
    if (Date.now() > end) throw new Error(`${datapath} has ${dumped(sw, datapath).length} connections of ${n}`);
}

export async function startCtSwitch(): Promise<PrivateSwitch> {
  const sw = await startPrivateSwitch();
  for (const one of BRIDGES) addBridge(sw, one);
  return sw;
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6' };

/** The rows of a snapshot as dpctl prints them, by datapath, without what moves by itself. */
export function printed(snapshot: TableSnapshot): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const names = ['orig', 'reply'].flatMap((way) =>
    ['src', 'dst', 'sport', 'dport', 'id', 'type', 'code', 'state', 'tcp_flags', 'wscale'].map(
      (one) => `${way}_${one}`,
    ),
  );
  const rows = rowsOf(snapshot, [...names, 'nw_proto', 'id', 'zone', 'status', 'mark', 'label', 'datapath']);
  for (const row of rows) {
    const has = (name: string) => row[name] !== null && row[name] !== undefined;
    const tuple = (way: string) => {
      const rest = has(`${way}_sport`) ? ['sport', 'dport'] : ['id', 'type', 'code'];
      return `${way}=(${['src', 'dst', ...rest].map((name) => `${name}=${row[`${way}_${name}`]}`).join()})`;
    };
    const parts = [PROTOCOLS[Number(row.nw_proto)], tuple('orig'), tuple('reply'), `id=${row.id}`];
    if (row.zone !== 0) parts.push(`zone=${row.zone}`);
    parts.push(`status=${row.status}`);
    if (Number(row.mark) !== 0) parts.push(`mark=${Number(row.mark)}`);
    if (Number(row.label) !== 0) parts.push(`labels=${row.label}`);
    if (has('orig_state')) {
      const info = ['state', 'wscale', 'tcp_flags'].flatMap((what) =>
        ['orig', 'reply']
          .filter((way) => has(`${way}_${what}`))
          .map((way) => `${what.replace('tcp_', '')}_${way}=${row[`${way}_${what}`]}`),
      );
      parts.push(`protoinfo=(${info.join()})`);
    }
    const datapath = String(row.datapath);
    found.set(datapath, [...(found.get(datapath) ?? []), parts.join()]);
  }
  return found;
}
