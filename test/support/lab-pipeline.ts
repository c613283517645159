/**
 * OpenFlow for the lab, laid out as OVN lays out its own: the same logical switches and router on both chassis, a port's packets
 * go through all tables on the chassis where they enter, and through the egress tables where they leave.
 *
 *   0 which logical port       11 ACLs over conntrack, load balancer    16 which port has this MAC
 *   8 port security, MAC       13 ARP of the router                     32 here, or through the tunnel
 *   9 port security, IP        14 routes, SNAT; 15 next hop's MAC       40 conntrack again; 41 egress ACLs
 *  10 into conntrack           17, 18 to and from outside               65 out
 *
 * metadata: logical switch; reg14 and reg15: port in and out; reg13 and reg12: their conntrack zones (one a port).
 */

export interface LogicalPort {
  key: number;
  /** Logical switch: the third number of its addresses. */
  lan: number;
  chassis: number;
  mac: string;
  ip4: string;
  ip6: string;
  ofport: number;
  /** Tag of a nested port, whose OpenFlow port is its parent's. */
  vlan: number | null;
}

export interface PipelineOptions {
  chassis: number;
  ports: readonly LogicalPort[];
  outside: { ip4: string; mac: string };
}

const TUNNEL = 100;
const PATCH = 200;
const LANS = [1, 2];
export const VIP = '10.0.1.100';
export const OUTSIDE_IP = '203.0.113.1';
const OUTSIDE_MAC = '02:00:00:00:00:09';
const NAT_ZONE = 1000;

const routerMac = (lan: number): string => `02:00:00:00:00:0${lan}`;
const gateway = (lan: number): string => `10.0.${lan}.1`;
const hex4 = (ip: string): string =>
  `0x${ip
    .split('.')
    .map((n) => Number(n).toString(16).padStart(2, '0'))
    .join('')}`;
const load = (value: number | string, field: string): string => `load:${value}->${field}`;
const goto = (table: number): string => `resubmit(,${table})`;
const IN_ZONE = 'zone=NXM_NX_REG13[0..15]';
const OUT_ZONE = 'zone=NXM_NX_REG12[0..15]';

function enter(options: PipelineOptions, local: readonly LogicalPort[]): string[] {
  const flows = local.map((p) => {
    const match =
      p.vlan === null ? `in_port=${p.ofport},vlan_tci=0x0000/0x1fff` : `in_port=${p.ofport},dl_vlan=${p.vlan}`;
    const set = [
      load(p.lan, 'OXM_OF_METADATA[]'),
      load(p.key, 'NXM_NX_REG14[]'),
      load(p.key, 'NXM_NX_REG13[]'),
      goto(8),
    ];
    return `table=0,priority=100,${match},actions=${[...(p.vlan === null ? [] : ['strip_vlan']), ...set].join(',')}`;
  });
  flows.push(
    `table=0,priority=100,in_port=${TUNNEL},actions=move:NXM_NX_TUN_ID[0..23]->OXM_OF_METADATA[0..23],` +
      `move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG15[0..15],move:NXM_NX_TUN_METADATA0[16..31]->NXM_NX_REG14[0..15],${goto(32)}`,
  );
  if (options.chassis === 1) {
    flows.push(
      `table=0,priority=100,in_port=${PATCH},ip,nw_dst=${OUTSIDE_IP},actions=ct(table=18,zone=${NAT_ZONE},nat)`,
      `table=0,priority=100,in_port=${PATCH},${arpReply(OUTSIDE_IP, OUTSIDE_MAC)}`,
    );
  }
  return flows;
}

/** Match and actions that answer an ARP request for `ip`. */
const arpReply = (ip: string, mac: string): string =>
  `arp,arp_tpa=${ip},arp_op=1,actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:${mac},load:2->NXM_OF_ARP_OP[],` +
  `move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],set_field:${mac}->arp_sha,move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],` +
  `load:${hex4(ip)}->NXM_OF_ARP_SPA[],in_port`;

function portSecurity(local: readonly LogicalPort[]): string[] {
  return [
    'table=8,priority=200,dl_src=01:00:00:00:00:00/01:00:00:00:00:00,actions=drop',
    ...local.flatMap((p) => {
      const from = `table=9,priority=90,reg14=${p.key}`;
      return [
        `table=8,priority=100,reg14=${p.key},dl_src=${p.mac},actions=${goto(9)}`,
        `${from},ip,nw_src=${p.ip4},actions=${goto(10)}`,
        `${from},arp,arp_sha=${p.mac},arp_spa=${p.ip4},actions=${goto(13)}`,
        `${from},ipv6,ipv6_src=${p.ip6},actions=${goto(10)}`,
        `${from},ipv6,ipv6_src=fe80::/10,actions=${goto(10)}`,
        `${from},icmp6,ipv6_src=::,icmp_type=135,actions=${goto(10)}`,
      ];
    }),
  ];
}

