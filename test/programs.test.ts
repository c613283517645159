// C programs over tables: the examples, the kernel functions they call, and the commands compile and run.
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Writable } from 'node:stream';
import t from 'tap';
import { runCli } from '../lib/cli/main.js';
import { type LinkedProgram, link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { type Output, Program, type StartOptions } from '../lib/runner/program.js';
import { compileBpf, runOnHost, scratch } from './support/clang.js';
import { type FlowRow, flowTable } from './support/flow-table.js';
import { startLab } from './support/lab.js';

t.setTimeout(600_000); // compilers, on a machine that may be busy

const dir = scratch();

async function build(path: string, flags: readonly string[] = ['-g']): Promise<LinkedProgram> {
  const object = await compileBpf(path, dir, { cpu: 'v4', flags });
  return link([loadObject(readFileSync(object), basename(path))]);
}

function runToEnd(linked: LinkedProgram, options: StartOptions = {}): { r0: bigint; output: readonly Output[] } {
  const result = Program.load(linked.spec).run(options);
  if (result.kind !== 'exited') throw new Error(`${result.kind} at ${linked.debug.describe(result.pc)}`);
  return { r0: result.r0, output: result.output };
}

const textOf = (output: readonly Output[]): string =>
  output.map((piece) => (piece.kind === 'text' ? piece.text : '')).join('');

/** The same numbers every time. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

t.test('busiest_per_port finds the busiest flow of each port', async (t) => {
  const linked = await build(resolve('examples/busiest_per_port.c'));
  const next = random(1);
  const ports = ['br-int', 'eth0', 'vxlan_sys_4789', 'tap1', 'never used'];
  const flows = Array.from(
    { length: 500 },
    (): FlowRow => ({ rows: { packets: next(1_000_000) }, key: { in_port: next(4) } }),
  );
  const best = [0, 1, 2, 3].map((port) => {
    const own = flows.map((flow, row) => ({ flow, row })).filter(({ flow }) => flow.key?.in_port === port);
    const top = own.reduce((a, b) => (Number(b.flow.rows?.packets) > Number(a.flow.rows?.packets) ? b : a));
    return { name: ports[port], packets: Number(top.flow.rows?.packets), row: top.row, n: own.length };
  });
  best.sort((a, b) => b.packets - a.packets);
  const { r0, output } = runToEnd(linked, { tables: [flowTable(flows, ports)] });
  t.equal(r0, 4n);
  t.equal(
    textOf(output),
    best.map((b) => `${b.name}: ${b.packets} packets in flow ${b.row}, the busiest of ${b.n}\n`).join(''),
  );
  const records = output.flatMap((piece) => (piece.kind === 'record' ? [piece] : []));
  t.strictSame(
    records.map(({ type, bytes }) => [
      type,
      Buffer.from(bytes).readBigUInt64LE(0),
      Buffer.from(bytes).readBigUInt64LE(8),
    ]),
    best.map((b) => [1n, BigInt(b.packets), BigInt(b.row)]),
  );

  const empty = runToEnd(linked, { tables: [flowTable([], ports)] });
  t.strictSame([empty.r0, empty.output], [0n, []]);
  t.equal(runToEnd(linked).r0, BigInt.asUintN(64, -2n), 'no table: -ENOENT');
  const other = { ...flowTable([], ports), schemaHash: '0123456789abcdef' };
  t.equal(runToEnd(linked, { tables: [other] }).r0, BigInt.asUintN(64, -116n), 'another layout: -ESTALE');
});

t.test('mask_shapes counts flows by what they match on', async (t) => {
  const linked = await build(resolve('examples/mask_shapes.c'));
  const macs = { eth_src: 0xffff_ffff_ffffn, eth_dst: 0xffff_ffff_ffffn };
  const plain: FlowRow = { mask: { in_port: 0xffff_ffff, ...macs, nw_dst: 0xffff_ff00 }, rows: { packets: 10 } };
  const exact: FlowRow = { mask: { in_port: 0xffff_ffff, nw_proto: 0xff, tp_dst: 0xfff0 }, rows: { packets: 7 } };
  const v6: FlowRow = {
    mask: { in_port: 0xffff_ffff },
    rows: { packets: 1 },
    parts: { ipv6: { key: { ipv6_src: 5n }, mask: { ipv6_src: (1n << 128n) - (1n << 64n), ipv6_label: 0 } } },
  };
  // Keys do not matter, however they differ.
  const flows = [plain, exact, { ...plain, key: { in_port: 3, nw_dst: 77 } }, v6, plain, exact];
  const { r0, output } = runToEnd(linked, { tables: [flowTable(flows, [])] });
  t.equal(r0, 3n);
  t.equal(
    textOf(output),
    '3 flows, 30 packets: eth_src eth_dst in_port nw_dst/24\n2 flows, 14 packets: in_port tp_dst/12 nw_proto\n1 flows, 1 packets: in_port ipv6_src/64\n',
  );
});

t.test('same_tuple joins the passes of a connection', async (t) => {
  const linked = await build(resolve('examples/same_tuple.c'));
  const exact = {
    nw_proto: 0xff,
    nw_src: 0xffff_ffff,
    nw_dst: 0xffff_ffff,
    tp_src: 0xffff,
    tp_dst: 0xffff,
    recirc_id: 0xffff_ffff,
  };
  const tcp = { eth_type: 0x0800, nw_proto: 6, nw_src: 0x0a000001, nw_dst: 0x0a000002, tp_src: 1234, tp_dst: 80 };
  const pass = (recirc_id: number, key: Record<string, number> = {}, mask = {}): FlowRow => ({
    key: { ...tcp, recirc_id, ...key },
    mask: { ...exact, ...mask },
    rows: { packets: 5 },
  });
  const v6 = (recirc_id: number): FlowRow => ({
    key: { eth_type: 0x86dd, nw_proto: 17, recirc_id, tp_dst: 53 },
    mask: { nw_proto: 0xff, recirc_id: 0xffff_ffff, tp_dst: 0xffff },
    parts: { ipv6: { key: { ipv6_dst: (0xfe80n << 112n) | 1n }, mask: { ipv6_dst: (1n << 128n) - 1n } } },
  });
  const flows = [
    ...[pass(0), pass(0x1a), pass(0x1a), pass(0x2b)],
    ...[pass(0, { tp_src: 99 }), pass(0, { tp_src: 99 })], // one pass only
    ...[pass(0, { tp_dst: 81 }), pass(7, { tp_dst: 81 }, { tp_dst: 0xff00 })], // not the same bits
    ...[pass(0, { nw_proto: 1 }), pass(9, { nw_proto: 1 })], // ICMP has no ports
    ...[v6(0), v6(3)],
  ];
  const { r0, output } = runToEnd(linked, { tables: [flowTable(flows, [])] });
  t.equal(r0, 2n);
  const lines = textOf(output).trimEnd().split('\n').sort();
  t.strictSame(lines, [
    '0000:0000:0000:0000:0000:0000:0000:0000 0 > fe80:0000:0000:0000:0000:0000:0000:0001 53, protocol 17: 2 flows, recirc_id 0x0 0x3',
    '10.0.0.1 1234 > 10.0.0.2 80, protocol 6: 4 flows, recirc_id 0x0 0x1a 0x2b',
  ]);
});

t.test('maps do what a Map does, through inserts, removals and full tables', async (t) => {
  const linked = await build('maps.c');
  const next = random(7);
  const nCommands = 20_000;
  const memory = Buffer.alloc(nCommands * 32);
  const expected: bigint[] = [];
  const map = new Map<bigint, { total: bigint; n: bigint }>();
  const array = Array.from({ length: 10 }, () => 0n);
  for (let i = 0; i < nCommands; i++) {
    // Few keys and many removals at first; later more keys than there is room for.
    const what = next(100) < 2 ? 3 : next(100) < 4 ? 4 : next(3);
    const key = BigInt(what === 4 ? next(14) : next(i < nCommands / 2 ? 40 : 120));
    const value = BigInt(next(1000));
    for (const [field, number] of [what, key, value].entries())
      memory.writeBigUInt64LE(BigInt(number), i * 32 + field * 8);
    const known = map.get(key);
    if (what === 0) expected.push(known?.total ?? 0n);
    else if (what === 2) expected.push(map.delete(key) ? 0n : BigInt.asUintN(64, -2n));
    else if (what === 3) {
      expected.push([...map].reduce((sum, [k, v]) => BigInt.asUintN(64, sum + k * 1000003n + v.total), 0n));
    } else if (what === 4) {
      if (key < 10n) array[Number(key)]! += value;
      expected.push(array[Number(key)] ?? (1n << 64n) - 1n);
    } else if (known) {
      known.total += value;
      known.n++;
      expected.push(known.n);
    } else if (map.size * 8 >= 64 * 7) {
      expected.push(BigInt.asUintN(64, -28n));
    } else {
      map.set(key, { total: value, n: 1n });
      expected.push(1n);
    }
  }
  const result = Program.load(linked.spec).run({ memory });
  t.match(result, { kind: 'exited', r0: BigInt(map.size) });
  const after = Buffer.from(result.memory);
  t.strictSame(
    expected.map((_, i) => after.readBigUInt64LE(i * 32 + 24)),
    expected,
  );
  t.ok(expected.includes(BigInt.asUintN(64, -28n)), 'the map was full at times');

  t.match(runToEnd(await build('bad_maps.c')), { r0: 0n });
});

t.test('output is bounded, whole pieces, and makes room when it is taken', async (t) => {
  const linked = await build('output.c');
  const { r0, output } = runToEnd(linked, { args: [3n, 5n] });
  t.equal(r0, 0n);
  t.strictSame(
    output.map((piece) => (piece.kind === 'text' ? piece.text : [piece.type, ...piece.bytes])),
    ['\0'.repeat(5), '\0'.repeat(5), '\0'.repeat(5), 'grün\n', [7n, 1, 2, 3], ''],
  );
  // A piece of 100 bytes takes 16 + 104: eight of them in 1000 bytes; what comes after has no room for 16 + 8 either.
  const small = runToEnd(linked, { args: [10n, 100n], outputLimit: 960 });
  t.equal(small.r0, 3n, 'a print of nothing finds no room either');
  t.equal(small.output.length, 8);
  const whole = runToEnd(linked, { args: [200n, 8192n] });
  t.equal(whole.r0 >> 8n, BigInt(200 - Math.floor((1 << 20) / (8192 + 16))));

  using run = Program.load(linked.spec).start({ args: [1000n, 8192n] });
  let bytes = 0;
  for (;;) {
    const stop = run.step(50_000n);
    for (const piece of run.output()) bytes += piece.kind === 'text' ? piece.text.length : 0;
    if (stop.kind === 'exited') {
      t.equal(stop.r0, 0n, 'nothing was refused, because it was taken in time');
      break;
    }
  }
  t.equal(bytes, 1000 * 8192 + 'grün\n'.length);
  t.throws(() => Program.load(linked.spec).start({ outputLimit: -1 }), {
    code: 'INVALID_ARGUMENT',
    message: /outputLimit/,
  });
});

/** The command line, with its output caught. */
async function cli(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  signal = new AbortController().signal,
) {
  const text = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        text[name] += chunk;
        done();
      },
    });
  const [stdout, stderr] = [stream('stdout'), stream('stderr')];
  const status = await runCli(argv, { stdout, stderr, stdoutIsTerminal: false, stderrIsTerminal: false, env, signal });
  return { status, ...text };
}

