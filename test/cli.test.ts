/** The command line as people and scripts use it: the built program, a real ovs-vswitchd, saved dumps, a real terminal. */
// Takes 50 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { startProgress } from '../lib/cli/progress.js';
import { COMMANDS } from '../lib/cli/registry.js';
import { startLab } from './support/lab.js';
import { until } from './support/until.js';

const BIN = join(packageRoot, 'dist/cli/bin.js');
const dir = mkdtempSync(join(tmpdir(), 'cti-cli-'));
t.teardown(() => rmSync(dir, { recursive: true, force: true }));

interface Done {
  status: number | null;
  out: string;
  err: string;
}

async function cli(
  args: readonly string[],
  options: { input?: Buffer; program?: readonly string[]; env?: object } = {},
): Promise<Done> {
  const [command = process.execPath, ...rest] = options.program ?? [process.execPath, BIN];
  const { OVS_RUNDIR: _none, ...env } = process.env;
  const child = spawn(command, [...rest, ...args], { env: { ...env, ...options.env }, timeout: 60_000 });
  const done: Done = { status: null, out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    done.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    done.err += text;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  [done.status] = await once(child, 'close');
  return done;
}

/** Three flows as OVS 3.1 prints them; the second port's name tries to steer the terminal. */
const flow = (n: number, port: string, rest: string, actions: string) =>
  `ufid:${`${n}`.repeat(8)}-0000-4000-8000-000000000000, skb_priority(0/0),skb_mark(0/0),ct_state(0/0),ct_zone(0/0),ct_mark(0/0),ct_label(0/0),recirc_id(0),dp_hash(0/0),in_port(${port}),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:0${n},dst=02:00:00:00:00:0a),${rest}, packets:${n * 100}, bytes:${n * 5000}, used:${n}.500s, dp:ovs, actions:${actions}`;
const DUMP = `flow-dump from the main thread:
${flow(1, 'vm1', 'eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.1.2.3,proto=6,tos=0/0,ttl=64/0,frag=no),tcp(src=0/0,dst=443),tcp_flags(0/0)', 'vm2')}
${flow(2, 'vm\u001b[2J', 'eth_type(0x0800),ipv4(src=0.0.0.0/0.0.0.0,dst=10.1.0.0/255.255.0.0,proto=17,tos=0/0,ttl=64/0,frag=no),udp(src=0/0,dst=53)', 'drop')}
${flow(3, 'vm2', 'eth_type(0x0806),arp(sip=10.0.0.1,tip=10.0.0.2,op=1,sha=02:00:00:00:00:03/00:00:00:00:00:00,tha=00:00:00:00:00:00/00:00:00:00:00:00)', 'vm1,"vm2"')}
`;
const file = join(dir, 'flows.txt');
writeFileSync(file, DUMP);

t.test('help of a command, and of none', async (t) => {
  t.match(await cli(['help', 'query']), { status: 0, out: /^Usage: ctinspector query/, err: '' });
  t.match(await cli(['help']), { status: 0, out: /^Usage: ctinspector / });
  t.match(await cli(['help', 'qery']), {
    status: 2,
    out: '',
    err: /^ctinspector: unknown command 'qery'; `ctinspector --help`/,
  });
});

t.test('help teaches by example, every command has one', async (t) => {
  const help = await cli(['--help']);
  t.equal(help.status, 0);
  for (const row of COMMANDS) {
    t.match(help.out, new RegExp(`^ +${row.name} `, 'm'), `${row.name} is listed`);
    const own = await cli([row.name, '--help']);
    t.equal(own.status, 0);
    for (const example of row.examples) t.ok(own.out.includes(example.command), `${row.name} --help has its example`);
  }
  t.match(await cli(['--version']), { status: 0, out: /^\d+\.\d+\.\d+\n$/ });
});

t.test('examples of the help are answered', async (t) => {
  for (const row of COMMANDS) {
    for (const { command } of row.examples) {
      const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '').slice(1);
      if (!['query', 'flows', 'explain'].includes(row.name)) continue;
      const from = words.indexOf('--from');
      if (from > 0) words.splice(from, 2);
      // Two samples: of the dump twice.
      const before = /\b[pb]ps\b/.test(command) ? ['--before', file, '--interval', '2s'] : [];
      const asked = words.map((word) => word.replace('before.cti', `'${file}'`));
      const needsRows = row.name !== 'explain' || words.includes('--analyze');
      // An example is answered from a text of its table.
      const texts: Record<string, string> = { ct: 'ct/lab-plain.txt', of_rules: 'of_rules/matches-15.txt' };
      const text = texts[words.at(-1)!.split(' ')[0]!];
      const own = text === undefined ? file : join(packageRoot, 'test/fixtures', text);
      const done = await cli(needsRows ? [...asked, '--from', own, ...before] : asked);
      t.ok(done.status === 0 || done.status === 1, `${command}: status ${done.status} ${done.err}`);
    }
  }
});