function accessControl(): string[] {
  const allow = `ct(commit,${IN_ZONE},exec(load:1->NXM_NX_CT_MARK[],move:NXM_NX_REG14[0..15]->NXM_NX_CT_LABEL[0..15])),${goto(13)}`;
  const allowed = [
    'icmp',
    'icmp6',
    'tcp,tp_dst=80',
    'tcp,tp_dst=443',
    'tcp,tp_dst=8080',
    'tcp,tp_dst=0x1000/0xf000',
    'tcp6,tp_dst=80',
    'udp,tp_dst=53',
    'udp,tp_dst=123',
    'udp,tp_dst=0x4000/0xc000',
    'udp6,tp_dst=53',
    'sctp,tp_dst=3868',
  ];
  return [
    ...[133, 134, 135, 136, 143].map((type) => `table=10,priority=110,icmp6,icmp_type=${type},actions=${goto(16)}`),
    `table=10,priority=100,ip,actions=ct(table=11,${IN_ZONE},nat)`,
    `table=10,priority=100,ipv6,actions=ct(table=11,${IN_ZONE})`,
    'table=11,priority=200,ct_state=+trk+inv,actions=drop',
    `table=11,priority=150,ct_state=+trk+est-inv,actions=${goto(13)}`,
    `table=11,priority=150,ct_state=+trk+rel-inv,actions=${goto(13)}`,
    `table=11,priority=100,ct_state=+trk+new,tcp,nw_dst=${VIP},tp_dst=80,actions=group:1`,
    'table=11,priority=90,ct_state=+trk+new,tcp,tp_dst=23,actions=drop',
    ...allowed.map((match) => `table=11,priority=80,ct_state=+trk+new,${match},actions=${allow}`),
  ];
}

function routing(options: PipelineOptions): string[] {
  const flows: string[] = [];
  const routeTo = (lan: number, next: number): string =>
    `dec_ttl,mod_dl_src:${routerMac(lan)},${load(lan, 'OXM_OF_METADATA[]')},move:NXM_OF_IP_DST[]->NXM_NX_REG0[],${goto(next)}`;
  for (const lan of LANS) {
    const toRouter = `metadata=${lan},dl_dst=${routerMac(lan)},ip`;
    flows.push(
      `table=13,priority=100,metadata=${lan},${arpReply(gateway(lan), routerMac(lan))}`,
      ...[0, 1].map((ttl) => `table=14,priority=200,${toRouter},nw_ttl=${ttl},actions=drop`),
      // The router answers a ping itself.
      `table=14,priority=150,metadata=${lan},dl_dst=${routerMac(lan)},icmp,nw_dst=${gateway(lan)},icmp_type=8,actions=` +
        `move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],mod_dl_src:${routerMac(lan)},move:NXM_OF_IP_SRC[]->NXM_OF_IP_DST[],` +
        `mod_nw_src:${gateway(lan)},load:0->NXM_OF_ICMP_TYPE[],load:64->NXM_NX_IP_TTL[],in_port`,
      ...LANS.map((to) => `table=14,priority=100,${toRouter},nw_dst=10.0.${to}.0/24,actions=${routeTo(to, 15)}`),
      `table=14,priority=90,${toRouter},nw_dst=10.0.0.0/16,actions=drop`,
    );
    if (options.chassis === 1) {
      flows.push(
        `table=14,priority=10,${toRouter},actions=dec_ttl,mod_dl_src:${OUTSIDE_MAC},` +
          `ct(commit,table=17,zone=${NAT_ZONE},nat(src=${OUTSIDE_IP}))`,
        `table=18,priority=100,ct_state=+trk+est-inv,ip,nw_dst=10.0.${lan}.0/24,actions=${routeTo(lan, 15)}`,
      );
    } else {
      flows.push(`table=14,priority=10,${toRouter},actions=drop`);
    }
  }
  flows.push(
    `table=13,priority=100,metadata=1,${arpReply(VIP, routerMac(1))}`,
    `table=13,priority=0,actions=${goto(14)}`,
    `table=14,priority=0,actions=${goto(16)}`,
    `table=17,priority=100,ip,actions=mod_dl_dst:${options.outside.mac},output:${PATCH}`,
  );
  return flows;
}

