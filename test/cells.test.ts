/** Cells of dp_flows as text and as JSON, from dump text of every kind of column. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { columnNames } from '../lib/tables/columns.js';
import { formatCell, ipv6, jsonCell } from '../lib/tables/format.js';
import { TableView } from '../lib/tables/view.js';
import { temporary } from './support/expect.js';

const fixture = (name: string) => new URL(`fixtures/dumps/${name}`, import.meta.url).pathname;

/** Reads one dump and gives its rows' cells by name, as text and as JSON. */
async function cellsOf(t: Test, text: string) {
  const file = join(temporary(t), 'dump');
  writeFileSync(file, text);
  const snapshot = await readDpFlowsFile(file);
  t.teardown(() => snapshot.close());
  t.strictSame(snapshot.facts.rejected, []);
  const view = new TableView(snapshot);
  return (row: number, name: string) => {
    const column = view.column(name);
    const cell = view.cell(row, column);
    return [formatCell(column, cell, view), jsonCell(column, cell, view)];
  };
}

t.test('cells: every kind of column, as text and as JSON', async (t) => {
  const ufid = 'ufid:00112233-4455-6677-8899-aabbccddeeff, ';
  const stats = (more = '') => `, packets:9007199254740993, bytes:60, used:4.646s${more}, `;
  const cells = await cellsOf(
    t,
    [
      'flow-dump from pmd on cpu core: 3',
      `${ufid}recirc_id(0x2a),ct_state(0x21/0x33),ct_zone(0x5),ct_mark(0x1/0xff),ct_label(0x10000000000000000/0xffffffffffffffffffff),in_port(p1),eth(src=0a:00:00:00:00:01,dst=01:00:00:00:00:00/01:00:00:00:00:00),eth_type(0x8100),vlan(vid=100,pcp=3),encap(eth_type(0x0800),ipv4(src=10.1.2.3/255.0.0.255,dst=10.0.0.0/255.0.0.0,proto=6,tos=0xb8/0xfc,ttl=64,frag=no),tcp(src=80,dst=0x1bb/0xfff0),tcp_flags(+syn-ack))${stats(', flags:SP.')}dp:tc, offloaded:yes, actions:drop`,
      `recirc_id(0),in_port(2),eth_type(0x86dd),ipv6(src=fe80::1,dst=2001:db8::/32,label=0x5,proto=17,frag=no),udp(src=53,dst=1000)${stats()}actions:3`,
      'recirc_id(0),tunnel(tun_id=0x64,src=1.1.1.1,dst=2.2.2.2,ttl=64,tp_dst=4789,flags(-df+csum+key)),in_port(p1),eth_type(0x0806),arp(sip=1.2.3.4,tip=5.6.7.8/255.255.255.0,op=1), packets:0, bytes:0, used:never, actions:p1',
      'recirc_id(0),in_port(p1),eth_type(0x8847),mpls(label=100,tc=3,ttl=64,bos=1), packets:0, bytes:0, used:never, actions:drop',
    ].join('\n'),
  );
  const unseen = ['*', null];
  const unknown = ['?', null];
  const same = (text: string) => [text, text];
  const expected: [number, Record<string, (string | number | null)[]>][] = [
    [
      0,
      {
        ufid: same('00112233-4455-6677-8899-aabbccddeeff'),
        pmd: ['3', 3],
        packets: same('9007199254740993'),
        bytes: ['60', 60],
        used: ['4.646s', 4646],
        layer: same('tc'),
        hw: same('yes'),
        flags: same('syn|psh|ack'),
        actions: same('drop'),
        dp: unknown,
        in_port: same('p1'),
        odp_port: unknown,
        recirc_id: ['0x2a', 42],
        ct_state: same('+new-est-inv+trk'),
        ct_zone: ['5', 5],
        ct_mark: same('0x1/0xff'),
        ct_label: same('0x10000000000000000/0xffffffffffffffffffff'),
        eth_src: same('0a:00:00:00:00:01'),
        dl_dst: same('01:00:00:00:00:00/01:00:00:00:00:00'),
        vlan_vid: ['100', 100],
        dl_vlan_pcp: ['3', 3],
        vlan2_vid: unseen,
        nw_src: same('10.0.0.3/255.0.0.255'),
        ip_dst: same('10.0.0.0/8'),
        nw_proto: ['6', 6],
        nw_dscp: ['0x2e', 46],
        nw_ecn: unseen,
        nw_frag: same('no'),
        tp_src: ['80', 80],
        tcp_src: ['80', 80],
        tcp_dst: same('432/0xfff0'),
        udp_src: unseen,
        tcp_flags: same('+syn-ack'),
        ipv6_src: unseen,
        arp_op: unseen,
        tun_id: unseen,
        skb_mark: unseen,
      },
    ],
    [
      1,
      {
        ufid: unknown,
        in_port: same('2'),
        odp_port: ['2', 2],
        eth_type: ['0x86dd', 34525],
        ipv6_src: same('fe80::1'),
        ipv6_dst: same('2001:db8::/32'),
        ipv6_label: ['0x5', 5],
        nw_src: unseen,
        udp_src: ['53', 53],
        tp_dst: ['1000', 1000],
        tcp_dst: unseen,
        vlan_vid: unseen,
      },
    ],
    [
      2,
      {
        used: same('never'),
        tun_id: ['0x64', 100],
        tun_src: same('1.1.1.1'),
        tun_tp_dst: ['4789', 4789],
        tun_flags: same('-df+csum+key'),
        arp_spa: same('1.2.3.4'),
        arp_tpa: same('5.6.7.0/24'),
        arp_op: ['1', 1],
        icmp_type: unseen,
      },
    ],
    [3, { mpls_label: ['100', 100], mpls_tc: ['3', 3], mpls_bos: ['1', 1], mpls_ttl: ['64', 64], nw_proto: unseen }],
  ];
  for (const [row, columns] of expected) {
    for (const [name, cell] of Object.entries(columns)) t.strictSame(cells(row, name), cell, `row ${row}, ${name}`);
  }
  t.throws(() => cells(0, 'nw_sorce'), {
    code: 'QUERY_NAME',
    message: /has no column 'nw_sorce'; it has ufid, packets/,
  });
  t.throws(() => cells(0, 'attrs'), { code: 'QUERY_NAME' }, 'an internal field');
});

