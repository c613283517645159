/** The kernel functions of set `ctinspector`: what they compute, what they charge, and every pointer they are given. */
import t from 'tap';
import { KERNEL_FUNCTIONS } from '../lib/generated/kernel-functions.js';
import { Program, type Run, type StartOptions, type TableMapping } from '../lib/runner/program.js';
import { assemble } from './support/asm.js';

const ERRNO = { ENOENT: -2n, EFAULT: -14n, EINVAL: -22n, ENOSPC: -28n };
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const MEMORY = 0x3000_0000n;
const RODATA = 0x1800_0000n;

type Name = keyof typeof KERNEL_FUNCTIONS.ctinspector;

/** Calls a kernel function with the run's arguments, through an import. */
const caller = (name: Name): Program =>
  Program.load({
    code: assemble('call import 0\nexit'),
    kernelFunctions: 'ctinspector',
    imports: [{ name, version: 1 }],
    rodata: new Uint8Array(4096),
  });
const callers = new Map((Object.keys(KERNEL_FUNCTIONS.ctinspector) as Name[]).map((name) => [name, caller(name)]));

/** The result, the charge, and the memory afterwards. */
function call(name: Name, args: bigint[], options: StartOptions = {}) {
  const result = callers.get(name)!.run({ ...options, args });
  if (result.kind !== 'exited') throw new Error(`${name}: ${result.kind}`);
  return { r0: result.r0, charge: result.fuelUsed, memory: result.memory };
}

const bytes = (size: number, fill: (view: DataView) => void): Uint8Array => {
  const memory = new Uint8Array(size);
  fill(new DataView(memory.buffer));
  return memory;
};
const pairsOf = (memory: Uint8Array, at: number, n: number): [bigint, bigint][] => {
  const view = new DataView(memory.buffer, memory.byteOffset);
  return Array.from({ length: n }, (_, i) => [
    view.getBigUint64(at + 16 * i, true),
    view.getBigUint64(at + 16 * i + 8, true),
  ]);
};
/** A small deterministic source of numbers. */
const numbers = (seed: bigint) => () => {
  seed = u64(seed * 6364136223846793005n + 1442695040888963407n);
  return seed >> 16n;
};

const TABLE: TableMapping = {
  name: 'dp_flows',
  nRows: 3,
  generation: 0x1_0000_0002n,
  schemaHash: 'fedcba9876543210',
  segments: [
    { name: 'rows', bytes: new Uint8Array(48).fill(1), size: 48, stride: 16, nRecords: 3 },
    { name: 'none', bytes: new Uint8Array(), size: 0, stride: 8, nRecords: 0 },
    { name: 'blob', bytes: new Uint8Array(5000).fill(2), size: 5000, stride: 1, nRecords: 5000 },
  ],
};
const CTI_TABLE_SIZE = 32 + 16 * 24;

t.test('table_open says where the segments lie', (t) => {
  const name = Buffer.from('dp_flows');
  const memory = bytes(1024, () => {});
  memory.set(name);
  const options = { memory, tables: [{ ...TABLE, name: 'other', segments: [] }, TABLE] };
  const room = BigInt(CTI_TABLE_SIZE);
  const opened = call('table_open', [MEMORY, 8n, MEMORY + 64n, room], options);
  t.equal(opened.r0, 0n);
  t.equal(opened.charge, 1n + room / 8n);
  const view = new DataView(opened.memory.buffer, opened.memory.byteOffset + 64);
  t.same(
    [
      view.getBigUint64(0, true),
      view.getBigUint64(8, true),
      view.getBigUint64(16, true),
      view.getUint32(24, true),
      view.getUint32(28, true),
    ],
    [3n, 0x1_0000_0002n, 0xfedcba9876543210n, 3, 0],
  );
  const segments = Array.from({ length: 16 }, (_, i) => {
    const at = 32 + 24 * i;
    return [
      view.getBigUint64(at, true),
      view.getBigUint64(at + 8, true),
      view.getUint32(at + 16, true),
      view.getUint32(at + 20, true),
    ];
  });
  t.same(segments.slice(0, 3), [
    [0x4000_0000n, 48n, 16, 3],
    [0n, 0n, 8, 0],
    [0x4000_2000n, 5000n, 1, 5000],
  ]);
  t.ok(segments.slice(3).every((segment) => segment.every((value) => BigInt(value) === 0n)));
  t.same([...opened.memory.subarray(64 + CTI_TABLE_SIZE)].some(Boolean), false, 'nothing is written past the struct');

  t.equal(call('table_open', [MEMORY, 7n, MEMORY + 64n, room], options).r0, u64(ERRNO.ENOENT), 'a part of the name');
  t.equal(call('table_open', [MEMORY, 9n, MEMORY + 64n, room], options).r0, u64(ERRNO.ENOENT), 'name and a zero');
  t.equal(call('table_open', [MEMORY, 0n, MEMORY + 64n, room], options).r0, u64(ERRNO.ENOENT), 'no name');
  t.match(
    call('table_open', [MEMORY, 512n, MEMORY + 64n, room], options),
    { r0: u64(ERRNO.ENOENT), charge: 1n + 64n },
    'a name longer than any is charged as any other',
  );
  t.equal(call('table_open', [MEMORY, 8n, MEMORY + 64n, room - 1n], options).r0, u64(ERRNO.EINVAL), 'too little room');
  t.equal(call('table_open', [MEMORY, 8n, MEMORY + 64n, room], { memory }).r0, u64(ERRNO.ENOENT), 'no tables');
  t.equal(call('table_open', [MEMORY, 8n, MEMORY, room], options).r0, 0n, 'the answer over the name');
  t.end();
});

