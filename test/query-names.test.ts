// Names of the user's: what they stand for, and what is said of a file or a question that is wrong about them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { compileQuestion, NO_DICTIONARIES, parseNames } from '../lib/compiler/index.js';
import { type QuestionResult, runQuestion } from '../lib/query/run.js';
import { DP_FLOWS } from '../lib/tables/generated/dp-flows.js';
import { makeSnapshot } from './support/snapshot.js';

const FILE = `# What we call things here.
let web = tp_dst in {80, 443}   # both
let servers = {10.0.0.1, 10.1.0.0/16}

let to_servers = nw_dst within servers
let Busy = web and
  not packets < 5
let odd_ports = {1, 3..5, more_ports}
let more_ports = {7}
let up = {veth1, "veth2"}
let that_flow = in_port(veth1),eth_type(0x0800),tcp(dst=80)
`;
const NAMES = parseNames(FILE, 'names');
const FULL16 = 0xffff;
const SNAPSHOT = makeSnapshot({
  ports: [{ name: 'veth1' }, { name: 'veth2' }, { name: 'up' }],
  actions: [{ text: 'veth2', does: [1], outPorts: [1] }],
  rows: [80, 443, 1, 3, 6, 7, 80].map((port, i) => ({
    packets: i,
    eth_type: [0x0800, FULL16] as const,
    nw_proto: [6, 255] as const,
    vlan_tci: [0, FULL16] as const,
    tp_dst: [port, FULL16] as const,
    in_port: [i % 3, 0xffff_ffff] as const,
    nw_dst: [i % 2 === 0 ? 0x0a010203 : 0x0a000002, 0xffff_ffff] as const,
  })),
});
const rowsOf = ({ answer }: QuestionResult): number[] => {
  if (answer.kind !== 'rows') throw new Error(`expected rows, received ${answer.kind}`);
  return [...answer.rows];
};

t.test('conditions and values, in one another, in any case', async (t) => {
  const ask = async (condition: string, rows: readonly number[]): Promise<void> =>
    void t.same(
      rowsOf(await runQuestion(`dp_flows | where ${condition}`, SNAPSHOT, { names: NAMES })),
      rows,
      condition,
    );
  await ask('web', [0, 1, 6]);
  await ask('not WEB', [2, 3, 4, 5]);
  await ask('busy', [6]);
  await ask('web or tp_dst in odd_ports', [0, 1, 2, 3, 5, 6]);
  await ask('tp_dst not in {odd_ports, 80}', [1, 4]);
  await ask('tp_dst = odd_ports', [2, 3, 5]);
  await ask('tp_dst != odd_ports', [0, 1, 4, 6]);
  await ask('to_servers', [0, 2, 4, 6]);
  await ask('covers(nw_dst in servers, tp_dst = 80)', [0, 6]);
  await ask('in_port in up', [0, 1, 3, 4, 6]);
  await ask('in_port = "up"', [2, 5]);
  await ask('to up', [0, 1, 2, 3, 4, 5, 6]);
  await ask('that_flow', [0, 6]);
  const { names } = compileQuestion('dp_flows | where busy and tp_dst in odd_ports', {
    schema: DP_FLOWS,
    dictionaries: NO_DICTIONARIES,
    nRows: 1,
    names: NAMES,
  });
  t.same(names.map(({ name, line }) => [name, line]).sort(), [
    ['Busy', 6],
    ['more_ports', 9],
    ['odd_ports', 8],
    ['web', 2],
  ]);
});

t.test('the example of docs/questions.md', async (t) => {
  const docs = readFileSync(new URL('../docs/questions.md', import.meta.url), 'utf8');
  const block = /(?:^ {4}.*\n)+/m.exec(docs.slice(docs.indexOf('## Names of your own')))![0];
  const names = parseNames(block.replaceAll(/^ {4}/gm, ''), 'docs');
  t.same([...names.keys()], ['web', 'servers', 'uplinks', 'lost']);
  const input = { schema: DP_FLOWS, dictionaries: NO_DICTIONARIES, nRows: 1, names };
  for (const condition of ['web and nw_dst within servers', 'in_port in uplinks', 'lost'])
    t.doesNotThrow(() => compileQuestion(`dp_flows | where ${condition}`, input), condition);
});