t.test('every column of every row of the fixtures reads', async (t) => {
  for (const name of ['keys-more.txt', 'keys-plain.txt', 'actions-names.txt']) {
    const snapshot = await readDpFlowsFile(fixture(name));
    const view = new TableView(snapshot);
    const wrong: string[] = [];
    let seen = 0;
    for (const column of columnNames(snapshot.schema).map((name) => view.column(name))) {
      for (let row = 0; row < view.nRows; row++) {
        const cell = view.cell(row, column);
        const text = formatCell(column, cell, view);
        const json = jsonCell(column, cell, view);
        const isNone = text === '-' && column.derived !== undefined && !Array.isArray(json); // a drop reason of what does not drop
        if ((json === null) !== (text === '*' || text === '?' || isNone))
          wrong.push(`${row} ${column.name}: ${text}, ${json}`);
        if (json !== null) seen++;
      }
    }
    t.strictSame(wrong, []);
    t.ok(seen > 5 * view.nRows, `${name}: ${seen} cells of ${view.nRows} rows`);
    snapshot.close();
  }
});

t.test('IPv6 as RFC 5952 has it', async (t) => {
  for (const [value, text] of [
    [0n, '::'],
    [1n, '::1'],
    [0xfe80n << 112n, 'fe80::'],
    [0x20010db8000000010001000100010001n, '2001:db8:0:1:1:1:1:1'],
    [0x20010db8000000000001000000000001n, '2001:db8::1:0:0:1'],
    [0x20010000000000010000000000000001n, '2001:0:0:1::1'],
    [0xffff0a000001n, '::ffff:10.0.0.1'],
    [(1n << 128n) - 1n, 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ] as const) {
    t.equal(ipv6(value), text);
  }
});