const programs = resolve('test/fixtures/elf/programs');

t.test('ctinspector run: C and objects, over a saved dump', async (t) => {
  const dump = join(dir, 'flows.txt');
  const flow = (port: string, packets: number) =>
    `ufid:${randomUUID()}, recirc_id(0),in_port(${port}),packet_type(ns=0,id=0),eth_type(0x0800),ipv4(frag=no), packets:${packets}, bytes:60, used:1.000s, actions:drop\n`;
  writeFileSync(dump, `flow-dump from the main thread:\n${flow('p1', 5)}${flow('p2', 70)}${flow('p1', 8)}`);
  const table = await cli(['run', 'examples/busiest_per_port.c', '--from', dump]);
  t.match(table, {
    status: 0,
    stdout: 'p2: 70 packets in flow 1, the busiest of 1\np1: 8 packets in flow 2, the busiest of 2\nresult: 2\n',
    stderr: /emitted records: 2;.*\n.*dp_flows: 3 rows from file:/s,
  });
  const json = JSON.parse(
    (await cli(['run', 'examples/busiest_per_port.c', '--from', dump, '--format', 'json'])).stdout,
  );
  t.match(json, { stop: 'exited', r0: '2', function: 'vm_main', tables: { dp_flows: { nRows: 3 } } });
  t.equal(json.output.filter((piece: object) => 'record' in piece).length, 2);

  const objects = [];
  for (const name of ['multi_a', 'multi_b']) {
    const object = join(dir, `${name}.o`);
    t.match(await cli(['compile', join(programs, `${name}.c`), '-o', object]), {
      status: 0,
      stderr: `wrote ${object}\n`,
    });
    objects.push(object);
  }
  const args = ['--arg', '0x5', '--arg', '-1'];
  const several = await cli(['run', ...objects, join(programs, 'multi_c.c'), ...args]);
  const [expected] = runOnHost(['multi_a.c', 'multi_b.c', 'multi_c.c'], dir, [[5n, (1n << 64n) - 1n]]);
  t.match(several, { status: 0, stdout: new RegExp(`^result: ${expected}( |\n)`), stderr: '' });
});