t.test('a program reads a table it opened', (t) => {
  const source = `
    *(u64 *)(r10 - 8) = 0
    r1 = 0x18000000 ll
    r2 = 8
    r3 = 0x20000000 ll
    r4 = 416
    call import 0
    if r0 != 0 goto end
    r6 = 0x20000000 ll
    r7 = *(u64 *)(r6 + 80)
    r0 = *(u8 *)(r7 + 4999)
    *(u8 *)(r7 + 0) = 1
  end: exit`;
  const program = Program.load({
    code: assemble(source),
    kernelFunctions: 'ctinspector',
    imports: [{ name: 'table_open', version: 1 }],
    rodata: Buffer.from('dp_flows'),
    bssSize: CTI_TABLE_SIZE,
  });
  t.match(program.run({ tables: [TABLE] }), { kind: 'trapped', trap: 'read_only', address: 0x4000_2000 });
  t.match(program.run(), { kind: 'exited', r0: u64(ERRNO.ENOENT) });
  t.end();
});

t.test('topk_offer keeps the largest, among equal keys the smaller values', (t) => {
  for (const [capacity, count, spread] of [
    [1, 20, 1000n],
    [5, 3, 1000n],
    [5, 5, 10n],
    [8, 200, 1000n],
    [16, 300, 7n],
    [100, 1000, 50n],
  ] as const) {
    const next = numbers(BigInt(capacity * count));
    const offers = Array.from(
      { length: count },
      (_, i) => [next() % spread, BigInt((i * 37) % 101)] as [bigint, bigint],
    );
    const program = callers.get('topk_offer')!;
    let memory = bytes(8 + 16 * capacity, (view) => view.setUint32(0, capacity, true));
    const kept: [bigint, bigint][] = [];
    const before = ([k1, v1]: [bigint, bigint], [k2, v2]: [bigint, bigint]) =>
      k1 !== k2 ? (k1 > k2 ? -1 : 1) : v1 < v2 ? -1 : v1 > v2 ? 1 : 0;
    for (const offer of offers) {
      const result = program.run({ memory, args: [MEMORY, ...offer] });
      if (result.kind !== 'exited') return t.fail(result.kind);
      memory = result.memory;
      kept.push(offer);
      kept.sort(before);
      kept.splice(capacity);
      if (result.r0 !== (kept.length === capacity ? kept.at(-1)![0] : 0n)) return t.fail('the smallest key kept');
      if (result.fuelUsed !== 1n + BigInt(Math.floor(Math.log2(capacity)))) return t.fail('charge');
    }
    const view = new DataView(memory.buffer, memory.byteOffset);
    t.equal(view.getUint32(4, true), kept.length);
    t.same(pairsOf(memory, 8, kept.length).sort(before), kept, `the ${capacity} largest of ${count}`);
  }
  t.end();
});

