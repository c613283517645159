/**
 * What a parsed row holds, against a second reader that shares nothing with the native one: that a row prints back right does not
 * show that its values are right. And the same rows, read by a program from the sealed descriptors.
 */
import { closeSync, readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { Program } from '../lib/runner/program.js';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import type { FieldSchema } from '../lib/table-schema.js';
import type { TableSnapshot } from '../lib/tables/snapshot.js';
import { TableView } from '../lib/tables/view.js';
import { assemble } from './support/asm.js';
import { actionFacts, expectedMatch, ones, type Pair, ROW } from './support/second-reader.js';

const DUMPS = new URL('fixtures/dumps/', import.meta.url);
// ---- the rows as they lie in memory ----

class Raw {
  readonly view: TableView;
  constructor(readonly snapshot: TableSnapshot) {
    this.view = new TableView(snapshot);
  }
  *fields(): Generator<[string, FieldSchema]> {
    for (const segment of this.snapshot.schema.segments)
      if (segment.masked) for (const field of segment.fields) yield [`${segment.name}.${field.name}`, field];
  }
  get(row: number, path: string): Pair {
    const [name, fieldName] = path.split('.') as [string, string];
    const segment = this.snapshot.schema.segments.find((segment) => segment.name === name)!;
    const field = segment.fields.find((field) => field.name === fieldName)!;
    const index = segment.per === 'row' ? row : Number(this.get(row, `rows.${name}`).key) - 1;
    if (index < 0) return { key: 0n, mask: 0n };
    const bytes = Buffer.from(this.snapshot.segment(name).buffer);
    const read = (at: number) => {
      const piece = Buffer.from(bytes.subarray(at, at + field.size));
      if (field.type !== 'be128') piece.reverse();
      return BigInt(`0x${piece.toString('hex')}`);
    };
    const at = index * segment.stride + field.offset;
    return { key: read(at), mask: segment.masked ? read(at + segment.half) : 0n };
  }
  /** What the refs of both halves point to, in hexadecimal. */
  hexBytes(row: number, path: string): { key: string; mask: string } {
    const { key, mask } = this.get(row, path);
    const bytes = (ref: bigint) =>
      Buffer.from(this.snapshot.segment('blob').buffer, Number(ref & 0xffffffffn), Number(ref >> 32n)).toString('hex');
    return { key: bytes(key), mask: bytes(mask) };
  }
  text(row: number, path: string): string {
    const ref = this.get(row, path).key; // u32 offset, u32 size
    const offset = Number(ref & 0xffffffffn);
    return Buffer.from(this.snapshot.segment('blob').buffer, offset, Number(ref >> 32n)).toString();
  }
}

const SEEN = { S: 2n, F: 1n, P: 8n, R: 4n, U: 32n, '.': 16n, E: 64n, C: 128n, N: 256n } as Record<string, bigint>;

for (const file of readdirSync(DUMPS)) {
  t.test(`${file}: every value of every row`, async (t) => {
    const path = new URL(file, DUMPS).pathname;
    using snapshot = await readDpFlowsFile(path);
    const raw = new Raw(snapshot);
    const lines: string[] = [];
    const threads: (bigint | null)[] = []; // that hold the row: -1 the main one, else the core
    let thread: bigint | null = null;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      const section = /^flow-dump from (the main thread|pmd on cpu core): ?(\d*)$/.exec(line);
      if (section) thread = section[1] === 'the main thread' ? -1n : BigInt(section[2]!);
      else if (line !== '') {
        lines.push(line);
        threads.push(thread);
      }
    }
    t.equal(snapshot.facts.nRows, lines.length);
    let nCompared = 0;
    for (const [row, line] of lines.entries()) {
      const parts = ROW.exec(line)?.groups;
      if (!parts) throw new Error(`not a row: ${line}`);
      const expected = expectedMatch(parts.match!);
      const wrong: string[] = [];
      const differ = (what: string, expected: unknown, received: unknown) => {
        nCompared++;
        if (expected !== received) wrong.push(`${what}: expected ${expected} but received ${received}`);
      };
      for (const [path, field] of raw.fields()) {
        if (/attrs$|reserved|^tunnel.tun_(options|geneve)$|_more$|mpls_depth$|in_port$/.test(path)) continue;
        const { key, mask } = expected.fields.get(path) ?? { key: 0n, mask: 0n };
        const received = raw.get(row, path);
        differ(`${path} key`, key, received.key);
        differ(`${path} mask`, mask & ones(field.size * 8), received.mask);
        expected.fields.delete(path);
      }
      differ('what has no field', '', [...expected.fields.keys()].join());
      const inPort = raw.get(row, 'match.in_port');
      differ('in_port', expected.inPort ?? null, inPort.mask === 0n ? null : raw.view.port(Number(inPort.key)));
      const options = raw.hexBytes(row, 'tunnel.tun_geneve');
      differ('geneve options', expected.geneve.key, options.key);
      differ('geneve masks', expected.geneve.mask, options.mask);
      for (const none of ['tunnel.tun_options', 'encap.vlan_more', 'encap.mpls_more'])
        differ(none, '', raw.text(row, none));

      differ('pmd', threads[row] ?? null, raw.view.cell(row, raw.view.column('pmd'))?.value ?? null);
      const get = (name: string) => raw.get(row, `rows.${name}`).key;
      differ('packets', BigInt(parts.packets!), get('packets'));
      differ('bytes', BigInt(parts.bytes!), get('bytes'));
      const used = parts.used === 'never' ? ones(64) : BigInt(parts.used!.replace(/[.s]/g, ''));
      differ('used', used, get('used_ms'));
      differ(
        'flags',
        [...(parts.flags ?? '').replace('none', '')].reduce((sum, flag) => sum | SEEN[flag]!, 0n),
        get('tcp_flags_seen'),
      );
      differ('ufid', parts.ufid ? BigInt(`0x${parts.ufid.replaceAll('-', '')}`) : 0n, get('ufid'));
      differ('known', parts.ufid !== undefined, raw.view.cell(row, raw.view.column('ufid')) !== null);
      differ(
        'layer',
        parts.dp ?? null,
        ['ovs', 'tc', 'dpdk'][Number(raw.view.cell(row, raw.view.column('layer'))?.value)] ?? null,
      );
      differ('hw', parts.dp ? 0n : null, raw.view.cell(row, raw.view.column('hw'))?.value ?? null);
      differ('extra', parts.extra ?? '', raw.text(row, 'rows.extra'));
      differ('unknown', '', raw.text(row, 'rows.unknown'));

      const id = Number(get('actions'));
      differ('actions', parts.actions!, raw.snapshot.actionsText(id));
      const facts = actionFacts(parts.actions!);
      const list = (name: string) => {
        const segment = snapshot.schema.segments.find((segment) => segment.name === 'action_lists')!;
        const field = segment.fields.find((field) => field.name === name)!;
        return new DataView(snapshot.segment('action_lists').buffer).getBigUint64(
          id * segment.stride + field.offset,
          true,
        );
      };
      const does = list('does');
      differ('does', facts.does, (does & ~(1n << 11n)) | ((does >> 8n) & 8n));
      differ('sets', facts.sets, list('sets'));
      differ(
        'outputs',
        [...facts.outPorts].sort().join(),
        raw.view
          .outPorts(id)
          .map((port) => raw.view.port(port))
          .sort()
          .join(),
      );
      t.strictSame(wrong, [], line);
    }
    t.ok(nCompared > 150 * lines.length, `${nCompared} values compared`);
  });
}