t.test('ctinspector run: what goes wrong', async (t) => {
  const traps = join(programs, 'traps.c');
  const trapped = await cli(['run', traps, '--arg', '0x50000000', '--arg', '1']);
  t.match(trapped, { status: 2, stdout: '' });
  t.match(trapped.stderr, /^ctinspector: unmapped at pc \d+ in store, .*traps\.c:5:\d+, address 0x50000000: /);
  const json = JSON.parse((await cli(['run', traps, '--arg', '0x50000000', '--format', 'json'])).stdout);
  t.match(json, { stop: 'trapped', trap: 'unmapped', address: 0x5000_0000, function: 'store', source: { line: 5 } });
  t.match(await cli(['run', join(programs, 'sort.c'), '--fuel', '100']), {
    status: 2,
    stderr: /used up its fuel \(\d+\).*sort\.c:\d+.*--fuel/,
  });
  t.match(await cli(['run', join(programs, 'misspelt.c')]), {
    status: 2,
    stderr: /misspelt\.c: .*did you mean 'topk_offer'/,
  });
  t.match(await cli(['run', traps, '--entry', 'nowhere']), {
    status: 2,
    stderr: /a global function 'nowhere', received vm_main/,
  });
  t.match(await cli(['run', traps, '--arg', 'seven']), {
    status: 2,
    stderr: /--arg: expected a number of 64 bits .*'seven'/,
  });
  t.match(await cli(['run', traps, ...Array.from({ length: 6 }, () => ['--arg', '1']).flat()]), {
    status: 2,
    stderr: /at most five/,
  });
  t.match(await cli(['run', traps, '--fuel', '0']), { status: 2, stderr: /--fuel: expected a number from 1/ });
  t.match(await cli(['run', join(dir, 'none.o')]), { status: 2, stderr: /cannot read .*none\.o/ });
  t.match(await cli(['run', 'package.json']), {
    status: 2,
    stderr: /package\.json: the ELF header, offset 0x0: magic number/,
  });
  const broken = join(dir, 'broken.c');
  writeFileSync(broken, '#include "ctinspector/ctinspector.h"\nuint64_t vm_main(void) { return nothing; }\n');
  t.match(await cli(['compile', broken, '-o', join(dir, 'broken.o')]), {
    status: 2,
    stderr: /broken\.c:2:33: error: .*nothing.*refused .*status 1/s,
  });
  t.match(await cli(['compile', 'README.md']), { status: 2, stderr: /ends in \.c/ });
  const empty = join(dir, 'empty');
  mkdirSync(empty, { recursive: true });
  t.match(await cli(['run', traps], { ...process.env, PATH: empty }), {
    status: 2,
    stderr: /no clang that makes eBPF.*apt-get install clang-19/,
  });

  const endless = join(dir, 'endless.c');
  writeFileSync(endless, 'volatile int go = 1;\nint vm_main(void) { while (go); return 0; }\n');
  const abort = new AbortController();
  const object = join(dir, 'endless.o');
  await cli(['compile', endless, '-o', object]);
  setTimeout(() => abort.abort(), 1000);
  const stopped = await cli(['run', object, '--fuel', '0x7fffffffffffffff'], process.env, abort.signal);
  t.match(stopped, { status: 2, stderr: /stopped on request at pc \d+ in vm_main, .*endless\.c:2/ });
});