t.test('topk_offer: lists that are not sane', (t) => {
  const offer = (capacity: number, n: number, size: number, at = 0n) => {
    const memory = bytes(size, (view) => {
      view.setUint32(Number(at), capacity, true);
      view.setUint32(Number(at) + 4, n, true);
    });
    const result = call('topk_offer', [MEMORY + at, 1n, 1n], { memory });
    return [result.r0, result.charge];
  };
  t.same(offer(0, 0, 64), [u64(ERRNO.EINVAL), 1n], 'no capacity');
  t.same(offer(2, 3, 64), [u64(ERRNO.EINVAL), 1n], 'more than its capacity');
  t.same(offer(2, 0, 64, 4n), [u64(ERRNO.EINVAL), 1n], 'misaligned');
  t.same(offer(255, 0, 4096), [0n, 8n], 'to the end of the page');
  t.same(offer(256, 0, 4096), [u64(ERRNO.EFAULT), 1n], 'past the end of the page');
  t.same(offer(0xffff_ffff, 0, 4096), [u64(ERRNO.EFAULT), 1n], 'longer than the window');
  // Entries that are no heap: nothing is written outside the list.
  const next = numbers(5n);
  for (let round = 0; round < 200; round++) {
    const memory = bytes(4096, (view) => {
      for (let at = 0; at < 4096; at += 8) view.setBigUint64(at, next(), true);
      view.setUint32(1024, 20, true);
      view.setUint32(1028, Number(next() % 21n), true);
    });
    const after = call('topk_offer', [MEMORY + 1024n, next(), next()], { memory }).memory;
    const same = [...after.keys()].every((i) => (i >= 1024 && i < 1024 + 8 + 320) || after[i] === memory[i]);
    if (!same) return t.fail('written outside the list');
  }
  t.end();
});

t.test('pairs_sort', (t) => {
  for (const n of [0, 1, 2, 3, 100, 5000]) {
    for (const flags of [0n, 1n]) {
      const next = numbers(BigInt(n) + flags);
      const pairs = Array.from(
        { length: n },
        () => [n < 200 ? next() % 10n : u64(next() << 16n), next() % 1000n] as [bigint, bigint],
      );
      const memory = bytes(16 * n + 16, (view) => {
        for (const [i, [key, value]] of pairs.entries()) {
          view.setBigUint64(16 * i, key, true);
          view.setBigUint64(16 * i + 8, value, true);
        }
        view.setBigUint64(16 * n, 77n, true);
      });
      const sorted = call('pairs_sort', [MEMORY, BigInt(n), flags], { memory });
      pairs.sort(([k1, v1], [k2, v2]) =>
        k1 !== k2 ? (k1 < k2 !== (flags === 1n) ? -1 : 1) : v1 < v2 ? -1 : v1 > v2 ? 1 : 0,
      );
      t.same([sorted.r0, sorted.charge], [0n, BigInt(n === 0 ? 1 : n * (1 + Math.floor(Math.log2(n))))]);
      t.same(pairsOf(sorted.memory, 0, n), pairs, `${n}, flags ${flags}`);
      t.same(pairsOf(sorted.memory, 16 * n, 1), [[77n, 0n]], 'nothing past them');
    }
  }
  const memory = new Uint8Array(64);
  t.equal(call('pairs_sort', [MEMORY, 1n, 2n], { memory }).r0, u64(ERRNO.EINVAL));
  t.equal(call('pairs_sort', [MEMORY, 1n << 60n, 0n], { memory }).r0, u64(ERRNO.EFAULT), 'n times 16 overflows');
  t.equal(call('pairs_sort', [MEMORY, (1n << 60n) + 1n, 0n], { memory }).r0, u64(ERRNO.EFAULT));
  t.equal(call('pairs_sort', [MEMORY + 3n, 2n, 0n], { memory }).r0, 0n, 'any alignment');
  t.end();
});

/** A table of groups in a run that is called again and again. */
function groups(capacity: number, keySize: number, size = 16 + capacity * (16 + keySize) + keySize) {
  let memory = bytes(size, (view) => {
    view.setUint32(0, capacity, true);
    view.setUint32(8, keySize, true);
  });
  const keyAt = size - keySize;
  return {
    add(key: bigint, amount: bigint) {
      const view = new DataView(memory.buffer, memory.byteOffset);
      for (let i = 0; i < keySize; i += 8) view.setBigUint64(keyAt + i, u64(key + BigInt(i)), true);
      const result = call('group_add', [MEMORY, MEMORY + BigInt(keyAt), amount], { memory });
      memory = result.memory;
      return result;
    },
    header: () => [...new Uint32Array(memory.buffer.slice(memory.byteOffset, memory.byteOffset + 16))],
    entries() {
      const view = new DataView(memory.buffer, memory.byteOffset);
      const found = new Map<bigint, [bigint, bigint]>();
      for (let i = 0; i < capacity; i++) {
        const at = 16 + i * (16 + keySize);
        const count = view.getBigUint64(at, true);
        if (count === 0n) continue;
        const key = keySize === 0 ? 0n : view.getBigUint64(at + 16, true);
        for (let word = 8; word < keySize; word += 8) {
          if (view.getBigUint64(at + 16 + word, true) !== u64(key + BigInt(word)))
            throw new Error('a key is not whole');
        }
        found.set(key, [count, view.getBigUint64(at + 8, true)]);
      }
      return found;
    },
  };
}

