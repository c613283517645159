/**
 * scripts/record-dumps: dumps of a private ovs-vswitchd, as the tests keep them. A set is a list of flows, and gives a file for each
 * notation: NAME-more.txt (-m), NAME-numbers.txt (-m --no-names), NAME-plain.txt, NAME-names.txt (--names).
 *
 *   grammarN   15 flows of the generator (native/tools/grammar) with seed N, as dpctl/add-flow takes them
 *   pipeline   what the rules below make of packets
 *
 * keys, actions, rules, tunnels, bond and sampling were recorded before this script was; it leaves them alone.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { nativeTool } from '../../test/support/native-tool.js';
import { type BridgeOptions, type PrivateSwitch, startPrivateSwitch } from '../../test/support/private-switch.js';

const DUMPS = new URL('../../test/fixtures/dumps/', import.meta.url);
const NOTATIONS: Record<string, string[]> = {
  more: ['-m'],
  numbers: ['-m', '--no-names'],
  plain: [],
  names: ['--names'],
};

/** A rule for packets to one UDP port, by what it does with them; and one that matches by itself. */
const RULES = [
  'push_vlan:0x8100,set_field:4107->vlan_vid,output:2',
  'push_vlan:0x88a8,set_field:4197->vlan_vid,push_vlan:0x8100,set_field:4108->vlan_vid,output:2',
  'set_field:10.9.9.9->ip_dst,set_field:0x28->nw_tos,dec_ttl,output:3',
  'push_mpls:0x8847,set_field:77->mpls_label,output:2',
  'push_mpls:0x8847,set_field:77->mpls_label,push_mpls:0x8847,set_field:78->mpls_label,output:2',
  'ct(commit,zone=9,exec(set_field:0x7->ct_mark,set_field:0x12345678901234567890->ct_label)),output:2',
  'ct(commit,zone=9,nat(src=10.1.1.1-10.1.1.9:5000-6000,random)),output:2',
  'ct(table=1,zone=3,nat)',
  'ct_clear,set_field:00:11:22:33:44:55->eth_src,output:1,output:2,output:3',
  'clone(set_field:9->udp_dst,output:2),clone(push_vlan:0x8100,output:3)',
  'check_pkt_larger(100)->reg0[0],resubmit(,2)',
  'controller(max_len=128)',
  'controller(reason=action,id=3,userdata=00.01.02)',
  'sample(probability=500,collector_set_id=1,obs_domain_id=8,obs_point_id=9),output:2',
  'meter:1,output:2',
  'group:1',
  'set_queue:3,output:2',
  'output(port=2,max_len=64)',
  'encap(nsh(md_type=1)),set_field:0x1234->nsh_spi,encap(ethernet),output:2',
  'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678))),encap(ethernet),output:2',
  'move:ip_src[]->reg1[],load:0x7->pkt_mark,learn(table=9,eth_type=0x800,ip_dst=ip_src,output:in_port),output:2',
  'drop',
];
const FIRST_PORT = 7000;

function record(ovs: PrivateSwitch, name: string): void {
  for (const [notation, options] of Object.entries(NOTATIONS)) {
    const text = ovs.appctl('dpctl/dump-flows', ...options);
    writeFileSync(new URL(`${name}-${notation}.txt`, DUMPS), text);
    process.stdout.write(`${name}-${notation}.txt: ${text.trim().split('\n').length} lines\n`);
  }
}

const BRIDGE: BridgeOptions = {
  columns: ['protocols=OpenFlow10,OpenFlow13,OpenFlow15'],
  ports: { p1: 1, p2: 2, p3: 3, p4: 4, p5: 5, p6: 6, p7: 7 },
};