t.test('a program over the sealed segments of a snapshot', async (t) => {
  const snapshot = await readDpFlowsFile(new URL('rules-more.txt', DUMPS).pathname);
  const raw = new Raw(snapshot);
  const stride = snapshot.segment('rows').stride;
  const rows = Array.from({ length: snapshot.facts.nRows }, (_, row) => row);
  const sum = (of: (row: number) => bigint) => rows.reduce((sum, row) => sum + of(row), 0n);
  const packets = snapshot.schema.segments[0]!.fields.find(({ name }) => name === 'packets')!.offset;
  const ethType = snapshot.schema.segments[1]!.fields.find(({ name }) => name === 'eth_type')!.offset;

  // r6 the table's facts on the stack, r7 rows left, r8 row, r9 match; r0 = sum of packets * 65536 + EtherType over the rows.
  const program = Program.load({
    kernelFunctions: 'ctinspector',
    imports: [{ name: 'table_open', version: 1 }],
    rodata: new TextEncoder().encode('dp_flows'),
    bssSize: 1024,
    code: assemble(`
        r1 = 0x18000000
        r2 = 8
        r3 = 0x20000000
        r4 = 1024
        call import 0
        if r0 != 0 goto out
        r6 = 0x20000000
        r7 = *(u64 *)(r6 + 0)
        r8 = *(u64 *)(r6 + 32)
        r9 = *(u64 *)(r6 + 56)
  next: r1 = *(u64 *)(r8 + ${packets})
        r1 <<= 16
        r2 = *(u16 *)(r9 + ${ethType})
        r1 += r2
        r0 += r1
        r8 += ${stride}
        r9 += ${snapshot.segment('match').stride}
        r7 += -1
        if r7 != 0 goto next
  out:  exit`),
  });
  const table = {
    name: 'dp_flows',
    nRows: snapshot.facts.nRows,
    generation: snapshot.generation,
    schemaHash: snapshot.schema.hash,
    segments: snapshot.segments,
  };
  const expected = sum((row) => raw.get(row, 'rows.packets').key * 65536n + raw.get(row, 'match.eth_type').key);
  t.ok(expected > 65536n, 'something to add up');
  const maps = () =>
    readFileSync('/proc/self/maps', 'utf8').match(/^.* r--[ps] .*memfd:ctinspector:dp_flows.rows/gm) ?? [];
  const before = maps().length;
  using run = program.start({ tables: [table] });
  t.equal(maps().length, before + 1, 'the memfd itself is mapped, read-only');
  t.match(run.step(1_000_000n), { kind: 'exited', r0: expected });

  // Nothing of a table can be written, by the program or from outside.
  const facts = new DataView(run.read(0x2000_0000, 1024).slice().buffer);
  t.equal(facts.getBigUint64(0, true), BigInt(snapshot.facts.nRows));
  t.equal(facts.getBigUint64(8, true), snapshot.generation);
  t.equal(facts.getUint32(24, true), snapshot.segments.length);
  const address = Number(facts.getBigUint64(32, true));
  const store = Program.load({ kernelFunctions: 'ctinspector', code: assemble(`*(u8 *)(r1 + 0) = 1\nexit`) });
  const stop = store.run({ tables: [table], args: [BigInt(address)] });
  t.match(stop, { kind: 'trapped', trap: 'read_only', pc: 0, address });
  t.throws(() => run.write(address, new Uint8Array(1)), { code: 'INVALID_ARGUMENT' });
  t.strictSame(
    run.read(address, stride * rows.length),
    new Uint8Array(snapshot.segment('rows').buffer).slice(0, stride * rows.length),
  );

  // JavaScript's buffer is a private copy of what it writes.
  new DataView(snapshot.segment('rows').buffer).setBigUint64(packets, 12345678n, true);
  t.match(program.run({ tables: [table] }), { kind: 'exited', r0: expected }, 'still the switch’s numbers');

  // A run keeps what it mapped; a descriptor that is closed cannot be mapped.
  using later = program.start({ tables: [table] });
  const fds = snapshot.segments.map(({ fd }) => fd);
  snapshot.close();
  t.throws(() => closeSync(fds[0]!), { code: 'EBADF' });
  t.match(later.step(1_000_000n), { kind: 'exited', r0: expected }, 'after the snapshot is closed');
  t.throws(() => program.start({ tables: [table] }), { name: 'CtiError' }, 'closed descriptors');
});