t.test('group_add counts and sums by key', (t) => {
  for (const [capacity, keySize, n, spread] of [
    [64, 8, 300, 40n],
    [256, 40, 500, 200n],
    [16, 16, 100, 14n],
    [1, 0, 5, 1n],
    [2, 8, 9, 1n],
  ] as const) {
    const table = groups(capacity, keySize);
    const expected = new Map<bigint, [bigint, bigint]>();
    const next = numbers(BigInt(capacity));
    for (let i = 0; i < n; i++) {
      const key = keySize === 0 ? 0n : next() % spread;
      const amount = u64(next() << 14n);
      const result = table.add(key, amount);
      if (result.r0 !== 0n) return t.fail(`group_add gives ${BigInt.asIntN(64, result.r0)}`);
      if (result.charge < BigInt(1 + keySize / 8) || result.charge % BigInt(1 + keySize / 8)) return t.fail('charge');
      const [count, sum] = expected.get(key) ?? [0n, 0n];
      expected.set(key, [count + 1n, u64(sum + amount)]);
    }
    t.same(table.entries(), expected);
    t.same(table.header(), [capacity, expected.size, keySize, 0]);
  }
  t.end();
});

t.test('group_add: a table that is 7/8 full takes no new key, and says how many were lost', (t) => {
  const table = groups(16, 8);
  for (let key = 0n; key < 14n; key++) t.equal(table.add(key, 1n).r0, 0n);
  t.equal(table.add(14n, 1n).r0, u64(ERRNO.ENOSPC));
  t.equal(table.add(15n, 1n).r0, u64(ERRNO.ENOSPC));
  t.equal(table.add(3n, 5n).r0, 0n, 'a key that is there is still counted');
  t.same(table.header(), [16, 14, 8, 2]);
  t.same(table.entries().get(3n), [2n, 6n]);
  t.end();
});

t.test('group_add: headers that are not sane, tables without a free entry', (t) => {
  const add = (header: number[], size = 4096) => {
    const memory = bytes(size, (view) => {
      for (const [i, value] of header.entries()) view.setUint32(4 * i, value, true);
    });
    return call('group_add', [MEMORY, MEMORY, 1n], { memory }).r0;
  };
  t.equal(add([0, 0, 8]), u64(ERRNO.EINVAL), 'no capacity');
  t.equal(add([3, 0, 8]), u64(ERRNO.EINVAL), 'not a power of two');
  t.equal(add([4, 0, 7]), u64(ERRNO.EINVAL), 'key size');
  t.equal(add([4, 5, 8]), u64(ERRNO.EINVAL), 'n');
  t.equal(add([128, 0, 16]), u64(ERRNO.EFAULT), 'past the page');
  t.equal(add([0x8000_0000, 0, 0xffff_fff8]), u64(ERRNO.EFAULT), 'larger than the window');
  // Every entry is taken though n says 0: the search ends.
  const full = bytes(4096, (view) => {
    view.setUint32(0, 64, true);
    view.setUint32(8, 8, true);
    for (let i = 0; i < 64; i++) view.setBigUint64(16 + 24 * i, 1n, true);
  });
  const result = call('group_add', [MEMORY, MEMORY, 1n], { memory: full });
  t.equal(result.r0, u64(ERRNO.ENOSPC));
  t.equal(result.charge, 2n * 64n, 'each entry that was looked at is charged');
  t.end();
});

/** Each (pointer, length) pair: the arguments for a good call, and which argument is the pointer; null: the length is
 * in the header. */