t.test('a wrong command line is status 2 and says what was expected', async (t) => {
  for (const [args, says] of [
    [[], /Usage: ctinspector/],
    [['qery', 'x'], /unknown command 'qery'[\s\S]*query/],
    [['flows', '--fromm', 'x'], /unknown option '--fromm'[\s\S]*--from/],
    [['query'], /^ctinspector: missing required argument 'question'; `ctinspector query --help` has what it takes\n$/],
    [['query', 'dp_flows', '--json'], /unknown option '--json'; `ctinspector query --help` has what it takes\n$/],
    [
      ['query', 'flows | where tcp'],
      /no table called "flows": a question begins with one; there are dp_flows, ct, of_ru/,
    ],
    [
      ['query', 'tcp and tp_dst = 443'],
      /received "and"; a question is a table, and stages that begin with \|: dp_flows/,
    ],
    [
      ['query', 'dp_flows where tcp'],
      /received "where"; a question is a table, and stages that begin with \|: dp_flows/,
    ],
    [['query', 'dp_flows', '--source', 'mem'], /--source: expected one of auto, memory, unixctl but received 'mem'/],
    [
      ['query', 'dp_flows | changes since 5', '--from', file],
      /changes since: cannot read 5: .* or a time with its unit, 10s/,
    ],
    [['watch', 'dp_flows | changes since soon'], /changes since: cannot read soon: .* or a time with its unit, 10s/],
    [
      ['diff', join(dir, 'none'), file],
      /cannot read \S+none: no such file or directory \(ENOENT\); expected a file of snapshot save, a saved 'ovs-app/,
    ],
    [['snapshot', 'save'], /expected one file to write but received none: ctinspector snapshot save FILE\n$/],
    [
      ['run', join(dir, 'none.c')],
      /cannot read \S+none\.c: no such file or directory \(ENOENT\); expected a C program/,
    ],
    [
      ['query', 'dp_flows', '--daemon', '--rundir', dir],
      /no ctinspectord runs in \S+: its pidfile \S+ctinspectord\.pid: no such file or directory \(ENOENT\); start it/,
    ],
    [
      ['top', 'dp_flows | where tcp'],
      /this is a condition, and \| begins a stage: ask query \(or watch, live\) 'dp_flows/,
    ],
    [['flows', '--format', 'xml', '--from', file], /--format: expected table, json, ndjson, csv, received 'xml'/],
    [['flows', '--timeout', 'soon'], /--timeout: expected a number of seconds above 0, at most 86400, received 'soon'/],
    [['tables', '--rundir', ''], /expected a directory for rundir/],
    [
      ['tables', '--from', join(dir, 'x')],
      /^ctinspector: cannot read \S+x: no such file or directory \(ENOENT\); expected a directory/,
    ],
    [['tables', '--from', '-'], /give the path of a file, it is read twice/],
    [['tables', 'ct', '--from', file], /the name of a table, or --from to list files, not both/],
    [['tables', '--fro', 'x'], /^ctinspector: unknown option '--fro' \(Did you mean --from\?\)\n$/],
    [['tables', 'dp_flow'], /there is no table called 'dp_flow'; there is dp_flows, ct, of_rules, pmds, ports/],
    [
      ['query', 'of_rules'],
      /table of_rules is read from what 'ovs-ofctl dump-flows' printed: give the file with --from/,
    ],
    [
      ['query', 'ports', '--from', file],
      /the tables that are read from texts are dp_flows, ct, of_rules, not ports; ask a switch, or a file of snapshot save/,
    ],
    [
      ['query', 'ct', '--from', file],
      /expected what .*dump-conntrack.* but this is what .*dump-flows -m' prints: ask of table dp_flows/,
    ],
    [
      ['disasm', join(dir, 'none.bin')],
      /cannot read .*none\.bin: no such file or directory \(ENOENT\); expected a file of/,
    ],
    [['disasm', file], /flows\.txt: .*(multiple of 8|at pc \d)/],
    [['disasm', '--kernel-functions', 'x', file], /expected conformance, upstream, ctinspector, received 'x'/],
    [['flows', '--from', ''], /--from: expected a file, or - for standard input, received ''/],
    [['flows', '--from', file, '--rundir', dir], /--from answers from a file and --rundir names a switch: give one/],
    [['flows', '--from', file, '--target', 'x'], /--from answers from a file and --target names a switch: give one/],
    [['flows', '--from', file, '--timeout', '0'], /--timeout: expected a number of seconds above 0/],
    [
      ['flows', '--from', join(dir, 'none')],
      /^ctinspector: cannot read \S+none: no such file or directory \(ENOENT\); expected a file of snapshot save, a saved 'ovs-appctl .*\n$/,
    ],
    [
      ['query', 'of_rules', '--from', dir],
      /it has no file of what 'ovs-ofctl dump-flows' prints, for table of_rules; it has dp_flows/,
    ],
    [['flows', '--from', join(packageRoot, 'package.json')], /package\.json/],
  ] as const) {
    const done = await cli(args);
    t.equal(done.status, 2, args.join(' '));
    t.match(done.out + done.err, says);
  }
});

