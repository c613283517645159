// C programs over tables: the examples, the kernel functions they call, and the commands compile and run.
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import t from 'tap';
import { type LinkedProgram, link } from '../lib/linker/link.js';
import { loadObject } from '../lib/loader/load-object.js';
import { type Output, Program, type StartOptions } from '../lib/runner/program.js';
import { compileBpf, scratch } from './support/clang.js';
import { type FlowRow, flowTable } from './support/flow-table.js';

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
