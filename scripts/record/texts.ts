/**
 * scripts/record-texts: what the tests keep of the texts of tables ct and of_rules, from real programs of this machine (needs root).
 *
 *   lab      a lab with its traffic, written as sos names the output of commands: test/fixtures/sos (megaflows, rules, connections)
 *   rules    every action of ovs-actions(7) and every field of ovs-fields(7) that ovs-ofctl takes: test/fixtures/of_rules
 *   list     conntrack -L of a network namespace of its own, of entries made with conntrack -I: test/fixtures/ct
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { startLab } from '../../test/support/lab.js';
import { type BridgeOptions, startPrivateSwitch } from '../../test/support/private-switch.js';

const FIXTURES = new URL('../../test/fixtures/', import.meta.url);

function keep(file: string, text: string): void {
  const path = new URL(file, FIXTURES);
  mkdirSync(new URL('.', path), { recursive: true });
  writeFileSync(path, text);
  process.stdout.write(`${file}: ${text === '' ? 0 : text.trim().split('\n').length} lines\n`);
}

const BRIDGES = ['br-int', 'br-remote', 'br-ex'];

async function lab(): Promise<void> {
  const lab = await startLab();
  try {
    await lab.traffic();
    const env = { ...process.env, OVS_RUNDIR: lab.rundir };
    const run = (program: string, ...args: string[]) =>
      execFileSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
    rmSync(new URL('sos/', FIXTURES), { recursive: true, force: true });
    const sos = (name: string, text: string) => keep(`sos/sos_commands/openvswitch/${name}`, text);
    for (const datapath of run('ovs-appctl', 'dpctl/dump-dps').trim().split('\n')) {
      const name = datapath.replace('@', '_');
      sos(`ovs-appctl_dpctl.dump-flows_-m_${name}`, run('ovs-appctl', 'dpctl/dump-flows', '-m', datapath));
      sos(`ovs-appctl_dpctl.dump-conntrack_-m_${name}`, run('ovs-appctl', 'dpctl/dump-conntrack', '-m', datapath));
      sos(`ovs-appctl_dpctl.show_-s_${name}`, run('ovs-appctl', 'dpctl/show', '-s', datapath));
      keep('ct/lab-plain.txt', run('ovs-appctl', 'dpctl/dump-conntrack', datapath));
      keep('ct/lab-counters.txt', run('ovs-appctl', 'dpctl/dump-conntrack', '-s', datapath));
    }
    for (const bridge of BRIDGES) {
      sos(`ovs-ofctl_dump-flows_${bridge}`, run('ovs-ofctl', 'dump-flows', bridge));
      sos(
        `ovs-ofctl_-O_OpenFlow13_dump-flows_${bridge}`,
        run('ovs-ofctl', '-O', 'OpenFlow13', '--no-names', 'dump-flows', bridge),
      );
      sos(
        `ovs-appctl_bridge.dump-flows_--offload-stats_${bridge}`,
        run('ovs-appctl', 'bridge/dump-flows', '--offload-stats', bridge),
      );
    }
    keep(
      'sos/sos_commands/openvswitch/ovs-vsctl_-t_5_show',
      run('ovs-vsctl', `--db=unix:${lab.rundir}/db.sock`, 'show'),
    );
  } finally {
    await lab.stop();
  }
}

const lines = (name: string): string[] =>
  readFileSync(new URL(`of_rules/${name}`, FIXTURES), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));

/** The rules of test/fixtures/of_rules/NAME.flows, a line each, into one bridge; and how the bridge prints them. */
async function rules(): Promise<void> {
  for (const name of ['actions', 'matches']) {
    const ovs = await startPrivateSwitch();
    try {
      ovs.addBridge(BRIDGE);
      const ofctl = (version: string, ...args: string[]) =>
        execFileSync('ovs-ofctl', ['-O', version, ...args], {
          env: { ...process.env, OVS_RUNDIR: ovs.rundir },
          encoding: 'utf8',
        });
      ofctl('OpenFlow15', 'add-meter', 'br0', 'meter=1,pktps,band=type=drop,rate=1000');
      ofctl('OpenFlow15', 'add-group', 'br0', 'group_id=1,type=select,bucket=output:2,bucket=output:3');
      ofctl(
        'OpenFlow15',
        'add-tlv-map',
        'br0',
        '{class=0x102,type=0x80,len=4}->tun_metadata0,{class=0x102,type=0x81,len=124}->tun_metadata1',
      );
      for (const [i, line] of lines(`${name}.flows`).entries()) {
        const [version, rule] = line.split('\t') as [string, string];
        ofctl(version, 'add-flow', 'br0', `priority=${i + 1},${rule}`);
      }
      for (const version of ['OpenFlow10', 'OpenFlow13', 'OpenFlow15']) {
        const short = version.slice(-2);
        keep(`of_rules/${name}-${short}.txt`, ofctl(version, '--no-names', 'dump-flows', 'br0'));
      }
      keep(`of_rules/${name}-names.txt`, ofctl('OpenFlow15', '--names', 'dump-flows', 'br0'));
      keep(`of_rules/${name}-no-stats.txt`, ofctl('OpenFlow15', '--no-stats', '--no-names', 'dump-flows', 'br0'));
      keep(`of_rules/${name}-bridge.txt`, ovs.appctl('bridge/dump-flows', '--offload-stats', 'br0'));
    } finally {
      await ovs.stop();
    }
  }
}