t.test('a question with a mistake points at it, before the switch is asked', async (t) => {
  for (const [question, says] of [
    ["dp_flows | where in_port = 'vm1", /this quote is not closed.*\n.*in_port = 'vm1\n {29}\^\n$/],
    ['dp_flows | where nw_dts = 10.0.0.1', /did you mean nw_dst\?\n.*nw_dts.*\n {19}\^~{5}\n$/],
    ['dp_flows | where (tcp', /this parenthesis is not closed: expected \)\n.*\n {19}\^\n$/],
    ['dp_flow | count', /no table called "dp_flow"; did you mean dp_flows\?\n.*\n {2}\^~{6}\n$/],
  ] as const) {
    const done = await cli(['query', question, '--rundir', join(dir, 'nowhere')]);
    t.equal(done.status, 2, question);
    t.match(done.err, says);
    t.notMatch(done.err, /nowhere/, 'the switch was not looked for');
  }
});

t.test('an error is JSON for those who asked for JSON', async (t) => {
  for (const format of ['json', 'ndjson']) {
    const done = await cli(['flows', 'nw_dts = 1', '--format', format, '--from', file]);
    t.match(done, { status: 2, out: '' });
    t.match(JSON.parse(done.err), {
      error: { code: 'QUERY_NAME', message: /did you mean nw_dst/, details: { offset: 17, suggestions: ['nw_dst'] } },
    });
  }
  t.match(await cli(['flows', 'nw_dts = 1', '--format', 'csv', '--from', file]), { err: /^ctinspector: dp_flows has/ });
});

t.test('tables TABLE has every name, without a switch', async (t) => {
  const done = await cli(['tables', 'dp_flows', '--format', 'ndjson', '--rundir', join(dir, 'nowhere')]);
  t.equal(done.status, 0, done.err);
  const names = done.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(names, [{ name: 'ufid', type: 'ufid', 'of the': 'row' }]);
  t.ok(names.length > 100 && new Set(names.map(({ name }) => name)).size === names.length, `${names.length} names`);
  const isWord = ({ type }: { type: string }) => type === 'a condition';
  const asked = `dp_flows | where ${names
    .filter(isWord)
    .map(({ name }) => name)
    .join(' or ')} | show ${names
    .filter((row) => !isWord(row))
    .map(({ name }) => name.replace('FIELD', 'packets'))
    .join(', ')}`;
  const samples = ['--before', file, '--interval', '1s'];
  t.match(
    await cli(['query', asked, '--from', file, ...samples, '--format', 'csv']),
    { status: 0 },
    'and all can be asked for',
  );
});