t.test('a question that is wrong about a name', async (t) => {
  const wrong = (condition: string, code: string, message: RegExp): void => {
    const input = { schema: DP_FLOWS, dictionaries: NO_DICTIONARIES, nRows: 1 };
    const names = parseNames(
      `${FILE}let tcp = udp\nlet bad = nw_dst in odd_ports\nlet typo = nw_dts = 1\nlet key = tcp(src=10.0.0.1)`,
      'names',
    );
    t.throws(() => compileQuestion(`dp_flows | where ${condition}`, { ...input, names }), { code, message }, condition);
  };
  wrong(
    'servers',
    'QUERY_TYPE',
    /^servers is a set of values \(names:3\), not a condition: write FIELD in servers\n.*\n {19}\^~{6}$/,
  );
  wrong(
    'tp_dst in servers',
    'QUERY_TYPE',
    /received an IPv4 address, "10.0.0.1" \(in servers, names:3\)\n.*\n {29}\^~{6}$/,
  );
  wrong('tp_dst < odd_ports', 'QUERY_TYPE', /< takes one value, and this name stands for 3: use in\n/);
  wrong('tcp', 'QUERY_NAME', /tcp is a name of names:12, and dp_flows has a field or word of that name: rename yours/);
  wrong('bad', 'QUERY_TYPE', /nw_dst is compared with an IPv4 address.*\(in odd_ports, names:8\)\n.*\n {19}\^~~$/);
  wrong('typo', 'QUERY_NAME', /no field called "nw_dts" \(in typo, names:14\); did you mean nw_dst/);
  wrong('key', 'QUERY_TYPE', /tp_src is compared with a number.*\(in key, names:15\)\n.*\n {19}\^~~$/);
});

t.test('a file that is wrong: said with file and line', async (t) => {
  const wrong = (text: string, code: string, message: RegExp): void =>
    void t.throws(() => parseNames(text, 'my/names'), { code, message }, text);
  wrong(
    'let a = tcp\nweb = tcp',
    'QUERY_SYNTAX',
    /^my\/names:2: expected let NAME = CONDITION or let NAME = \{VALUE, \.\.\.\}, received "web = tcp"$/,
  );
  wrong('\nlet web = tcp and', 'QUERY_SYNTAX', /^my\/names:2: expected .*received the end of the question\n/);
  wrong('let web = (tcp\n  or (udp', 'QUERY_SYNTAX', /^my\/names:2: this parenthesis is not closed/);
  wrong('let web = {80,\n  443', 'QUERY_SYNTAX', /^my\/names:1: this brace is not closed/);
  wrong('let where = tcp', 'QUERY_SYNTAX', /^my\/names:1: expected a name, received "where"/);
  wrong('let a = tcp\n\nlet A = udp', 'QUERY_NAME', /^my\/names:3: A is there already, in line 1$/);
  wrong(
    'let a = b or tcp\nlet b = not c\nlet c = a',
    'QUERY_NAME',
    /^my\/names:1: a is made of itself: a -> b -> c -> a$/,
  );
  wrong('let s = {1, s}', 'QUERY_NAME', /^my\/names:1: s is made of itself: s -> s$/);
  wrong(`#${'x'.repeat(1 << 20)}`, 'QUERY_SYNTAX', /^my\/names:1: a file of names has at most 1048576 characters$/);
});

t.test('the command line: --names, the default file, explain', async (t) => {
  const dir = t.testdir({
    own: FILE,
    bad: 'let web = ',
    dump: 'recirc_id(0),in_port(p1),eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80), packets:1, bytes:2, used:never, actions:drop\n',
  });
  const cli = (args: readonly string[], env = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`${packageRoot}/dist/cli/bin.js`, ...args], {
      encoding: 'utf8',
      env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: '', ...env },
    });
    return { status, stdout, stderr };
  };
  const ask = ['flows', 'web', '--from', `${dir}/dump`];
  t.match(cli(ask), { status: 2, stderr: /no field or word called "web"/ });
  t.match(cli([...ask, '--names', `${dir}/own`]), { status: 0, stdout: /^recirc_id\(0\)/ });
  t.match(cli([...ask, '--names', `${dir}/none`]), {
    status: 2,
    stderr: /cannot read the names of .*\/none: no such file or directory \(ENOENT\)\n$/,
  });
  t.match(cli([...ask, '--names', `${dir}/bad`]), { status: 2, stderr: /bad:1: expected / });
  mkdirSync(`${dir}/.config/ctinspector`, { recursive: true });
  writeFileSync(`${dir}/.config/ctinspector/names`, FILE);
  t.match(cli(ask), { status: 0 }, 'the default file');
  mkdirSync(`${dir}/xdg/ctinspector`, { recursive: true });
  writeFileSync(`${dir}/xdg/ctinspector/names`, 'let web = udp');
  t.match(cli(ask, { XDG_CONFIG_HOME: `${dir}/xdg` }), { status: 1 }, 'where XDG says');
  const explained = cli(['explain', 'dp_flows | where busy | count']);
  t.match(explained, {
    status: 0,
    stdout:
      /^names\n {2}let Busy = web and not packets < 5 {3}\(.*names:6\)\n {2}let web = tp_dst in \{80, 443\} {3}\(.*names:2\)\n\nplan\n/,
  });
  const pasted = cli([
    'flows',
    'in_port(p1),eth_type(0x0800),tcp(dst=80), packets:7, bytes:3, used:never, actions:p2',
    '--from',
    `${dir}/dump`,
  ]);
  t.match(pasted, {
    status: 0,
    stdout: /^recirc/,
    stderr: /the pasted flow is found by its key: what stands after it, counters and actions, is not compared\n/,
  });
});