const BRIDGE: BridgeOptions = {
  columns: [
    'fail_mode=secure',
    `protocols=${['10', '11', '12', '13', '14', '15'].map((version) => `OpenFlow${version}`).join(',')}`,
  ],
  ports: { p1: 1, p2: 2, p3: 3, p4: 4, p5: 5, p6: 6, p7: 7, 'odd-name.5': 9 },
};

/** Entries of one namespace, by what conntrack -I takes. */
const ENTRIES = [
  '-p tcp -t 431999 --state ESTABLISHED -u ASSURED,SEEN_REPLY -s 10.0.0.1 -d 10.0.0.2 --sport 34567 --dport 443 -m 7',
  '-p tcp -t 119 --state SYN_SENT -s 10.0.0.1 -d 192.0.2.9 --sport 34568 --dport 22',
  '-p tcp -t 60 --state TIME_WAIT -u SEEN_REPLY,ASSURED -s 10.0.0.3 -d 10.0.0.2 --sport 34569 --dport 80 -w 5',
  '-p tcp -t 10 --state CLOSE -u SEEN_REPLY -s 10.0.0.3 -d 10.0.0.2 --sport 34570 --dport 80 -w 5',
  '-p tcp -t 100 --state FIN_WAIT -u SEEN_REPLY,ASSURED -s 10.0.0.4 -d 10.0.0.2 --sport 34571 --dport 8080',
  '-p udp -t 30 -s 10.0.0.1 -d 10.0.0.53 --sport 40000 --dport 53',
  '-p udp -t 170 -u SEEN_REPLY,ASSURED -s 10.0.0.5 -d 10.0.0.53 --sport 40001 --dport 53 -m 0x10 -w 12',
  '-p udp -t 30 -s fd00::1 -d fd00::53 --sport 40002 --dport 53',
  '-p tcp -t 300 --state ESTABLISHED -u SEEN_REPLY,ASSURED -s fd00::1 -d fd00::2 --sport 40003 --dport 443 -w 9',
  '-p icmp -t 29 -s 10.0.0.1 -d 10.0.0.9 --icmp-type 8 --icmp-code 0 --icmp-id 77',
  '-p icmpv6 -t 29 -s fd00::1 -d fd00::9 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 78',
  '-p sctp -t 200 --state ESTABLISHED --orig-vtag 5 --reply-vtag 6 -s 10.0.0.1 -d 10.0.0.7 --sport 2905 --dport 2905',
  '-p dccp -t 200 --state OPEN --role client -s 10.0.0.1 -d 10.0.0.8 --sport 5001 --dport 5002',
  '-p gre -t 170 -s 10.0.0.1 -d 10.0.0.10 --srckey 0x11 --dstkey 0x22',
  '-p 99 -t 500 -s 10.0.0.1 -d 10.0.0.11',
  '-p tcp -t 432000 --state ESTABLISHED -u SEEN_REPLY,ASSURED -s 10.0.0.6 -d 203.0.113.5 --sport 5555 --dport 443 -r 203.0.113.5 -q 198.51.100.1 --reply-port-src 443 --reply-port-dst 61000',
];

function list(): void {
  const script = [
    'ip link set lo up',
    'echo 1 > /proc/sys/net/netfilter/nf_conntrack_acct',
    ...ENTRIES.map((entry) => `conntrack -I ${entry} >/dev/null 2>&1 || echo "not taken: ${entry}" >&2`),
    'for f in ipv4 ipv6; do echo "== $f"; conntrack -L -f $f 2>&1; echo "== $f extended"; conntrack -L -f $f -o extended 2>&1; echo "== $f id"; conntrack -L -f $f -o id,ktimestamp 2>&1; done',
    'echo "== proc"; cat /proc/net/nf_conntrack',
  ].join('\n');
  const text = execFileSync(
    'unshare',
    ['--net', '--mount', 'sh', '-c', `mount -t sysfs none /sys 2>/dev/null; ${script}`],
    { encoding: 'utf8' },
  );
  for (const part of text.split(/^== /m).slice(1)) {
    const end = part.indexOf('\n');
    keep(`ct/list-${part.slice(0, end).replace(' ', '-')}.txt`, part.slice(end + 1));
  }
}

const SETS: Readonly<Record<string, () => void | Promise<void>>> = { lab, rules, list };
const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : Object.keys(SETS)) {
  const set = SETS[name];
  if (!set) throw new Error(`no set '${name}': expected ${Object.keys(SETS).join(', ')}`);
  await set();
}
process.exit(0);