t.test('saved dumps: plain, gzip and standard input give the same rows', async (t) => {
  const packed = join(dir, 'packed');
  writeFileSync(packed, gzipSync(DUMP));
  const question = ['flows', 'nw_dst within 10.0.0.0/8', '--format', 'ndjson'];
  const plain = await cli([...question, '--from', file]);
  t.equal(plain.status, 0, plain.err);
  t.equal(plain.out.trim().split('\n').length, 2);
  t.equal((await cli([...question, '--from', packed])).out, plain.out);
  t.equal((await cli([...question, '--from', '-'], { input: gzipSync(DUMP) })).out, plain.out);
  t.equal((await cli([...question, '--from', '-'], { input: Buffer.from(DUMP) })).out, plain.out);
  const cut = join(dir, 'cut.gz');
  writeFileSync(cut, gzipSync(DUMP).subarray(0, 200));
  t.match(await cli([...question, '--from', cut]), { status: 2, err: /cut\.gz.*(cut short|damaged)/, out: '' });
  writeFileSync(join(dir, 'empty'), '');
  t.match(await cli([...question, '--from', join(dir, 'empty')]), { status: 2, err: /empty/, out: '' });
});

t.test('every form has the rows, and the footer where it belongs', async (t) => {
  const question = [
    'query',
    'dp_flows | where not arp | sort by packets | show in_port, nw_src, nw_dst, tp_dst, packets, hw, actions',
    '--from',
    file,
  ];
  const json = await cli([...question, '--format', 'json']);
  t.equal(json.status, 0, json.err);
  const parsed = JSON.parse(json.out);
  t.same(parsed.rows, [
    { in_port: 'vm1', nw_src: '10.0.0.1', nw_dst: '10.1.2.3', tp_dst: 443, packets: 100, hw: 'no', actions: 'vm2' },
    {
      in_port: 'vm\u001b[2J',
      nw_src: null,
      nw_dst: '10.1.0.0/16',
      tp_dst: 53,
      packets: 200,
      hw: 'no',
      actions: 'drop',
    },
  ]);
  t.match(parsed.footer, {
    rowsScanned: 3,
    rowsShown: 2,
    snapshot: { nRows: 3, rejected: [], source: /flows\.txt/, cost: null },
  });
  const lines = await cli([...question, '--format', 'ndjson']);
  t.same(
    lines.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
    parsed.rows,
  );
  t.match(lines.err, /2 rows of 3 flows/);
  const csv = await cli([...question, '--format', 'csv']);
  t.equal(
    csv.out,
    'in_port,nw_src,nw_dst,tp_dst,packets,hw,actions\r\nvm1,10.0.0.1,10.1.2.3,443,100,no,vm2\r\nvm\u001b[2J,,10.1.0.0/16,53,200,no,drop\r\n',
  );
  const table = await cli(question);
  t.match(
    table.out,
    /^in_port +nw_src +nw_dst +tp_dst +packets +hw +actions\nvm1 .*\nvm\\x1b\[2J +\* +10\.1\.0\.0\/16 +53 +200 +no +drop\n$/,
  );
  t.notOk(table.out.includes('\u001b'), 'no escape sequence in a table, neither ours nor theirs');
  const text = await cli(['flows', '--from', file, '--format', 'csv']);
  t.ok(text.out.includes('vm1,""vm2"""\r\n'), 'a field with commas and quotes is quoted');
});

t.test('rows that limit left unread are said; the list of fields stays narrow', async (t) => {
  t.match((await cli(['query', 'dp_flows | limit 2', '--from', file])).err, /^2 rows of the first 2 of 3 flows; /);
  t.match((await cli(['query', 'dp_flows | sort by packets | limit 2', '--from', file])).err, /^2 rows of 3 flows; /);
  for (const table of ['dp_flows', 'ct', 'of_rules', 'pmds', 'ports']) {
    const { out } = await cli(['tables', table]);
    const at = out.indexOf('meaning');
    t.ok(at > 0 && at < 90, `${table}: the meaning stands at ${at}`);
  }
  const { out } = await cli(['tables', 'dp_flows']);
  t.match(out, /^drop_reason +word +actions +why .*: of_pipeline, bridge_not_found, /m);
  t.match(out, /^age +duration +row +time since the flow was made; unknown of every row: /m);
});

t.test('status 1 where there are no rows, a count of zero included', async (t) => {
  t.match(await cli(['flows', 'sctp', '--from', file]), { status: 1, out: '', err: /^0 rows of 3 flows/ });
  t.match(await cli(['query', 'dp_flows | where sctp | count', '--from', file, '--format', 'json']), {
    status: 1,
    out: /"count":0/,
  });
  t.match(await cli(['query', 'dp_flows | where arp | count', '--from', file]), { status: 0, out: /^1\n/ });
});

t.test('rows print as they were saved', async (t) => {
  const done = await cli(['flows', '--from', file, '--format', 'ndjson']);
  t.same(
    done.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).flow),
    DUMP.trim().split('\n').slice(1),
  );
});

