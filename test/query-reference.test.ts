// Questions kept as data (test/questions/), over text: the program's answer and the independent one of test/support/reference.ts.
// The text is generated here, and what the switch printed (test/fixtures/dumps); what runs on a live switch compares the same way (support/questions.ts).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { runQuestion } from '../lib/query/run.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { random } from './support/brute-force.js';
import { comparable, type KeptQuestion, sameAnswer } from './support/questions.js';
import { evaluate, type Line, readLines } from './support/reference.js';

const QUESTIONS = JSON.parse(
  readFileSync(new URL('questions/dp-flows.json', import.meta.url), 'utf8'),
) as KeptQuestion[];

/** A dump of flows that the questions ask about: addresses of the lab, masks of all kinds. */
function someDump(n: number): string {
  const rand = random(7);
  const pick = <T>(of: readonly T[]): T => of[rand(of.length)]!;
  const dotted = (value: number): string => [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
  const ip4 = (): string => {
    const address = pick(['10.0.1.11', '10.0.1.12', '10.0.2.13', '203.0.113.9', dotted(rand(2 ** 31))]);
    const masked = pick(['', '/255.255.255.0', '/255.0.0.0', '/0.0.0.255', `/${dotted(rand(2 ** 31) * 2 + 1)}`]);
    return masked === '' ? address : address + masked;
  };
  const ip6 = (): string =>
    pick(['fd00:1::11', 'fd00:2::13', 'fe80::1', '2001:db8::5']) +
    pick(['', '/ffff::', '/ffff:ffff:ffff:ffff::', '/ffc0::', '/::ffff']);
  const mac = (): string =>
    pick(['02:00:00:00:01:01', '02:00:00:00:01:02', 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01']) +
    pick(['', '', '/01:00:00:00:00:00', '/ff:ff:ff:00:00:00']);
  const port = (): string =>
    pick([80, 443, 8080, 53, 1024, 1500, rand(65536)]) +
    pick(['', '', '/0xfff0', '/0xff00', '/0xf', `/0x${(rand(65535) + 1).toString(16)}`]);
  const some = (text: () => string): string[] => (rand(2) === 0 ? [text()] : []);
  const layer4 = (name: string): string[] => {
    const parts = [...some(() => `src=${port()}`), ...some(() => `dst=${port()}`)];
    return parts.length === 0 ? [] : [`${name}(${parts.join(',')})`];
  };
  const l3 = (): string[] => {
    const [name, proto] = pick([
      ['tcp', 6],
      ['udp', 17],
      ['icmp', 1],
      ['sctp', 132],
    ] as const);
    const looks = rand(5) > 0;
    const tail = looks && name !== 'icmp' ? layer4(name) : [];
    if (rand(4) === 0) {
      const parts = [
        ...some(() => `src=${ip6()}`),
        ...some(() => `dst=${ip6()}`),
        ...(looks ? [`proto=${name === 'icmp' ? 58 : proto}`] : []),
        'frag=no',
      ];
      return ['eth_type(0x86dd)', `ipv6(${parts.join(',')})`, ...tail];
    }
    const ttl = some(() => `ttl=${rand(256)}`);
    const parts = [
      ...some(() => `src=${ip4()}`),
      ...some(() => `dst=${ip4()}`),
      ...(looks ? [`proto=${proto}`] : []),
      ...ttl,
      'frag=no',
    ];
    return ['eth_type(0x0800)', `ipv4(${parts.join(',')})`, ...tail];
  };
  const body = (): string[] =>
    rand(8) === 0
      ? ['eth_type(0x8100)', `vlan(vid=${pick(['100', '7/0xff', '0/0'])},pcp=${rand(8)})`, `encap(${l3().join(',')})`]
      : untagged();
  const untagged = (): string[] =>
    rand(8) === 0 ? ['eth_type(0x0806)', `arp(sip=${ip4()},tip=10.0.1.12,op=${1 + rand(2)})`] : l3();
  const actions = (): string =>
    pick([
      'drop',
      'h2',
      'genev_sys_6081,h1',
      `ct(zone=${1 + rand(3)}),recirc(0x${(1 + rand(9)).toString(16)})`,
      'ct(commit,zone=5),h3',
      'ct_clear,br-int',
      'userspace(pid=0,slow_path(action))',
      'set(tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,ttl=64,tp_dst=6081,flags(key))),genev_sys_6081',
      'clone(ct(commit,zone=1),recirc(0x7)),h5',
      'ct(zone=9)',
    ]);
  const lines = Array.from({ length: n }, (_, i) => {
    const tunnel =
      rand(6) === 0
        ? [`tunnel(tun_id=0x${rand(70_000).toString(16)},src=192.168.0.1,dst=192.168.0.2,flags(-df+csum+key))`]
        : [];
    const state = some(
      () => `ct_state(${pick(['0x21/0x21', '0x22/0x3e', '0x2a/0x3f', '0/0x20', '0x20/0x20', '0x32/0x32'])})`,
    );
    const zone = some(() => `ct_zone(0x${rand(4).toString(16)})`);
    const match = [
      ...tunnel,
      ...state,
      ...zone,
      `recirc_id(${pick(['0', '0', '0x1', '0x7'])})`,
      `in_port(${pick(['h1', 'h2', 'h3', 'ext', 'genev_sys_6081', 'br-int'])})`,
      'packet_type(ns=0,id=0)',
      ...some(() => `eth(src=${mac()},dst=${mac()})`),
      ...body(),
    ];
    const ufid = `0000000${rand(10)}-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
    const used =
      rand(5) === 0
        ? ['0', '0', 'never']
        : [`${rand(5000)}`, `${rand(9_000_000)}`, `${(rand(30_000) / 1000).toFixed(3)}s`];
    return `ufid:${ufid}, ${match.join(',')}, packets:${used[0]}, bytes:${used[1]}, used:${used[2]}, dp:ovs, actions:${actions()}`;
  });
  return `${lines.join('\n')}\n`;
}

async function compare(t: typeof import('tap').t, file: string, text: string): Promise<number> {
  const lines: Line[] = readLines(text);
  const snapshot: TableSnapshot = await readDpFlowsFile(file, {});
  let rows = 0;
  try {
    t.equal(snapshot.facts.nRows, lines.length, `${file}: every line is a row`);
    t.same(snapshot.facts.rejected, []);
    for (const { question, reference } of QUESTIONS) {
      const want = evaluate(reference, lines);
      const got = await runQuestion(question, snapshot);
      t.ok(sameAnswer(got.answer, want, snapshot), question, { got: comparable(got.answer, snapshot), want });
      if (want.kind === 'rows' && want.rows.length > 0 && want.rows.length < lines.length) rows++;
      if (want.kind === 'groups' && want.groups.size > 1) rows++;
    }
  } finally {
    snapshot.close();
  }
  return rows;
}

t.test('generated text', async (t) => {
  const file = `${t.testdir({})}/dump.txt`;
  const text = someDump(3000);
  writeFileSync(file, text);
  const telling = await compare(t as never, file, text);
  t.ok(telling >= 30, `${telling} of ${QUESTIONS.length} questions show some rows and not all`);
});

t.test('text as the switch printed it', async (t) => {
  const dir = new URL('fixtures/dumps/', import.meta.url);
  for (const name of readdirSync(dir).filter((name) => name.endsWith('-more.txt'))) {
    const path = new URL(name, dir).pathname;
    await compare(t as never, path, readFileSync(path, 'utf8'));
  }
});
