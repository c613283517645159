/** The kernel function group_entries: what it finds and adds, what it charges, and that it stays in the memory it was given. */
import t from 'tap';
import { Program } from '../lib/runner/program.js';
import { assemble } from './support/asm.js';
import { random } from './support/brute-force.js';

const ERRNO = { E2BIG: -7n, EFAULT: -14n, EINVAL: -22n, ENOSPC: -28n };
const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const MEMORY = 0x3000_0000n;
const HEADER = 40;
const MOST = 256;

const PROGRAM = Program.load({
  code: assemble('call import 0\nexit'),
  kernelFunctions: 'ctinspector',
  imports: [{ name: 'group_entries', version: 1 }],
  rodata: new Uint8Array(4096),
});

function call(memory: Uint8Array, args: bigint[]) {
  const result = PROGRAM.run({ memory, args });
  if (result.kind !== 'exited') throw new Error(result.kind);
  return { r0: result.r0, charge: result.fuelUsed, memory: result.memory };
}

interface Shape {
  readonly capacity: number;
  readonly keyWords: number;
  readonly valueWords: number;
  readonly maxSlots: number;
}

/** A table, keys and answers in a run's memory: header, keys, answers, entries, slots. */
class Groups {
  memory: Uint8Array;
  readonly keysAt = HEADER;
  readonly answersAt: number;
  readonly entriesAt: number;
  readonly slotsAt: number;

  constructor(readonly shape: Shape) {
    const { capacity, keyWords, valueWords, maxSlots } = shape;
    this.answersAt = this.keysAt + MOST * 8 * keyWords;
    this.entriesAt = this.answersAt + MOST * 8;
    this.slotsAt = this.entriesAt + capacity * 8 * (keyWords + valueWords);
    this.memory = new Uint8Array(this.slotsAt + 8 * maxSlots);
    const view = this.view;
    for (const [i, value] of [capacity, 0, 8 * keyWords, 8 * valueWords, 0, maxSlots].entries())
      view.setUint32(4 * i, value, true);
    view.setBigUint64(24, MEMORY + BigInt(this.entriesAt), true);
    view.setBigUint64(32, MEMORY + BigInt(this.slotsAt), true);
  }

  get view(): DataView {
    return new DataView(this.memory.buffer, this.memory.byteOffset);
  }

  /** Number of the entry of each key, or the error. */
  find(keys: readonly (readonly bigint[])[]): { entries: number[]; r0: bigint; charge: bigint } {
    const { view } = this;
    for (const [i, key] of keys.flat().entries()) view.setBigUint64(this.keysAt + 8 * i, key, true);
    const at = (offset: number): bigint => MEMORY + BigInt(offset);
    const { r0, charge, memory } = call(this.memory, [
      MEMORY,
      at(this.keysAt),
      BigInt(keys.length),
      at(this.answersAt),
    ]);
    this.memory = memory;
    const { keyWords, valueWords } = this.shape;
    const first = MEMORY + BigInt(this.entriesAt + 8 * keyWords);
    const entries = keys.map((_, i) =>
      Number((this.view.getBigUint64(this.answersAt + 8 * i, true) - first) / BigInt(8 * (keyWords + valueWords))),
    );
    return { entries, r0, charge };
  }

  entry(number: number): { key: bigint[]; value: bigint[] } {
    const { keyWords, valueWords } = this.shape;
    const words = Array.from({ length: keyWords + valueWords }, (_, i) =>
      this.view.getBigUint64(this.entriesAt + 8 * (number * (keyWords + valueWords) + i), true),
    );
    return { key: words.slice(0, keyWords), value: words.slice(keyWords) };
  }

  count(number: number): void {
    const { keyWords, valueWords } = this.shape;
    const at = this.entriesAt + 8 * (number * (keyWords + valueWords) + keyWords);
    this.view.setBigUint64(at, this.view.getBigUint64(at, true) + 1n, true);
  }

  get n(): number {
    return this.view.getUint32(4, true);
  }
}

const text = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