t.test('on a terminal nothing from outside acts, and Ctrl-C ends with status 2', async (t) => {
  const script = (command: string) => cli([], { program: ['script', '-qec', command, '/dev/null'] });
  for (const format of ['table', 'json', 'ndjson', 'csv']) {
    const shown = await script(`${process.execPath} ${BIN} flows 'udp' --from ${file} --format ${format}`);
    t.equal(shown.status, 0, shown.out);
    t.notOk(shown.out.includes('\u001b[2J'), `${format}: the name is escaped`);
    t.match(shown.out, /vm\\+(x1b|u001b)\[2J/);
  }
  const fifo = join(dir, 'fifo');
  const waiting = spawn('sh', ['-c', `mkfifo ${fifo}; exec ${process.execPath} ${BIN} flows --from ${fifo}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let err = '';
  waiting.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const writer = spawn(
    'sh',
    [
      '-c',
      `while [ ! -p ${fifo} ]; do sleep 0.05; done; (head -c 300 ${file}; touch ${fifo}.open; sleep 600) > ${fifo}`,
    ],
    { detached: true },
  );
  // A pipe opens for writing when somebody reads it.
  await until('the reader', () => existsSync(`${fifo}.open`));
  waiting.kill('SIGINT');
  const [status] = await once(waiting, 'close');
  process.kill(-writer.pid!, 'SIGKILL');
  t.equal(status, 2);
  t.match(err, /^ctinspector: stopped/);
});

t.test('a reader that leaves early is no error (`| head`)', async (t) => {
  const many = join(dir, 'many');
  writeFileSync(many, DUMP.split('\n')[1]!.concat('\n').repeat(20_000));
  const done = await cli([], {
    program: ['bash', '-c', `set -o pipefail; ${process.execPath} ${BIN} flows --from ${many} | head -n 1 | wc -l`],
  });
  t.match(done, { status: 0, out: /^1\n$/, err: '' });
});

t.test('progress: on a terminal only, and only for what takes long', async (t) => {
  const chunks: string[] = [];
  const stream = Object.assign(Object.create(process.stderr), {
    write: (text: string) => chunks.push(text) > 0,
    isTTY: true,
    columns: 80,
  });
  const context = { stderr: stream, stderrIsTerminal: false } as never;
  const silent = await startProgress(context, 0);
  silent.update('x', 1, 2);
  silent.stop();
  t.same(chunks, []);
  const late = await startProgress({ stderr: stream, stderrIsTerminal: true } as never, 60_000);
  late.update('x', 1, 2);
  late.stop();
  t.same(chunks, [], 'not before its time');
  const shown = await startProgress({ stderr: stream, stderrIsTerminal: true } as never, 0);
  shown.update('reading rows', 1, 2);
  shown.stop();
  t.match(chunks.join(''), /reading rows/);
});

t.test('a live switch', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.traffic();
  const where = ['--rundir', lab.rundir];
  const socketPath = join(lab.rundir, `ovs-vswitchd.${lab.pid}.ctl`);

  t.match(await cli(['doctor', ...where]), {
    status: 0,
    out: /switch +ok +ovs-vswitchd \(Open vSwitch\)/,
    err: /^11 checks, 11 ok/,
  });
  t.match(await cli(['tables', '--format', 'json'], { env: { OVS_RUNDIR: lab.rundir } }), {
    status: 0,
    out: /"source":"memory","in use":true[\s\S]*"source":"unixctl","in use":false/,
  });
  t.match(await cli(['attach', ...where]), {
    status: 0,
    out: /proof +1 datapath by name.*all agree[\s\S]*dropped +none/,
  });
  t.match(await cli(['layout', 'check', ...where]), { status: 0, out: /openvswitch-switch \d+\.\d+\.\d+.*yes/ });
  t.match(await cli(['layout', 'list']), { status: 0, out: /openvswitch-switch-dpdk/ });
  t.match(await cli(['layout', 'burn']), { status: 2, err: /list, check, make but received 'burn'/ });
  t.match(await cli(['flows', 'arp', '--source', 'memory', ...where]), { status: 0, err: /memory:\d+; answered/ });
  t.match(await cli(['flows', 'arp', '--source', 'auto', ...where]), { status: 0, err: /memory:\d+; answered/ });
  t.match(await cli(['flows', 'arp', ...where]), { status: 0, err: /memory:\d+; answered/ });
  const asked = await cli(['flows', 'arp', '--source', 'unixctl', ...where]);
  t.match(asked, { status: 0, err: /unixctl:\/.*; answered/ });
  t.notMatch(asked.err, /not from memory/);
  t.match(await cli(['flows', 'arp', '--source', 'tea', ...where]), {
    status: 2,
    err: /auto, memory, unixctl but received 'tea'/,
  });
  const flows = await cli(['flows', 'arp', '--format', 'json', ...where]);
  t.equal(flows.status, 0, flows.err);
  const { rows, footer } = JSON.parse(flows.out);
  const ageless = (line: string) => line.replace(/packets:.*used:[^,]*/, '');
  const printed = new Set((await lab.dump()).split('\n').map(ageless));
  t.ok(rows.length >= 5);
  t.same(
    rows.filter((row: { flow: string }) => !printed.has(ageless(row.flow))),
    [],
    'a row prints as OVS prints it',
  );
  t.match(footer, {
    rowsShown: rows.length,
    snapshot: { rejected: [], unknown: [], nVerbatim: 0, cost: { requests: Array } },
  });
  t.ok(footer.snapshot.cost.requestMs > 0 && footer.snapshot.cost.cpuMs >= 0, 'the cost is said');
  t.match(await cli(['flows', 'arp', '--target', socketPath]), { status: 0 });
  t.match(await cli(['flows', 'mpls_label = 77', ...where]), { status: 1, out: '', err: /^0 rows of \d+ flows/ });
  t.match(await cli(['flows', '--target', 'ovsdb-server', ...where]), { status: 2, err: /ovsdb-server/ });

  // Somebody without rights is told so, and doctor works for them.
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BIN];
  t.match(await cli(['flows', ...where], { program: nobody }), {
    status: 2,
    out: '',
    err: /(Permission denied|permission)/i,
  });
  t.match(await cli(['doctor', ...where], { program: nobody }), { status: 1, err: /uid 65534/ });

  await lab.kill();
  t.match(await cli(['flows', ...where]), { status: 2, out: '', err: /^ctinspector: .+/ });
  t.match(await cli(['doctor', ...where]), { status: 1, out: /switch +fail[\s\S]*datapaths +not checked/ });
  t.match(await cli(['flows'], { env: { OVS_RUNDIR: join(dir, 'no-ovs') } }), { status: 2, out: '', err: /no-ovs/ });
});

t.test('disasm prints one line a slot', async (t) => {
  const program = join(dir, 'prog.bin');
  writeFileSync(program, Buffer.from('b7000000070000009500000000000000', 'hex'));
  const done = await cli(['disasm', program]);
  t.match(done, { status: 0, out: /r0 = 0x7\n.*exit\n$/ });
  t.equal((await cli(['disasm', '-'], { input: readFileSync(program) })).out, done.out);
});