function deliver(options: PipelineOptions): string[] {
  const { ports, chassis } = options;
  const flows: string[] = [];
  for (const lan of LANS) {
    const all = ports.filter((p) => p.lan === lan).map((p) => `${load(p.key, 'NXM_NX_REG15[]')},${goto(32)}`);
    flows.push(
      `table=16,priority=70,metadata=${lan},dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,actions=${all.join(',')}`,
    );
  }
  for (const p of ports) {
    const here = p.chassis === chassis;
    const output = p.vlan === null ? `output:${p.ofport}` : `mod_vlan_vid:${p.vlan},output:${p.ofport}`;
    flows.push(
      `table=15,priority=100,reg0=${hex4(p.ip4)},metadata=${p.lan},actions=mod_dl_dst:${p.mac},${goto(16)}`,
      `table=16,priority=100,metadata=${p.lan},dl_dst=${p.mac},actions=${load(p.key, 'NXM_NX_REG15[]')},${goto(32)}`,
      here
        ? `table=32,priority=100,reg15=${p.key},actions=${load(p.key, 'NXM_NX_REG12[]')},${goto(40)}`
        : `table=32,priority=100,reg15=${p.key},actions=move:OXM_OF_METADATA[0..23]->NXM_NX_TUN_ID[0..23],` +
            'move:NXM_NX_REG15[0..15]->NXM_NX_TUN_METADATA0[0..15],move:NXM_NX_REG14[0..15]->NXM_NX_TUN_METADATA0[16..31],' +
            `output:${TUNNEL}`,
    );
    if (!here) continue;
    flows.push(
      // Not back to where it came from.
      `table=40,priority=200,reg14=${p.key},reg15=${p.key},actions=drop`,
      `table=65,priority=100,reg15=${p.key},actions=${output}`,
    );
  }
  return [
    ...flows,
    ...[133, 134, 135, 136, 143].map((type) => `table=40,priority=110,icmp6,icmp_type=${type},actions=${goto(65)}`),
    `table=40,priority=100,ip,actions=ct(table=41,${OUT_ZONE},nat)`,
    `table=40,priority=100,ipv6,actions=ct(table=41,${OUT_ZONE})`,
    `table=40,priority=0,actions=${goto(65)}`,
    'table=41,priority=200,ct_state=+trk+inv,actions=drop',
    `table=41,priority=150,ct_state=+trk+est-inv,actions=${goto(65)}`,
    'table=41,priority=100,ct_state=+trk+new,udp,tp_dst=123,actions=drop',
    ...['ip', 'ipv6'].map(
      (l3) => `table=41,priority=50,ct_state=+trk+new,${l3},actions=ct(commit,${OUT_ZONE}),${goto(65)}`,
    ),
  ];
}

/** The rules and groups of a chassis, as ovs-ofctl reads them. */
export function pipeline(options: PipelineOptions): { flows: string; groups: string } {
  const local = options.ports.filter((p) => p.chassis === options.chassis);
  const flows = [
    ...enter(options, local),
    ...portSecurity(local),
    ...accessControl(),
    ...routing(options),
    ...deliver(options),
  ];
  const backend = (ip: string): string =>
    `bucket=weight=100,actions=ct(commit,table=13,${IN_ZONE},nat(dst=${ip}:8080))`;
  return {
    flows: `${flows.join('\n')}\n`,
    groups: `group_id=1,type=select,selection_method=dp_hash,${backend('10.0.1.12')},${backend('10.0.1.14')}\n`,
  };
}

/**
 * br-fill: what a rule moves to a register, a megaflow must match on. One line a shape of native/tools/lab/fill.h, and the same
 * order: a frame of shape n differs from others in just these fields.
 */
export const FILL_FLOWS = [
  'udp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15],output:2',
  'tcp,vlan_tci=0,actions=move:NXM_OF_IP_DST[]->NXM_NX_REG0[],move:NXM_OF_TCP_DST[]->NXM_NX_REG1[0..15],dec_ttl,output:2',
  'udp6,actions=move:NXM_NX_IPV6_SRC[]->NXM_NX_XXREG0[],move:NXM_OF_UDP_DST[]->NXM_NX_REG4[0..15],output:2',
  'icmp,actions=move:NXM_OF_IP_SRC[]->NXM_NX_REG0[],move:NXM_OF_IP_DST[]->NXM_NX_REG1[],output:2',
  'tcp,vlan_tci=0x1000/0x1000,actions=move:NXM_OF_VLAN_TCI[0..11]->NXM_NX_REG0[0..11],move:NXM_OF_IP_SRC[]->NXM_NX_REG1[],strip_vlan,output:2',
  'dl_type=0x88b5,actions=move:NXM_OF_ETH_SRC[]->NXM_NX_XXREG0[0..47],move:NXM_OF_ETH_DST[]->NXM_NX_XXREG0[48..95],output:2',
  'arp,actions=move:NXM_OF_ARP_SPA[]->NXM_NX_REG0[],move:NXM_OF_ARP_TPA[]->NXM_NX_REG1[],output:2',
  'sctp6,actions=move:NXM_NX_IPV6_DST[]->NXM_NX_XXREG0[],move:OXM_OF_SCTP_SRC[]->NXM_NX_REG4[0..15],output:2',
]
  .map((flow) => `priority=100,in_port=1,${flow}\n`)
  .join('');