t.test('keys are found again, new ones go to the end, values stay', async (t) => {
  const rand = random(3);
  for (const [shape, spread] of [
    [{ capacity: 3000, keyWords: 1, valueWords: 1, maxSlots: 8192 }, 2500],
    [{ capacity: 5000, keyWords: 4, valueWords: 2, maxSlots: 16384 }, 5000],
    [{ capacity: 700, keyWords: 3, valueWords: 3, maxSlots: 1024 }, 700],
    [{ capacity: 60, keyWords: 2, valueWords: 1, maxSlots: 64 }, 60],
    [{ capacity: 1, keyWords: 0, valueWords: 2, maxSlots: 1 }, 1],
  ] as const) {
    const groups = new Groups(shape);
    const numbers = new Map<string, { number: number; count: bigint; key: bigint[] }>();
    let charge = 0n;
    for (let round = 0; round < 60; round++) {
      // Keys that differ in few bits, of words that are alike.
      const keys = Array.from({ length: rand(MOST + 1) }, () => {
        const n = BigInt(rand(spread));
        return Array.from({ length: shape.keyWords }, (_, word) => (word === 1 ? 0xffff_ffffn : n << BigInt(8 * word)));
      });
      const found = groups.find(keys);
      if (found.r0 !== 0n) return t.fail(`${BigInt.asIntN(64, found.r0)}`);
      charge += found.charge;
      for (const [i, key] of keys.entries()) {
        const known = numbers.get(key.join()) ?? { number: numbers.size, count: 0n, key };
        numbers.set(key.join(), { ...known, count: known.count + 1n });
        if (found.entries[i] !== known.number)
          return t.fail(`key ${key} is entry ${found.entries[i]}, not ${known.number}`);
        groups.count(known.number);
      }
    }
    t.equal(groups.n, numbers.size);
    for (const { number, count, key } of numbers.values()) {
      const value = Array.from({ length: shape.valueWords }, (_, i) => (i === 0 ? count : 0n));
      if (JSON.stringify(groups.entry(number), text) !== JSON.stringify({ key, value }, text))
        t.fail(`entry ${number}`);
    }
    t.ok(charge > 0n && numbers.size > spread * 0.8, `${numbers.size} keys, charged ${charge}`);
  }
});

t.test('what is charged', async (t) => {
  const groups = new Groups({ capacity: 400, keyWords: 2, valueWords: 1, maxSlots: 1024 });
  t.equal(groups.find([]).charge, 1n);
  t.equal(
    groups.find([[1n, 1n]]).charge,
    1n + 1n + 3n + 256n / 8n + 3n,
    'no slots yet: a new entry, 256 slots, one entry in them',
  );
  t.equal(groups.find([[1n, 1n]]).charge, 1n + 3n, 'one slot looked at');
  const many = Array.from({ length: 127 }, (_, i) => [BigInt(i + 2), 1n]);
  const before = groups.find(many).charge;
  t.ok(before >= 1n + 127n * 6n && before < 127n * 12n, `${before}: a slot or few a key`);
  const grown = groups.find([[1000n, 1n]]).charge;
  t.ok(grown >= 129n * 3n + 128n, `${grown}: 129 entries into 1024 slots`);
});