t.test('what a program prints cannot steer a terminal', async (t) => {
  const source = join(dir, 'escape.c');
  writeFileSync(
    source,
    '#include "ctinspector/ctinspector.h"\nint vm_main(void) { print_text("a\\033[2Jb\\tc\\n"); return 0; }\n',
  );
  t.match(await cli(['run', source]), { status: 0, stdout: 'a\\x1b[2Jb\tc\nresult: 0\n' });
});

t.test('ctinspector disasm: an object file with its functions and source lines', async (t) => {
  const object = await compileBpf('traps.c', dir, { cpu: 'v3', flags: ['-g'] });
  const { status, stdout } = await cli(['disasm', object]);
  t.equal(status, 0);
  t.match(stdout, /^vm_main:\n; .*traps\.c:9\n.*\n\nstore:\n; .*traps\.c:4\n.*; .*traps\.c:5\n +\d+: 7b /s);
  const nSlots = loadObject(readFileSync(object), 'x').sections.find((section) => section.kind === 'code')!.size / 8;
  t.equal(stdout.match(/^ +\d+: /gm)?.length, nSlots, 'every slot once');
  t.match(await cli(['disasm', await compileBpf('misspelt.c', dir)]), { status: 2, stderr: /topk_ofer/ });
});

t.test('the examples over a real switch', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.traffic();
  await lab.fill(500);
  for (const name of ['busiest_per_port', 'mask_shapes', 'same_tuple']) {
    const live = await cli(['run', `examples/${name}.c`, '--rundir', lab.rundir]);
    t.match(
      live,
      {
        status: 0,
        stdout: /^result: \d+\n$/m,
        stderr: /dp_flows: [\d,]+ rows from memory:\d+\nsnapshot taken .*\ncost to the switch: /,
      },
      name,
    );
  }

  // The same flows from a file, which stands still, against the text itself.
  const dump = join(dir, 'live.txt');
  writeFileSync(dump, await lab.dump());
  const lines = readFileSync(dump, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('ufid:'));
  const ports = new Map<string, number[]>();
  for (const line of lines) {
    const port = /in_port\(([^)]+)\)/.exec(line)?.[1] ?? '?';
    ports.set(port, [...(ports.get(port) ?? []), Number(/packets:(\d+)/.exec(line)?.[1])]);
  }
  t.ok(ports.size > 1);
  const expected = [...ports].map(([port, packets]) => `${port}: ${Math.max(...packets)} of ${packets.length}`).sort();
  const busiest = await cli(['run', 'examples/busiest_per_port.c', '--from', dump]);
  const found = [...busiest.stdout.matchAll(/^(.*): (\d+) packets in flow (\d+), the busiest of (\d+)$/gm)];
  t.strictSame(found.map(([, port, packets, , n]) => `${port}: ${packets} of ${n}`).sort(), expected);
  for (const [, port, packets, row] of found) {
    t.match(
      lines[Number(row)],
      new RegExp(`in_port\\(${port}\\).* packets:${packets},`),
      'the row it names is that flow',
    );
  }

  // Every flow has one shape.
  const shapes = await cli(['run', 'examples/mask_shapes.c', '--from', dump]);
  const counts = [...shapes.stdout.matchAll(/^(\d+) flows, (\d+) packets:/gm)];
  const total = (index: number) => counts.reduce((sum, match) => sum + Number(match[index]), 0);
  t.equal(total(1), lines.length);
  t.equal(
    total(2),
    [...ports.values()].flat().reduce((a, b) => a + b, 0),
  );
  t.match(shapes.stdout, new RegExp(`^result: ${counts.length}$`, 'm'));
});
