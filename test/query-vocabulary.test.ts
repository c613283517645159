// The names and operators users know (ovs-fields(7), dump-flows): each is understood, or says where it lives instead.
import t from 'tap';
import { compileQuestion, NO_DICTIONARIES } from '../lib/compiler/index.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';

const check = (question: string): void =>
  void compileQuestion(question, { schema: DP_FLOWS, dictionaries: NO_DICTIONARIES, nRows: 1 });

const FIELDS = `in_port eth_src dl_src eth_dst dl_dst eth_type dl_type dl_vlan dl_vlan_pcp vlan_vid vlan_tci mpls_label ip_src nw_src
  ip_dst nw_dst ipv6_src ipv6_dst nw_proto ip_proto nw_tos nw_ecn nw_ttl ip_frag tcp_src tp_src tcp_dst tp_dst udp_src udp_dst sctp_src
  sctp_dst tcp_flags icmp_type icmp_code icmpv6_type icmpv6_code nd_target arp_op arp_spa arp_tpa arp_sha arp_tha tun_id tun_src tun_dst
  tun_ipv6_src tun_ipv6_dst tun_flags pkt_mark recirc_id dp_hash ct_state ct_zone ct_mark ct_label ct_nw_src ct_nw_dst ct_ipv6_src
  ct_ipv6_dst ct_nw_proto ct_tp_src ct_tp_dst ufid packets bytes used age flags layer hw pmd dp odp_port out_port drop drop_reason
  encap.dst encap.vni mask_shape actions`;
const ELSEWHERE =
  'metadata reg0 reg31 xreg0 xreg7 xxreg3 conj_id table priority cookie n_packets n_bytes duration idle_age hard_age ofp_port ifindex vm iface_id no_hw_reason';
const KEYS = `recirc_id(0) in_port(p1) skb_mark(0x1) ct_state(+trk) ct_tuple4(src=10.0.0.1,proto=6) tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,flags(df|key))
  eth(src=00:00:00:00:00:01) eth_type(0x0800) vlan(vid=5,pcp=0) mpls(label=3,tc=0,ttl=64,bos=1) ipv4(src=10.0.0.0/8) ipv6(src=fd00::/16) tcp(dst=80) udp(dst=53)
  icmp(type=8,code=0) arp(op=1) nd(target=fe80::1)`;
const OPERATORS = [
  'tcp && udp || !arp',
  'tcp and not (udp or icmp), icmp6',
  'tp_dst in 1000..2000',
  'tp_dst in {80, 443, 8000..8100}',
  'nw_dst in {10.0.0.1, 10.0.0.0/8}',
  'nw_dst within 10.0.0.0/8',
  'nw_dst = 10.0.0.1/255.0.0.255',
  'eth_dst = 01:00:00:00:00:00/01:00:00:00:00:00',
  'ct_state = +trk+est-inv',
  'ct_state=0x22/0x3e',
  'vlan_tci=0x1000/0x1000',
  'packets > 10k and bytes >= 2M',
  'used < 5s',
  'hw is unknown',
  'has ct_mark',
  'in_port matches /^veth/',
  'does ct, does userspace, does recirc, to veth1, sets nw_dst',
  'covers(nw_dst=10.1.2.3, tp_dst=443)',
  'exactly nw_dst=10.1.2.3',
  'tp_dst != 80 and tp_dst <= 0x400',
  'ip or ipv6 or sctp',
];

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

t.test('names', async (t) => {
  for (const name of words(FIELDS)) {
    t.doesNotThrow(() => check(`dp_flows | show ${name}`), name);
    t.doesNotThrow(() => check(`dp_flows | where has ${name} | count by ${name}`), name);
  }
  for (const name of words(ELSEWHERE))
    t.throws(
      () => check(`dp_flows | where ${name} = 1`),
      { code: 'QUERY_NAME', message: new RegExp(`^${name} is .*: |^${name} is `) },
      name,
    );
  for (const key of words(KEYS)) t.doesNotThrow(() => check(`dp_flows | where ${key}`), key);
});

t.test('operators', async (t) => {
  for (const condition of OPERATORS) t.doesNotThrow(() => check(`dp_flows | where ${condition}`), condition);
});
