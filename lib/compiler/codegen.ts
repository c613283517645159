/**
 * Last pass: plan -> eBPF. The program opens the table, runs the plan's loops, and leaves the answer in its bss: HEADER's
 * counters (memory.ts) and the list of the rows that are left, or the groups. It returns 0, or -errno of a kernel function.
 */
import { KERNEL_FUNCTIONS } from '../generated/kernel-functions.js';
import type { ProgramImport, ProgramSpec } from '../program-spec.js';
import type { TableSchema } from '../table-schema.js';
import { Assembler, type Label, type Register } from './assembler.js';
import { type Emit, loadOrder, loadSegment } from './codegen-columns.js';
import type { Overflow } from './codegen-feeds.js';
import { FilterCode } from './codegen-filter.js';
import { GroupCode } from './codegen-groups.js';
import { TestCode } from './codegen-tests.js';
import type { Column } from './columns.js';
import type { Dictionaries } from './dictionaries.js';
import type { GroupLayout } from './groups.js';
import { HEADER, Memory, TABLE_SIZE } from './memory.js';
import type { Loop, Plan, PlanStep, Sink } from './plan.js';
import { describeStep } from './plan-text.js';

type Import = keyof (typeof KERNEL_FUNCTIONS)['ctinspector'];

/** Where the caller finds the answer. */
export interface ProgramLayout {
  /** u32 numbers of rows, or of groups; HEADER.listSize of them. */
  readonly list: number;
  /** u64 counters of rows that do not look at a field and could carry what was asked, by column name. */
  readonly carryCounters: ReadonlyMap<string, number>;
  /** u64 counters of rows that were left out of an aggregate because they have no one value, by the aggregate. */
  readonly leftOutCounters: ReadonlyMap<string, number>;
  /** Of a plan whose stages are apart: u64 pairs {ns, rows left} after opening the table and after each step. */
  readonly measures?: number;
  /** What HEADER.overflow can mean. */
  readonly overflows: readonly Overflow[];
  /** The groups the list refers to, if the answer is groups: the address of the first. */
  readonly groups?: { readonly entries: number; readonly layout: GroupLayout };
}

export interface Compiled {
  readonly spec: ProgramSpec;
  readonly layout: ProgramLayout;
  /** What each part is for, by slot. */
  readonly comments: ReadonlyMap<number, string>;
}

export interface CodegenInput {
  readonly source: string;
  readonly schema: TableSchema;
  readonly dictionaries: Dictionaries;
  /** The table has at most as many rows. */
  readonly nRows: number;
}

/** -EFBIG: the table has more rows than the program was made for. */
const TOO_MANY_ROWS = -27n;

class Generator {
  private readonly asm = new Assembler();
  private readonly memory = new Memory();
  private readonly imports: ProgramImport[] = [];
  private readonly emit: Emit;
  private readonly exit: Label;
  private readonly groups = new Map<number, GroupCode>();
  private readonly carryCounters = new Map<string, number>();
  private readonly leftOutCounters = new Map<string, number>();
  private readonly overflows: Overflow[] = [];
  /** Most rows a list can have. */
  private readonly maxRows: number;
  private readonly list: number;
  private readonly measures: number | undefined;
  private pairs: number | undefined;
  private rest: number | undefined;

  constructor(
    private readonly input: CodegenInput,
    private readonly plan: Plan,
  ) {
    const { asm, memory } = this;
    const table = memory.bss(TABLE_SIZE, 'the table');
    this.emit = { asm, memory, schema: input.schema, dictionaries: input.dictionaries, table };
    this.exit = asm.label();
    // Without keys there is a group also where there are no rows.
    this.maxRows = Math.max(1, input.nRows);
    this.list = memory.bss(4 * this.maxRows, 'the list of rows');
    this.measures = plan.stages && memory.bss(16 * (plan.steps.length + 1), 'measures');
  }