const POINTERS: [name: Name, args: bigint[], pointer: number, size: bigint, writes: boolean][] = [
  ['table_open', [MEMORY, 8n, MEMORY + 64n, 416n], 0, 8n, false],
  ['table_open', [MEMORY, 8n, MEMORY + 64n, 416n], 2, 416n, true],
  ['topk_offer', [MEMORY + 8n, 1n, 1n], 0, 8n, true],
  ['pairs_sort', [MEMORY + 16n, 2n, 0n], 0, 32n, true],
  ['group_add', [MEMORY + 512n, MEMORY, 1n], 0, 16n, true],
  ['group_add', [MEMORY + 512n, MEMORY, 1n], 1, 8n, false],
];

t.test('every pointer: null, guard, hole, wrap, read-only, past the end, 64 bits', (t) => {
  const memory = bytes(4096, (view) => {
    view.setUint32(8, 4, true);
    view.setUint32(512, 4, true);
    view.setUint32(520, 8, true);
  });
  memory.set(Buffer.from('dp_flows'));
  memory.set([4, 0, 0, 0], 8);
  const options = {
    memory,
    tables: [TABLE],
    segments: [{ name: 'page', bytes: new Uint8Array(4096), writable: true }],
  };
  for (const [name, args, pointer, size, writes] of POINTERS) {
    const at = (address: bigint) => {
      const changed = [...args];
      changed[pointer] = address;
      return call(name, changed, options).r0;
    };
    t.equal(BigInt.asIntN(64, at(args[pointer]!)) >= 0n, true, `${name} ${pointer}: as it should be`);
    const faults = [
      0n,
      1n,
      0xffffn,
      0x10000n,
      0x2000_0000n,
      MEMORY - 1n,
      MEMORY - size,
      MEMORY + 4096n - size + 1n,
      MEMORY + 4096n,
      0x1_0000_0000n - size,
      0xffff_ffffn,
      0x1_0000_0000n,
      0x1_0000_0000n + args[pointer]!,
      1n << 63n,
      u64(-1n),
      u64(-size),
    ];
    for (const address of faults)
      t.equal(at(address), u64(ERRNO.EFAULT), `${name} ${pointer}: 0x${address.toString(16)}`);
    const readOnly = at(RODATA);
    t.equal(readOnly === u64(ERRNO.EFAULT), writes, `${name} ${pointer}: read-only`);
  }
  t.end();
});

t.test('lengths: 0, to the end of the page, one more, wrapping', (t) => {
  const memory = new Uint8Array(4096);
  const end = MEMORY + 4096n;
  const sort = (address: bigint, n: bigint) => call('pairs_sort', [address, n, 0n], { memory }).r0;
  t.equal(sort(end - 32n, 2n), 0n);
  t.equal(sort(end - 32n, 3n), u64(ERRNO.EFAULT));
  t.equal(sort(0n, 0n), 0n, 'nothing at null is nothing');
  t.equal(sort(u64(-1n), 0n), 0n);
  t.equal(sort(MEMORY, (0x1_0000_0000n - MEMORY) / 16n), u64(ERRNO.EFAULT));
  t.equal(sort(MEMORY, 0x1000_0000n), u64(ERRNO.EFAULT));
  const open = (nameSize: bigint) => call('table_open', [end - 8n, nameSize, MEMORY, 416n], { memory }).r0;
  t.equal(open(8n), u64(ERRNO.ENOENT));
  t.equal(open(9n), u64(ERRNO.EFAULT));
  t.equal(open(u64(-1n)), u64(ERRNO.EFAULT));
  t.equal(call('table_open', [MEMORY, 8n, MEMORY, u64(-1n)], { memory }).r0, u64(ERRNO.EFAULT));
  t.equal(call('table_open', [MEMORY, 8n, MEMORY, 4097n], { memory }).r0, u64(ERRNO.EFAULT));
  t.end();
});

t.test('r1 to r5 are 0 after a call; a call by number and through callx is the same', (t) => {
  const run = (source: string): Run =>
    Program.load({ code: assemble(source), kernelFunctions: 'ctinspector', bssSize: 64 }).start({
      args: [0x2000_0000n, 2n, 0n, 4n, 5n],
    });
  for (const how of ['call 3', 'r6 = 3\ncallx r6']) {
    using started = run(`${how}\nr0 |= r1\nr0 |= r2\nr0 |= r3\nr0 |= r4\nr0 |= r5\nexit`);
    t.match(started.step(100n), { kind: 'exited', r0: 0n, fuelUsed: 4n });
  }
  t.end();
});