function grammar(ovs: PrivateSwitch, seed: string): void {
  ovs.appctl('revalidator/pause'); // it would remove flows that no upcall made
  const lines = execFileSync(nativeTool('flow_grammar'), [seed, '15', '--add-flow'], { encoding: 'utf8' });
  for (const line of lines.trim().split('\n')) {
    const [match, actions] = line.split('\t') as [string, string];
    const key = /(^|,)eth\(/.test(match) ? match : match.replace('packet_type(ns=0,id=0)', '$&,eth()');
    ovs.appctl('dpctl/add-flow', key, actions);
  }
}

function pipeline(ovs: PrivateSwitch): void {
  const ofctl = (...args: string[]) =>
    execFileSync('ovs-ofctl', ['-O', 'OpenFlow15', ...args], {
      env: { ...process.env, OVS_RUNDIR: ovs.rundir },
      encoding: 'utf8',
    });
  ofctl('add-meter', 'br0', 'meter=1,pktps,band=type=drop,rate=1000');
  ofctl('add-group', 'br0', 'group_id=1,type=select,bucket=output:2,bucket=output:3');
  const flow = (text: string) => ofctl('add-flow', 'br0', text);
  for (const [i, actions] of RULES.entries())
    flow(`table=0,priority=10,udp,udp_dst=${FIRST_PORT + i},actions=${actions}`);
  flow('table=1,ct_state=+trk+new,ip,actions=output:2');
  flow('table=1,ct_state=+trk+est,ip,actions=output:3');
  flow('table=2,reg0=1,actions=output:2');
  flow('table=2,reg0=0,actions=output:3');
  flow('table=0,priority=9,ipv6,ip_frag=first,actions=output:2');
  flow('table=0,priority=9,icmp6,icmp_type=135,nd_target=fe80::1,actions=output:3');
  flow('table=0,priority=9,arp,arp_tpa=10.0.0.0/8,actions=output:2');
  flow('table=0,priority=9,tcp,tcp_flags=+syn-ack,actions=output:3');
  flow('table=0,priority=9,dl_vlan=33,actions=pop_vlan,output:3');
  flow('table=0,priority=9,mpls,mpls_label=5,actions=pop_mpls:0x800,dec_ttl,output:2');
  const eth = 'eth(src=50:54:00:00:00:01,dst=50:54:00:00:00:02)';
  const ip = (proto: number, frag = 'no') =>
    `${eth},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=${proto},tos=0,ttl=64,frag=${frag})`;
  const ip6 = (proto: number, frag = 'no') =>
    `${eth},eth_type(0x86dd),ipv6(src=fe80::5,dst=fe80::6,label=0,proto=${proto},tclass=0,hlimit=255,frag=${frag})`;
  const packets = [
    ...RULES.map((_, i) => `${ip(17)},udp(src=1000,dst=${FIRST_PORT + i})`),
    `${ip6(17, 'first')},udp(src=1,dst=2)`,
    `${ip6(58)},icmpv6(type=135,code=0),nd(target=fe80::1,sll=50:54:00:00:00:01,tll=00:00:00:00:00:00)`,
    `${eth},eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=50:54:00:00:00:01,tha=00:00:00:00:00:00)`,
    `${ip(6)},tcp(src=5,dst=80),tcp_flags(0x002)`,
    `${eth},eth_type(0x8100),vlan(vid=33,pcp=2),encap(eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=1,dst=2))`,
    `${eth},eth_type(0x8847),mpls(label=5,tc=0,ttl=64,bos=1)`,
    `${ip(132)},sctp(src=5,dst=80)`,
    `${ip(1)},icmp(type=8,code=0)`,
  ];
  for (const packet of packets)
    for (let n = 0; n < 2; n++) ovs.appctl('netdev-dummy/receive', 'p1', `in_port(1),${packet}`);
}

async function recordSet(name: string): Promise<void> {
  const ovs = await startPrivateSwitch();
  try {
    ovs.addBridge(BRIDGE);
    const seed = /^grammar(\d+)$/.exec(name)?.[1];
    if (seed) grammar(ovs, seed);
    else if (name === 'pipeline') pipeline(ovs);
    else throw new Error(`no set '${name}': expected pipeline or grammarN`);
    record(ovs, name);
  } finally {
    await ovs.stop();
  }
}

const sets = process.argv.slice(2);
for (const name of sets.length > 0 ? sets : ['pipeline', ...Array.from({ length: 7 }, (_, i) => `grammar${i + 1}`)]) {
  await recordSet(name);
}