  generate(): Compiled {
    const { asm } = this;
    this.openTable();
    this.measure(0);
    for (const [i, step] of this.plan.steps.entries()) {
      this.step(step, i);
      this.measure(i + 1, step);
    }
    asm.comment('done');
    asm.constant(0, 0n);
    asm.bind(this.exit);
    asm.exit();
    const { code, comments } = asm.finish();
    const { rodata, bssSize } = this.memory.sizes;
    const { result } = this.plan;
    const groups =
      result.kind === 'groups' && result.source.kind === 'groups' ? this.groups.get(result.source.loop) : undefined;
    return {
      spec: { code, kernelFunctions: 'ctinspector', imports: this.imports, rodata, bssSize },
      layout: {
        list: this.list,
        carryCounters: this.carryCounters,
        leftOutCounters: this.leftOutCounters,
        overflows: this.overflows,
        ...(this.measures !== undefined && { measures: this.measures }),
        ...(groups && { groups: { entries: groups.entries, layout: groups.layout } }),
      },
      comments,
    };
  }

  private call(name: Import): void {
    let index = this.imports.findIndex((item) => item.name === name);
    if (index < 0) index = this.imports.push({ name, version: KERNEL_FUNCTIONS.ctinspector[name].version }) - 1;
    this.asm.comment(name);
    this.asm.call(index);
  }

  private openTable(): void {
    const { asm, memory, input } = this;
    const name = new TextEncoder().encode(input.schema.name);
    asm.comment(`open ${input.schema.name}`);
    asm.constant(1, BigInt(memory.rodata(name)));
    asm.constant(2, BigInt(name.length));
    asm.constant(3, BigInt(this.emit.table));
    asm.constant(4, BigInt(TABLE_SIZE));
    this.call('table_open');
    asm.jumpConstant('ne', 0, 0n, this.exit, 1);
    asm.constant(1, BigInt(this.emit.table));
    asm.load(8, 1, 1, 0);
    asm.constant(0, TOO_MANY_ROWS);
    asm.jumpConstant('gt', 1, BigInt(input.nRows), this.exit, 2);
  }

  /** When a step has ended, and what it left. */
  private measure(index: number, step?: PlanStep): void {
    if (this.measures === undefined) return;
    const { asm } = this;
    const at = BigInt(this.measures + 16 * index);
    asm.comment('measure');
    const sink = step && 'sink' in step ? step.sink.kind : 'list';
    if (sink === 'group') this.groups.get(index - 1)!.loadSize(9);
    else if (sink === 'count') asm.constant(9, 1n);
    else {
      asm.constant(9, BigInt(HEADER.listSize));
      asm.load(8, 9, 9, 0);
    }
    asm.constant(1, at);
    asm.store(8, 1, 8, 9);
    asm.constant(1, 1n); // CLOCK_MONOTONIC
    this.call('time_now');
    asm.constant(1, at);
    asm.store(8, 1, 0, 0);
  }

  private step(step: PlanStep, index: number): void {
    this.asm.comment(`-- ${describeStep(step, this.input.source)}`);
    if ('sink' in step) {
      new LoopCode(this, step, index).generate();
      return;
    }
    const { asm } = this;
    const short = asm.label();
    asm.constant(1, BigInt(HEADER.listSize));
    asm.load(8, 2, 1, 0);
    asm.jumpConstant('le', 2, BigInt(step.truncate), short, 3);
    asm.constant(2, BigInt(step.truncate));
    asm.store(8, 1, 0, 2);
    asm.bind(short);
  }

  // What loops use.

  get parts(): { emit: Emit; input: CodegenInput; exit: Label; list: number; maxRows: number } {
    const { emit, input, exit, list, maxRows } = this;
    return { emit, input, exit, list, maxRows };
  }

  import(name: Import): void {
    this.call(name);
  }

  private counter(counters: Map<string, number>, name: string): number {
    const counter = counters.get(name) ?? this.memory.bss(8, 'a counter');
    counters.set(name, counter);
    return counter;
  }

  carryCounter(field: string): number {
    return this.counter(this.carryCounters, field);
  }

  sortRegions(): { pairs: number; rest: number } {
    this.pairs ??= this.memory.bss(16 * this.maxRows, 'sorting');
    this.rest ??= this.memory.bss(4 * this.maxRows, 'sorting');
    return { pairs: this.pairs, rest: this.rest };
  }

