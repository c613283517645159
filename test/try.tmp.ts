import { writeFileSync } from 'node:fs';
import { captureDpFlows } from '../lib/sources/dp-flows.js';
import { columnNames } from '../lib/tables/columns.js';
import { formatCell, jsonCell } from '../lib/tables/format.js';
import { TableView } from '../lib/tables/view.js';
import { startPrivateSwitch } from './support/private-switch.js';

const sw = await startPrivateSwitch();
try {
  sw.vsctl(
    'set',
    'Open_vSwitch',
    '.',
    'other_config:max-idle=100000000',
    'other_config:max-revalidator=10000000',
    'other_config:flow-limit=300000',
  );
  sw.vsctl(
    'add-br',
    'br0',
    '--',
    'set',
    'bridge',
    'br0',
    'datapath_type=netdev',
    '--',
    'add-br',
    'br1',
    '--',
    'set',
    'bridge',
    'br1',
    'datapath_type=dummy',
    '--',
    'add-port',
    'br0',
    'p0',
    '--',
    'set',
    'interface',
    'p0',
    'type=dummy',
    '--',
    'add-port',
    'br1',
    'p1',
    '--',
    'set',
    'interface',
    'p1',
    'type=dummy',
  );
  sw.appctl(
    'netdev-dummy/receive',
    'p0',
    'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a),eth_type(0x0800),ipv4(src=10.0.0.2,dst=10.0.0.1,proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=9),tcp_flags(syn)',
  );
  sw.appctl(
    'netdev-dummy/receive',
    'p1',
    'in_port(1),eth(src=50:54:00:00:00:09,dst=50:54:00:00:00:0a),eth_type(0x0806),arp(sip=1.2.3.4,tip=5.6.7.8,op=1,sha=50:54:00:00:00:09,tha=00:00:00:00:00:00)',
  );
  const s = await captureDpFlows({ rundir: sw.rundir, onProgress: (p) => console.log(p) });
  console.dir(s.facts, { depth: 5 });
  console.log(s.segments);
  for (let i = 0; i < s.facts.nRows; i++) console.log(s.rowText(i));
  const v = new TableView(s);
  for (const n of columnNames(s.schema)) {
    const c = v.column(n);
    const cell = v.cell(0, c);
    console.log(n, formatCell(c, cell, v), JSON.stringify(jsonCell(c, cell, v)));
  }
  const lines = [];
  for (let i = 0; i < 50000; i++)
    lines.push(
      `in_port(2),eth(src=50:54:00:00:00:0b,dst=50:54:00:00:00:0a),eth_type(0x0800),ipv4(src=10.${i >> 16}.${(i >> 8) & 255}.${i & 255},dst=10.0.0.1,proto=17,tos=0,ttl=64,frag=no),udp(src=8,dst=9) 1`,
    );
  writeFileSync(sw.rundir + '/flows.txt', lines.join('\n') + '\n');
  sw.appctl('dpctl/add-flows', 'netdev@ovs-netdev', sw.rundir + '/flows.txt');
  for (let k = 0; k < 3; k++) {
    const b = await captureDpFlows({ rundir: sw.rundir, onProgress: (p) => console.log(p) });
    console.log(b.facts.nRows, b.facts.cost?.requestMs);
    b.close();
    await new Promise((r) => setTimeout(r, 2000));
  }
} finally {
  await sw.stop();
}
