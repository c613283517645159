// A dump of megaflows as `ovs-appctl dpctl/dump-flows -m` prints it, the same in every run: protocols, prefixes, ports and traffic mixed in
// random order, so that no test of a question is nearly always true and neither side of a benchmark can predict its branches.
import { closeSync, openSync, writeSync } from 'node:fs';

const PIECE = 1 << 20;

let state = 0;

/** A number below `n` (xorshift). */
function below(n: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % n;
}

/** One of the texts, each as often out of a hundred as the number before it says. */
function pick(...choices: readonly (readonly [percent: number, text: () => string])[]): string {
  let at = below(100);
  for (const [percent, text] of choices) {
    if (at < percent) return text();
    at -= percent;
  }
  throw new Error('the percentages do not sum up to 100');
}

const octets = (n: number): string => Array.from({ length: n }, () => below(256)).join('.');
const hex = (): string => (1 + below(65_535)).toString(16);

const address = (): string =>
  pick(
    [50, () => `10.${octets(3)}`],
    [12, () => `10.${octets(2)}.0/255.255.255.0`],
    [6, () => `10.${octets(1)}.0.0/255.255.0.0`],
    [4, () => '8.0.0.0/248.0.0.0'],
    [10, () => '0.0.0.0/0.0.0.0'],
    [10, () => `192.168.${octets(2)}`],
    [8, () => `${100 + below(100)}.${octets(3)}`],
  );

const port = (): string =>
  pick(
    [24, () => '443'],
    [14, () => '80'],
    [14, () => '0/0'],
    [6, () => '1024/0xfc00'],
    [4, () => '64/0xffc0'],
    [38, () => `${1 + below(65_535)}`],
  );

function ip(): string {
  const protocol = pick([60, () => 'tcp'], [20, () => 'udp'], [8, () => 'icmp'], [12, () => '']);
  const number = { tcp: '6', udp: '17', icmp: '1', '': '0/0' }[protocol]!;
  const ports = protocol === 'tcp' || protocol === 'udp' ? `,${protocol}(src=0/0,dst=${port()})` : '';
  const ipv4 = () =>
    `eth_type(0x0800),ipv4(src=10.${octets(1)}.0.0/255.255.0.0,dst=${address()},proto=${number},tos=0/0,ttl=0/0,frag=no)`;
  const ipv6 = () =>
    `eth_type(0x86dd),ipv6(src=::/::,dst=fd00:${hex()}::${hex()},label=0/0,proto=${number},tclass=0/0,hlimit=0/0,frag=no)`;
  return pick([90, ipv4], [10, ipv6]) + ports;
}

const arp = (): string =>
  `eth_type(0x0806),arp(sip=0.0.0.0/0.0.0.0,tip=10.0.${octets(2)},op=1/0xff,sha=00:00:00:00:00:00/00:00:00:00:00:00,tha=00:00:00:00:00:00/00:00:00:00:00:00)`;

const actions = (): string =>
  pick(
    [60, () => `veth${below(64)}`],
    [20, () => `ct(zone=${1 + below(8)}),recirc(0x${hex()})`],
    [10, () => 'drop'],
    [10, () => `push_vlan(vid=${1 + below(100)},pcp=0),veth${below(8)}`],
  );

/** Most flows have little traffic, and a few have most of it. */
const packets = (): number => Math.floor(2 ** (below(28_000) / 1000)) - below(2);

function line(i: number, match: () => string): string {
  const ufid = `${i.toString(16).padStart(8, '0')}-0000-0000-0000-000000000000`;
  const n = packets();
  const recirculation = pick([70, () => '0'], [30, () => `0x${1 + below(9)}`]);
  const matched = match();
  const used = n === 0 ? 'never' : `${below(10)}.${below(10)}00s`;
  return (
    `ufid:${ufid}, skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),` +
    `recirc_id(${recirculation}),dp_hash(0/0),in_port(veth${below(64)}),packet_type(ns=0,id=0),` +
    `eth(src=02:00:00:00:00:${16 + below(80)},dst=00:00:00:00:00:00/00:00:00:00:00:00),${matched}, ` +
    `packets:${n}, bytes:${n * (60 + below(1400))}, used:${used}, dp:ovs, actions:${actions()}\n`
  );
}

/** What flows of group number `group` match, out of 1000 sources and as many ports as it takes. */
function groupMatch(group: number): string {
  const source = group % 1000;
  const port = 1024 + Math.floor(group / 1000);
  return `eth_type(0x0800),ipv4(src=10.${source >> 8}.${source & 255}.${1 + (source % 250)},dst=${address()},proto=6,tos=0/0,ttl=0/0,frag=no),tcp(src=0/0,dst=${port})`;
}

function write(path: string, nFlows: number, match: (i: number) => string): void {
  const file = openSync(path, 'w');
  let piece = 'flow-dump from the main thread:\n';
  for (let i = 0; i < nFlows; i++) {
    piece += line(i, () => match(i));
    if (piece.length < PIECE) continue;
    writeSync(file, piece);
    piece = '';
  }
  writeSync(file, piece);
  closeSync(file);
}

export function writeDump(path: string, nFlows: number): void {
  state = 0x2545_f491;
  write(path, nFlows, () => pick([96, ip], [4, arp]));
}

/** Every group is there, in random order, each of a source and a port. */
export function writeGroupDump(path: string, nFlows: number, nGroups: number): void {
  state = 0x1234_5679;
  const order = Array.from({ length: nGroups }, (_, group) => group);
  for (let i = nGroups - 1; i > 0; i--) {
    const j = below(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  write(path, nFlows, (i) => groupMatch(order[i] ?? below(nGroups)));
}