  addGroups(loop: number, layout: GroupLayout): GroupCode {
    const host = {
      maxGroups: this.maxRows,
      exit: this.exit,
      overflows: this.overflows,
      import: (name: Import) => this.call(name),
      leftOut: (text: string) => this.counter(this.leftOutCounters, text),
    };
    const groups = new GroupCode(this.emit, host, layout);
    this.groups.set(loop, groups);
    return groups;
  }

  /** The groups that loop number `loop` makes. */
  groupsOf(loop: number): GroupCode {
    return this.groups.get(loop)!;
  }
}

/** One loop: the walk, the filter, the sink, and what makes a list of what the sink kept. */
class LoopCode {
  private readonly emit: Emit;
  private readonly asm: Assembler;
  /** To the next row; out of the loop early; after it. */
  private readonly next: Label;
  private readonly stop: Label;
  private readonly done: Label;

  constructor(
    private readonly generator: Generator,
    private readonly loop: Loop,
    private readonly index: number,
  ) {
    this.emit = generator.parts.emit;
    this.asm = this.emit.asm;
    this.next = this.asm.label();
    this.stop = this.asm.label();
    this.done = this.asm.label();
  }

  generate(): void {
    const { asm, loop } = this;
    const finish = this.prepare(loop.sink);
    const filter = new FilterCode(this.emit, loop.filter, {
      source: this.generator.parts.input.source,
      carries: loop.source.kind === 'table',
      carryCounter: (field) => this.generator.carryCounter(field),
    });
    const top = asm.label();
    const pass = asm.label();
    const cold = asm.label();
    this.start();
    if (loop.over === 'list' && loop.sink.kind === 'list') this.clear(HEADER.listSize);
    asm.bind(top);
    this.row();
    filter.hot(pass, this.next, cold);
    asm.bind(pass);
    this.sink(loop.sink);
    asm.bind(this.next);
    this.advance(top);
    asm.goto(this.done);
    filter.cold(cold, this.next);
    if (loop.sink.kind === 'group') this.generator.groupsOf(this.index).cold();
    asm.bind(this.stop);
    asm.aluConstant('add', 8, 1n, 1);
    asm.bind(this.done);
    if (loop.source.kind === 'table' && loop.over === 'all') this.storeAt(HEADER.scanned, 8);
    finish();
  }

  /** r8 = 0, r9 = how many, and the first record, if rows are walked in order. */
  private start(): void {
    const { asm, emit, loop } = this;
    const { source } = loop;
    if (loop.over === 'list') this.loadFrom(HEADER.listSize, 9);
    else if (source.kind === 'table') {
      this.loadFrom(emit.table, 9);
      loadSegment(emit, 6, this.rowsSegment.name);
      if (this.matchSegment) loadSegment(emit, 7, this.matchSegment.name);
    } else {
      const groups = this.generator.groupsOf(source.loop);
      groups.loadSize(9);
      asm.constant(6, BigInt(groups.entries));
    }
    asm.constant(8, 0n);
    asm.comment('for each row');
    asm.jumpConstant('eq', 9, 0n, this.done, 1);
  }

  /** Brings the record pointers to the row at r8. */
  private row(): void {
    const { asm, emit, loop } = this;
    const { source } = loop;
    if (loop.over === 'all') return;
    this.rowNumber(6);
    if (source.kind === 'groups') {
      const { entries, layout } = this.generator.groupsOf(source.loop);
      asm.aluConstant('mul', 6, BigInt(layout.entrySize), 1);
      asm.aluConstant('add', 6, BigInt(entries), 1);
      return;
    }
    asm.mov(7, 6);
    for (const [register, segment] of [
      [6, this.rowsSegment],
      [7, this.matchSegment],
    ] as const) {
      if (!segment) continue;
      asm.aluConstant('mul', register, BigInt(segment.stride), 1);
      loadSegment(emit, 1, segment.name);
      asm.alu('add', register, 1);
    }
  }

  private advance(top: Label): void {
    const { asm, loop } = this;
    if (loop.over === 'all') {
      const { source } = loop;
      if (source.kind === 'table') {
        asm.aluConstant('add', 6, BigInt(this.rowsSegment.stride), 1);
        if (this.matchSegment) asm.aluConstant('add', 7, BigInt(this.matchSegment.stride), 1);
      } else asm.aluConstant('add', 6, BigInt(source.layout.entrySize), 1);
    }
    asm.aluConstant('add', 8, 1n, 1);
    asm.jump('lt', 8, 9, top);
  }

