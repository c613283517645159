/**
 * Actions of megaflows out of memory as the switch prints them, letter by letter: whatever rules of OpenFlow become in the datapath. The proof of an
 * attachment compares text, so one kind that is read otherwise keeps a switch that uses it from being read at all.
 */
// Takes 3 s.
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { attachMemory } from '../lib/sources/memory.js';
import { addPorts, packet, startDummy } from './support/dummy-switch.js';
import { until } from './support/until.js';

/** Of a rule for IPv4 that comes in by p0 and goes out there. */
const ACTIONS = [
  'ct(commit)',
  'ct(commit,force)',
  'ct(table=1)',
  'ct(table=1,zone=0),output:2',
  'ct(commit,zone=7)',
  'ct(commit,zone=5,exec(set_field:0x12->ct_mark))',
  'ct(commit,exec(set_field:0x12/0xff->ct_mark,set_field:0x1234/0xffff->ct_label))',
  'ct(commit,exec(set_field:0x12345678901234567890->ct_label))',
  'ct(commit,nat(src=10.0.0.1-10.0.0.9:5-9,random))',
  'ct(commit,nat(src=10.0.0.1,persistent,hash))',
  'ct(commit,nat(dst=10.0.0.1))',
  'ct(commit,nat)',
  'ct(nat,table=1)',
  'set_field:1->reg0,ct(commit,zone=NXM_NX_REG0[0..15])',
  'ct_clear',
  'resubmit(,3)',
  'dec_ttl',
  'push_vlan:0x8100,set_field:4100->vlan_vid',
  'push_vlan:0x88a8,set_field:4101->vlan_vid,push_vlan:0x8100,set_field:4102->vlan_vid',
  'set_field:10.1.1.1->ip_dst,set_field:10.1.1.2->ip_src',
  'set_field:aa:bb:cc:dd:ee:ff->eth_dst',
  'set_field:0x10->nw_tos',
  'set_field:5->pkt_mark',
  'set_queue:3',
  'check_pkt_larger(200)->NXM_NX_REG0[0],resubmit(,2)',
  'clone(set_field:10.9.9.9->ip_dst,output:2),output:3',
  'sample(probability=3000,collector_set_id=1,obs_domain_id=2,obs_point_id=3)',
  'meter:1',
  'group:1',
  'controller(max_len=77,reason=no_match,id=9)',
  'output(port=2,max_len=100)',
  'push_mpls:0x8847,set_field:77->mpls_label',
  'encap(nsh(md_type=1)),set_field:0x1234->nsh_spi,encap(ethernet)',
  'encap(nsh(md_type=2)),encap(ethernet)',
  'encap(nsh(md_type=2,tlv(0x1000,10,0x12345678))),encap(ethernet)',
  'output:1,output:2,output:3',
  'flood',
  'normal',
  'drop',
];
const MORE_RULES = [
  'table=1,actions=in_port',
  'table=2,reg0=1,actions=in_port',
  'table=2,reg0=0,actions=output:3',
  'table=3,ct_state=-trk,ip,actions=ct(table=4)',
  'table=4,ct_state=+new+trk,ip,actions=ct(commit),in_port',
  'table=4,ct_state=+est+trk,ip,actions=in_port',
];

/** What stays as it is while packets come. */
const steady = (row: string): string => row.replace(/, packets:.*?, actions:/, ', actions:');
const linesOf = (dump: string): string[] => dump.split('\n').filter((line) => line.startsWith('ufid:'));

t.test('what rules become', async (t) => {
  const sw = await startDummy('0x1');
  t.teardown(() => sw.stop());
  addPorts(sw);
  const ofctl = (command: string, what: string): void =>
    void execFileSync('ovs-ofctl', ['-O', 'OpenFlow15', command, `unix:${sw.rundir}/br0.mgmt`, what]);
  ofctl('add-meter', 'meter=1,kbps,band=type=drop,rate=1000000');
  ofctl(
    'add-group',
    'group_id=1,type=select,selection_method=hash,fields(ip_src,ip_dst),bucket=output:in_port,bucket=output:2',
  );
  for (const [i, actions] of ACTIONS.entries())
    ofctl('add-flow', `priority=9,ip,nw_dst=10.8.0.${i},actions=${actions}${actions === 'drop' ? '' : ',in_port'}`);
  for (const rule of MORE_RULES) ofctl('add-flow', rule);
  const send = (): void => {
    for (const i of ACTIONS.keys()) sw.appctl('netdev-dummy/receive', 'p0', packet(0, `10.8.0.${i}`, 53));
  };
  // A packet that is recirculated is looked up again, as a flow of its own.
  send();
  await until('flows', () => linesOf(sw.appctl('dpctl/dump-flows', '-m')).length >= ACTIONS.length);
  send();

  const { attachment, proof } = await attachMemory({ rundir: sw.rundir });
  proof?.capture.snapshot.close();
  let memory = new Map<string, string>();
  let dumped: string[] = [];
  // Until no flow came between the two.
  await until('two readings of the same flows', async () => {
    dumped = linesOf(sw.appctl('dpctl/dump-flows', '-m'));
    const { snapshot } = await attachment.capture();
    t.strictSame([snapshot.facts.rejected, snapshot.facts.unknown], [[], []]);
    const rows = Array.from({ length: snapshot.facts.nRows }, (_, row) => snapshot.rowText(row));
    snapshot.close();
    memory = new Map(rows.map((row) => [row.slice(5, 41), row]));
    return rows.length === dumped.length && dumped.every((line) => memory.has(line.slice(5, 41)));
  });
  for (const line of dumped) t.equal(steady(memory.get(line.slice(5, 41))!), steady(line));
  const all = dumped.map((line) => line.slice(line.indexOf('actions:'))).join('\n');
  const kinds =
    /\bct\(commit\)|\bct,recirc|force_commit|zone=7|mark=|label=|nat\(src|nat\(dst|nat\)|ct_clear|trunc|push_vlan|push_mpls|push_nsh|md2=|check_pkt_len|meter|controller|set\(ipv4|set\(eth|skb_mark|skb_priority|hash\(|drop/g;
  t.ok(new Set(all.match(kinds)).size >= 18, [...new Set(all.match(kinds))].join(' '));
});