t.test('full tables, and headers that are not sane', async (t) => {
  const full = new Groups({ capacity: 3, keyWords: 1, valueWords: 1, maxSlots: 8 });
  t.equal(full.find([[1n], [2n], [3n]]).r0, 0n);
  t.equal(full.find([[2n], [4n]]).r0, u64(ERRNO.ENOSPC), 'capacity');
  t.same([full.n, full.find([[3n], [1n]]).entries], [3, [2, 0]], 'those that are there are found');
  const slots = new Groups({ capacity: 9, keyWords: 1, valueWords: 1, maxSlots: 2 });
  t.equal(slots.find([[1n], [2n]]).r0, 0n);
  t.equal(slots.find([[3n]]).r0, u64(ERRNO.ENOSPC), 'slots');
  t.same([slots.n, slots.find([[2n]]).entries], [2, [1]]);
  const shape = { capacity: 4, keyWords: 1, valueWords: 1, maxSlots: 8 };
  const spoiled = (word: number, value: number, keys = 1): bigint => {
    const groups = new Groups(shape);
    groups.view.setUint32(4 * word, value, true);
    return groups.find(Array.from({ length: keys }, () => [7n])).r0;
  };
  t.equal(spoiled(1, 5), u64(ERRNO.EINVAL), 'n above the capacity');
  t.equal(spoiled(2, 12), u64(ERRNO.EINVAL), 'key size');
  t.equal(spoiled(3, 4), u64(ERRNO.EINVAL), 'value size');
  t.equal(spoiled(4, 3), u64(ERRNO.EINVAL), 'slots in use');
  t.equal(spoiled(4, 16), u64(ERRNO.EINVAL), 'more in use than there are');
  t.equal(spoiled(5, 0), u64(ERRNO.EINVAL), 'no slots');
  t.equal(spoiled(5, 6), u64(ERRNO.EINVAL), 'no power of two');
  t.equal(spoiled(0, 0xffff_ffff), u64(ERRNO.EFAULT), 'entries past the page');
  t.equal(spoiled(2, 0xffff_fff8), u64(ERRNO.EFAULT), 'larger than the window');
  for (const word of [6, 7, 8, 9])
    t.equal(spoiled(word, word % 2 ? 1 : 0x100), u64(ERRNO.EFAULT), 'entries or slots elsewhere');
  const groups = new Groups(shape);
  const at = (offset: number): bigint => MEMORY + BigInt(offset);
  const args = [MEMORY, at(groups.keysAt), 1n, at(groups.answersAt)] as const;
  const r0 = (...changed: bigint[]): bigint => call(groups.memory, changed).r0;
  t.equal(r0(args[0], args[1], 257n, args[3]), u64(ERRNO.E2BIG));
  t.equal(r0(args[0], args[1], u64(-1n), args[3]), u64(ERRNO.E2BIG));
  const RODATA = 0x1800_0000n;
  for (const [pointer, writes] of [
    [0, true],
    [1, false],
    [3, true],
  ] as const) {
    for (const address of [
      0n,
      0x10000n,
      MEMORY - 1n,
      MEMORY + 0x10_0000n,
      0x1_0000_0000n - 1n,
      u64(-8n),
      args[pointer]! + (1n << 32n),
    ])
      t.equal(
        r0(...args.map((arg, i) => (i === pointer ? address : arg))),
        u64(ERRNO.EFAULT),
        `argument ${pointer}: ${address}`,
      );
    const readOnly = r0(...args.map((arg, i) => (i === pointer ? RODATA : arg)));
    t.equal(readOnly === u64(ERRNO.EFAULT), writes, `argument ${pointer}: read-only`);
  }
});

t.test('any memory: it ends, and writes nothing outside the table and the answers', async (t) => {
  const rand = random(9);
  let found = 0;
  for (let round = 0; round < 400; round++) {
    const groups = new Groups({ capacity: 20, keyWords: 1, valueWords: 1, maxSlots: 32 });
    const { memory, view } = groups;
    for (let at = HEADER; at < memory.length; at++) memory[at] = rand(3) === 0 ? rand(256) : 0;
    view.setUint32(4, rand(21), true);
    view.setUint32(16, [0, 1, 8, 32][rand(4)]!, true);
    // Now and then the slots lie over the entries.
    if (rand(4) === 0) view.setBigUint64(32, MEMORY + BigInt(groups.entriesAt + 8 * rand(8)), true);
    const before = memory.slice();
    const { r0, memory: after } = call(memory, [
      MEMORY,
      MEMORY + BigInt(groups.keysAt),
      BigInt(rand(40)),
      MEMORY + BigInt(groups.answersAt),
    ]);
    if (r0 === 0n) found++;
    for (let at = HEADER; at < groups.answersAt; at++)
      if (after[at] !== before[at]) return t.fail(`byte ${at} is written`);
  }
  t.ok(found > 50, `${found} of 400 found all keys`);
});