  /** The first segment of a table is what every row has; the second too, if it is the match. */
  private get rowsSegment() {
    return this.emit.schema.segments[0]!;
  }

  private get matchSegment() {
    return this.emit.schema.segments.find((segment) => segment.per === 'row' && segment.masked);
  }

  /** The current row's number into `dst`, another than r8. */
  private rowNumber(dst: Register): void {
    const { asm, loop } = this;
    asm.mov(dst, 8);
    if (loop.over === 'all') return;
    asm.aluConstant('lsh', dst, 2n, 1);
    asm.aluConstant('add', dst, BigInt(this.generator.parts.list), 1);
    asm.load(4, dst, dst, 0);
  }

  /** Room and initial values of a sink; the result emits what follows the loop. */
  private prepare(sink: Sink): () => void {
    const { asm } = this;
    const { maxRows } = this.generator.parts;
    switch (sink.kind) {
      case 'list':
      case 'count':
        this.clear(sink.kind === 'list' && this.loop.over === 'all' ? HEADER.listSize : undefined);
        return () => {};
      case 'top': {
        const capacity = Math.max(1, Math.min(sink.n, maxRows));
        this.top = this.emit.memory.bss(8 + 16 * capacity, 'top');
        this.clear(HEADER.threshold);
        asm.constant(1, BigInt(this.top));
        asm.storeConstant(4, 1, 0, capacity);
        return () => this.finishTop();
      }
      case 'sort':
        this.clear(HEADER.nPairs);
        this.clear(HEADER.nRest);
        return () => this.finishSort(sink.descending);
      case 'group': {
        const groups = this.generator.addGroups(this.index, sink.layout);
        return () => groups.finish(this.next);
      }
    }
  }

  private top = 0;

  private sink(sink: Sink): void {
    const { asm } = this;
    switch (sink.kind) {
      case 'list': {
        this.append(HEADER.listSize, this.generator.parts.list);
        if (sink.limit !== undefined) asm.jumpConstant('ge', 2, BigInt(sink.limit), this.stop, 1);
        return;
      }
      case 'count':
        this.loadFrom(HEADER.count, 2);
        asm.aluConstant('add', 2, 1n, 1);
        this.storeAt(HEADER.count, 2);
        return;
      case 'top':
        this.offer(sink);
        return;
      case 'sort':
        this.addPair(sink.key);
        return;
      case 'group':
        this.generator.groupsOf(this.index).take(this.next);
    }
  }

  /** list[counter++] = the row's number; r2 = the new count. */
  private append(counter: number, list: number): void {
    const { asm } = this;
    this.rowNumber(4);
    asm.constant(1, BigInt(counter));
    asm.load(8, 2, 1, 0);
    asm.mov(3, 2);
    asm.aluConstant('lsh', 3, 2n, 0);
    asm.aluConstant('add', 3, BigInt(list), 0);
    asm.store(4, 3, 0, 4);
    asm.aluConstant('add', 2, 1n, 0);
    asm.store(8, 1, 0, 2);
  }

  private requires(column: Column): (absent: Label) => void {
    return (absent) => new TestCode(this.emit, []).requires(column.requires, absent);
  }

  private offer({ key, largest }: Extract<Sink, { kind: 'top' }>): void {
    const { asm } = this;
    const none = asm.label();
    asm.comment(key.name);
    loadOrder(this.emit, key, none, this.requires(key));
    if (!largest) asm.aluConstant('xor', 2, -1n, 1);
    this.loadFrom(HEADER.threshold, 1);
    asm.comment('too small to matter');
    asm.jump('lt', 2, 1, this.next);
    this.rowNumber(3);
    // rowNumber may have used r1.
    asm.constant(1, BigInt(this.top));
    this.generator.import('topk_offer');
    this.storeAt(HEADER.threshold, 0);
    asm.goto(this.next);
    asm.bind(none);
    this.loadFrom(HEADER.noValue, 2);
    asm.aluConstant('add', 2, 1n, 1);
    this.storeAt(HEADER.noValue, 2);
  }

