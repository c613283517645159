/**
 * Who is in the lab, and how the switch is built: one ovs-vswitchd that plays two chassis.
 *
 *    h1 h2 h3          ext           h4 h5
 *     |  |  |           |             |  |
 *    br-int ---patch--- br-ex        br-remote            tx, rx (namespace "fill")
 *       \ geneve                   geneve /                   |
 *        br-phy1 --- u1 === u2 --- br-phy2                 br-fill
 *
 * The switch and its bridges are in a namespace of their own, each host is in another: nothing shows outside.
 */
import { FILL_FLOWS, type LogicalPort, pipeline } from './lab-pipeline.js';
import { ipBatch, run } from './lab-system.js';

export interface Host {
  name: string;
  mac: string;
  ip4: string;
  ip6: string;
  /** IPv4 gateway; none outside. */
  gateway: string | null;
  bridge: string;
  ofport: number;
}

const host = (name: string, bridge: string, ofport: number, lan: number, n: number): Host => ({
  name,
  mac: `02:00:00:00:0${lan}:${n}`,
  ip4: `10.0.${lan}.${n}`,
  ip6: `fd00:${lan}::${n}`,
  gateway: `10.0.${lan}.1`,
  bridge,
  ofport,
});

export const HOSTS: readonly Host[] = [
  host('h1', 'br-int', 1, 1, 11),
  host('h2', 'br-int', 2, 1, 12),
  host('h3', 'br-int', 3, 2, 13),
  host('h4', 'br-remote', 4, 1, 14),
  host('h5', 'br-remote', 5, 2, 15),
  { ...host('ext', 'br-ex', 1, 9, 99), ip4: '203.0.113.9', ip6: 'fd00:9::9', gateway: null },
];
/** A container inside h1: its frames carry a VLAN tag. It has no namespace; `traffic` sends in its name. */
export const NESTED: Host = { ...host('c1', 'br-int', 1, 1, 16), name: 'c1' };
export const NESTED_VLAN = 100;

export const hostNamed = (name: string): Host => {
  const found = HOSTS.find((h) => h.name === name);
  if (!found) throw new Error(`no host ${name} in the lab`);
  return found;
};

const logicalPorts = (): LogicalPort[] =>
  [...HOSTS.filter((h) => h.gateway !== null), NESTED].map((h, i) => ({
    key: i + 1,
    lan: Number(h.ip4.split('.')[2]),
    chassis: h.bridge === 'br-int' ? 1 : 2,
    mac: h.mac,
    ip4: h.ip4,
    ip6: h.ip6,
    ofport: h.ofport,
    vlan: h === NESTED ? NESTED_VLAN : null,
  }));

/** Namespaces and interfaces, before the switch starts. `tag` is the switch's namespace and the prefix of the others. */
export async function buildNetwork(tag: string, trafficTool: string): Promise<void> {
  const names = [...HOSTS.map((h) => h.name), 'fill'];
  for (const name of [tag, ...names.map((n) => `${tag}-${n}`)]) await run('ip', ['netns', 'add', name]);
  // No chatter of the kernel's own in the switch and the fill namespace; and the far end of the underlay is also ours.
  const quiet = 'for d in all default; do echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6; done';
  const underlay =
    'for d in all default; do cd /proc/sys/net/ipv4/conf/$d; echo 1 >accept_local; echo 0 >rp_filter; done';
  await run('sh', ['-c', `[ ! -e /proc/sys/net/ipv6 ] || { ${quiet}; }; ${underlay}`], { netns: tag });
  await run('sh', ['-c', `[ ! -e /proc/sys/net/ipv6 ] || { ${quiet}; }`], { netns: `${tag}-fill` });

  await ipBatch(tag, [
    'link set lo up',
    ...HOSTS.flatMap((h) => [
      `link add ${h.name} type veth peer name eth0 netns ${tag}-${h.name}`,
      `link set ${h.name} up`,
    ]),
    ...['tx', 'rx'].flatMap((n) => [
      `link add f-${n} type veth peer name ${n} netns ${tag}-fill`,
      `link set f-${n} up`,
    ]),
    'link add u1 type veth peer name u2',
    'link set u1 up',
    'link set u2 up',
  ]);
  await ipBatch(`${tag}-fill`, ['link set dev tx up', 'link set dev rx up']);
  await Promise.all(
    HOSTS.map(async (h) => {
      const netns = `${tag}-${h.name}`;
      // No router to look for: the less a host says by itself, the better `fill` can count. 1400: room for the tunnel's headers.
      await run('sh', ['-c', 'for f in /proc/sys/net/ipv6/conf/*/router_solicitations; do echo 0 >$f; done'], {
        netns,
      });
      await ipBatch(netns, [
        'link set lo up',
        `link set eth0 address ${h.mac} mtu 1400 up`,
        `addr add ${h.ip4}/24 dev eth0`,
        `addr add ${h.ip6}/64 dev eth0 nodad`,
        ...(h.gateway ? [`route add default via ${h.gateway}`] : []),
      ]);
      await run(trafficTool, ['no-offload', 'eth0'], { netns });
    }),
  );
}