  private finishTop(): void {
    const { asm } = this;
    asm.comment('what is kept, in order');
    asm.constant(1, BigInt(this.top + 8));
    this.loadFrom(this.top + 4, 2, 4);
    asm.constant(3, 1n);
    this.generator.import('pairs_sort');
    asm.jumpConstant('ne', 0, 0n, this.generator.parts.exit, 1);
    this.loadFrom(this.top + 4, 9, 4);
    this.copyValues(this.top + 8);
  }

  private addPair(key: Column): void {
    const { asm } = this;
    const { pairs, rest } = this.generator.sortRegions();
    const none = asm.label();
    asm.comment(key.name);
    loadOrder(this.emit, key, none, this.requires(key));
    this.rowNumber(4);
    asm.constant(1, BigInt(HEADER.nPairs));
    asm.load(8, 3, 1, 0);
    asm.mov(0, 3);
    asm.aluConstant('add', 3, 1n, 0);
    asm.store(8, 1, 0, 3);
    asm.aluConstant('lsh', 0, 4n, 1);
    asm.aluConstant('add', 0, BigInt(pairs), 1);
    asm.store(8, 0, 0, 2);
    asm.store(8, 0, 8, 4);
    asm.goto(this.next);
    asm.bind(none);
    asm.comment('no value: after the others');
    this.append(HEADER.nRest, rest);
  }

  private finishSort(descending: boolean): void {
    const { asm } = this;
    const { pairs, rest } = this.generator.sortRegions();
    const { list } = this.generator.parts;
    asm.constant(1, BigInt(pairs));
    this.loadFrom(HEADER.nPairs, 2);
    asm.constant(3, descending ? 1n : 0n);
    this.generator.import('pairs_sort');
    asm.jumpConstant('ne', 0, 0n, this.generator.parts.exit, 1);
    this.loadFrom(HEADER.nPairs, 9);
    this.copyValues(pairs);
    asm.comment('then those without a value');
    this.loadFrom(HEADER.nRest, 9);
    asm.constant(3, BigInt(list));
    this.loadFrom(HEADER.listSize, 4);
    asm.mov(1, 4);
    asm.alu('add', 1, 9);
    this.storeAt(HEADER.listSize, 1, 0);
    asm.aluConstant('lsh', 4, 2n, 1);
    asm.alu('add', 3, 4);
    this.copy(rest, 4, 4);
  }

  /** list = the values of r9 pairs at `pairs`. Values are row numbers, and fit 32 bits. */
  private copyValues(pairs: number): void {
    this.storeAt(HEADER.listSize, 9);
    this.asm.constant(3, BigInt(this.generator.parts.list));
    this.copy(pairs + 8, 16, 8);
  }

  /** r9 numbers of `width` bytes, `stride` apart, from `from` to the u32s at r3. */
  private copy(from: number, stride: number, width: 4 | 8): void {
    const { asm } = this;
    const top = asm.label();
    const end = asm.label();
    asm.constant(2, BigInt(from));
    asm.jumpConstant('eq', 9, 0n, end, 1);
    asm.bind(top);
    asm.load(width, 1, 2, 0);
    asm.store(4, 3, 0, 1);
    asm.aluConstant('add', 2, BigInt(stride), 1);
    asm.aluConstant('add', 3, 4n, 1);
    asm.aluConstant('sub', 9, 1n, 1);
    asm.jumpConstant('ne', 9, 0n, top, 1);
    asm.bind(end);
  }

  // One word of memory at a constant address.

  private loadFrom(address: number, dst: Register, width: 4 | 8 = 8): void {
    this.asm.constant(dst, BigInt(address));
    this.asm.load(width, dst, dst, 0);
  }

  private storeAt(address: number, src: Register, scratch: Register = src === 1 ? 2 : 1): void {
    this.asm.constant(scratch, BigInt(address));
    this.asm.store(8, scratch, 0, src);
  }

  private clear(address: number | undefined): void {
    if (address === undefined) return;
    this.asm.constant(1, BigInt(address));
    this.asm.storeConstant(8, 1, 0, 0);
  }
}

export const generate = (plan: Plan, input: CodegenInput): Compiled => new Generator(input, plan).generate();