type Command = (...args: string[]) => Promise<string>;

const bridge = (name: string, mode: 'secure' | 'standalone'): string =>
  `-- add-br ${name} -- set bridge ${name} datapath_type=netdev fail-mode=${mode}`;
const port = (on: string, name: string, ofport: number, rest = ''): string =>
  `-- add-port ${on} ${name} -- set interface ${name} ofport_request=${ofport} ${rest}`;
// No local_ip: OVS then looks for a local route to it, which only the system's routing table can give (see startSwitch).
const geneve = (on: string, name: string, remote: string): string =>
  port(on, name, 100, `type=geneve options:remote_ip=${remote} options:key=flow`);

/** Bridges and ports, once; they stay in the database over a restart. */
export async function buildBridges(vsctl: Command): Promise<void> {
  const commands = [
    bridge('br-int', 'secure'),
    bridge('br-remote', 'secure'),
    bridge('br-ex', 'standalone'),
    bridge('br-phy1', 'standalone'),
    bridge('br-phy2', 'standalone'),
    bridge('br-fill', 'secure'),
    ...HOSTS.map((h) => port(h.bridge, h.name, h.ofport)),
    port('br-int', 'patch-ex', 200, 'type=patch options:peer=patch-int'),
    port('br-ex', 'patch-int', 2, 'type=patch options:peer=patch-ex'),
    port('br-phy1', 'u1', 1),
    port('br-phy2', 'u2', 1),
    port('br-fill', 'f-tx', 1),
    port('br-fill', 'f-rx', 2),
    geneve('br-int', 'gnv1', UNDERLAY[1].ip),
    geneve('br-remote', 'gnv2', UNDERLAY[0].ip),
  ];
  await vsctl(
    ...commands
      .join(' ')
      .split(' ')
      .filter((word) => word !== '')
      .slice(1),
  );
}

const UNDERLAY = [
  { bridge: 'br-phy1', ip: '172.31.0.1' },
  { bridge: 'br-phy2', ip: '172.31.0.2' },
] as const;

/** What a switch forgets when it stops: OpenFlow rules, tunnel routes, its flow limit. */
export async function programSwitch(
  tag: string,
  appctl: Command,
  ofctl: (args: string[], input: string) => Promise<string>,
): Promise<void> {
  // The bridges' own interfaces come and go with the switch.
  await ipBatch(
    tag,
    UNDERLAY.flatMap((end) => [`link set ${end.bridge} up`, `addr replace ${end.ip}/24 dev ${end.bridge}`]),
  );
  const ports = logicalPorts();
  for (const [chassis, name] of [
    [1, 'br-int'],
    [2, 'br-remote'],
  ] as const) {
    const { flows, groups } = pipeline({ chassis, ports, outside: hostNamed('ext') });
    await ofctl(['add-tlv-map', name, '{class=0x102,type=0x80,len=4}->tun_metadata0'], '');
    await ofctl(['-O', 'OpenFlow15', 'add-groups', name, '-'], groups);
    await ofctl(['-O', 'OpenFlow15', 'add-flows', name, '-'], flows);
  }
  await ofctl(['add-flows', 'br-fill', '-'], FILL_FLOWS);
  await appctl('ovs/route/add', `${UNDERLAY[1].ip}/32`, UNDERLAY[0].bridge);
  await appctl('ovs/route/add', `${UNDERLAY[0].ip}/32`, UNDERLAY[1].bridge);
  await appctl('upcall/set-flow-limit', '2000000');
}
