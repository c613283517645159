/**
 * eBPF as the compiler writes it: instructions with labels and comments, then bytes (RFC 9669 section 3, 8 bytes a slot,
 * little-endian). finish() drops jumps that go nowhere, turns a jump around a jump into one, and makes long jumps where 16
 * bits do not reach. No neighbours but codegen; knows nothing of questions.
 */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
/** Bytes of a load or store. */
export type Width = 1 | 2 | 4 | 8;
export type Label = { readonly id: number };

const ALU = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
} as const;
const JUMP = { eq: 0x10, gt: 0x20, ge: 0x30, set: 0x40, ne: 0x50, lt: 0xa0, le: 0xb0 } as const;
export type AluOp = keyof typeof ALU;
export type JumpOp = keyof typeof JUMP;
const INVERSE: Partial<Record<JumpOp, JumpOp>> = { eq: 'ne', ne: 'eq', gt: 'le', le: 'gt', ge: 'lt', lt: 'ge' };

const CLASS = { ldx: 0x01, st: 0x02, stx: 0x03, alu32: 0x04, jmp: 0x05, jmp32: 0x06, alu64: 0x07 } as const;
const SIZE: Readonly<Record<Width, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const MEM = 0x60;
const SOURCE_REGISTER = 0x08;
const CALL = 0x85;
const EXIT = 0x95;
const LDDW = 0x18;
const JA = 0x05;
/** ja with a 32-bit distance (gotol). */
const JA_LONG = 0x06;
/** A call's source field: the immediate is an index into the program's imports. */
const CALL_IMPORT = 2;

interface Plain {
  readonly kind: 'plain';
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
  /** lddw: the upper half, in a second slot. */
  readonly upper?: number;
}
interface Jump {
  readonly kind: 'jump';
  readonly op: JumpOp;
  readonly is32: boolean;
  readonly dst: number;
  /** A register, or else an immediate. */
  readonly src: Register | undefined;
  readonly imm: number;
  readonly to: Label;
  long: boolean;
}
interface Goto {
  readonly kind: 'goto';
  readonly to: Label;
  long: boolean;
}
type Item = (Plain | Jump | Goto | { readonly kind: 'label'; readonly label: Label }) & { comment?: string };

const fitsSigned32 = (value: bigint): boolean => value >= -0x8000_0000n && value < 0x8000_0000n;

export interface Assembled {
  readonly code: Uint8Array;
  /** By slot. */
  readonly comments: ReadonlyMap<number, string>;
}

export class Assembler {
  private items: Item[] = [];
  private nLabels = 0;
  private pendingComment: string | undefined;

  label(): Label {
    return { id: this.nLabels++ };
  }

  bind(label: Label): void {
    this.items.push({ kind: 'label', label });
  }

  /** Said of the next instruction. */
  comment(text: string): void {
    this.pendingComment = this.pendingComment === undefined ? text : `${this.pendingComment}; ${text}`;
  }

  private push(item: Item): void {
    if (this.pendingComment !== undefined) item.comment = this.pendingComment;
    this.pendingComment = undefined;
    this.items.push(item);
  }

  private plain(opcode: number, dst: number, src = 0, offset = 0, imm = 0): void {
    this.push({ kind: 'plain', opcode, dst, src, offset, imm });
  }

  alu(op: AluOp, dst: Register, src: Register): void {
    this.plain(CLASS.alu64 | SOURCE_REGISTER | ALU[op], dst, src);
  }

  mov(dst: Register, src: Register): void {
    if (dst !== src) this.alu('mov', dst, src);
  }

  /** dst = value, in as few slots as it takes. */
  constant(dst: Register, value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    if (fitsSigned32(signed)) this.plain(CLASS.alu64 | ALU.mov, dst, 0, 0, Number(signed));
    else if (value >= 0n && value <= 0xffff_ffffn)
      this.plain(CLASS.alu32 | ALU.mov, dst, 0, 0, Number(BigInt.asIntN(32, value)));
    else {
      const imm = Number(BigInt.asIntN(32, value));
      const upper = Number(BigInt.asIntN(32, value >> 32n));
      this.push({ kind: 'plain', opcode: LDDW, dst, src: 0, offset: 0, imm, upper });
    }
  }

  /** dst = dst op value, where dst has at most `width` bits; `scratch` is used for values that do not fit an immediate. */
  aluConstant(op: AluOp, dst: Register, value: bigint, scratch: Register, width = 64): void {
    const signed = BigInt.asIntN(64, value);
    if (fitsSigned32(signed)) this.plain(CLASS.alu64 | ALU[op], dst, 0, 0, Number(signed));
    else if (width <= 32 && value >= 0n && value <= 0xffff_ffffn)
      this.plain(CLASS.alu32 | ALU[op], dst, 0, 0, Number(BigInt.asIntN(32, value)));
    else {
      this.constant(scratch, value);
      this.alu(op, dst, scratch);
    }
  }

  load(width: Width, dst: Register, base: Register, offset: number): void {
    this.plain(CLASS.ldx | MEM | SIZE[width], dst, base, offset);
  }

  store(width: Width, base: Register, offset: number, src: Register): void {
    this.plain(CLASS.stx | MEM | SIZE[width], base, src, offset);
  }

  storeConstant(width: Width, base: Register, offset: number, value: number): void {
    this.plain(CLASS.st | MEM | SIZE[width], base, 0, offset, value | 0);
  }

  jump(op: JumpOp, dst: Register, src: Register, to: Label): void {
    this.push({ kind: 'jump', op, is32: false, dst, src, imm: 0, to, long: false });
  }

  /** Unsigned comparison with a constant; `scratch` is used for values of more than 32 bits. */
  jumpConstant(op: JumpOp, dst: Register, value: bigint, to: Label, scratch: Register, width = 64): void {
    const narrow = width <= 32 && value <= 0xffff_ffffn;
    if (narrow || (value >= 0n && value < 0x8000_0000n)) {
      const imm = Number(BigInt.asIntN(32, value));
      this.push({ kind: 'jump', op, is32: narrow && value >= 0x8000_0000n, dst, src: undefined, imm, to, long: false });
    } else {
      this.constant(scratch, value);
      this.jump(op, dst, scratch, to);
    }
  }

  goto(to: Label): void {
    this.push({ kind: 'goto', to, long: false });
  }

  /** Calls import number `index`; r0 gets the result, r1..r5 are 0 after it. */
  call(index: number): void {
    this.plain(CALL, 0, CALL_IMPORT, 0, index);
  }

  exit(): void {
    this.plain(EXIT, 0);
  }

  finish(): Assembled {
    this.tidy();
    let slots = this.positions();
    while (this.lengthen(slots)) slots = this.positions();
    return this.encode(slots);
  }

  /** Where each label is among `items`. */
  private labelIndex(): Map<number, number> {
    const at = new Map<number, number>();
    for (const [i, item] of this.items.entries()) if (item.kind === 'label') at.set(item.label.id, i);
    return at;
  }

  private tidy(): void {
    while (this.threadJumps() || this.dropNeedless()) {
      // Each may make room for the other.
    }
  }

  /** A jump to a goto goes where that goes. */
  private threadJumps(): boolean {
    const at = this.labelIndex();
    let changed = false;
    const follow = (label: Label): Label => {
      let to = label;
      // A goto in a ring of gotos would be an endless loop; so many steps are never needed.
      for (let steps = 0; steps < 8; steps++) {
        let i = at.get(to.id)!;
        while (this.items[i]?.kind === 'label') i++;
        const item = this.items[i];
        if (item?.kind !== 'goto' || item.to.id === to.id) break;
        to = item.to;
      }
      return to;
    };
    this.items = this.items.map((item) => {
      if (item.kind !== 'jump' && item.kind !== 'goto') return item;
      const to = follow(item.to);
      if (to.id === item.to.id) return item;
      changed = true;
      return { ...item, to };
    });
    return changed;
  }

  /** Labels nobody jumps to, code nobody reaches, gotos to what follows, jumps around gotos. */
  private dropNeedless(): boolean {
    const used = new Set<number>();
    for (const item of this.items) if (item.kind === 'jump' || item.kind === 'goto') used.add(item.to.id);
    const before = this.items.length;
    let reachable = true;
    this.items = this.items.filter((item) => {
      if (item.kind === 'label') {
        reachable ||= used.has(item.label.id);
        return used.has(item.label.id);
      }
      const keep = reachable;
      if (item.kind === 'goto' || (item.kind === 'plain' && item.opcode === EXIT)) reachable = false;
      return keep;
    });
    const at = this.labelIndex();
    // Whether only labels lie between an item and a label after it.
    const isNext = (i: number, label: Label): boolean => {
      let j = i + 1;
      while (this.items[j]?.kind === 'label') j++;
      const target = at.get(label.id)!;
      return target > i && target < j;
    };
    const kept: Item[] = [];
    for (let i = 0; i < this.items.length; i++) {
      const item = this.items[i]!;
      const next = this.items[i + 1];
      const inverse = item.kind === 'jump' ? INVERSE[item.op] : undefined;
      if ((item.kind === 'goto' || item.kind === 'jump') && isNext(i, item.to)) continue;
      if (item.kind === 'jump' && inverse && next?.kind === 'goto' && isNext(i + 1, item.to)) {
        kept.push({ ...item, op: inverse, to: next.to });
        i++;
      } else kept.push(item);
    }
    this.items = kept;
    return kept.length !== before;
  }

  private static size(item: Item): number {
    if (item.kind === 'label') return 0;
    if (item.kind === 'jump') return item.long ? 3 : 1;
    return item.kind === 'plain' && item.upper !== undefined ? 2 : 1;
  }

  /** Slot of each item; of a label, that of what follows. */
  private positions(): number[] {
    let slot = 0;
    return this.items.map((item) => {
      const at = slot;
      slot += Assembler.size(item);
      return at;
    });
  }

  private lengthen(slots: readonly number[]): boolean {
    const at = this.labelIndex();
    let changed = false;
    for (const [i, item] of this.items.entries()) {
      if ((item.kind !== 'jump' && item.kind !== 'goto') || item.long) continue;
      const distance = slots[at.get(item.to.id)!]! - slots[i]! - 1;
      if (distance < -0x8000 || distance > 0x7fff) {
        item.long = true;
        changed = true;
      }
    }
    return changed;
  }

  private encode(slots: readonly number[]): Assembled {
    const at = this.labelIndex();
    const last = this.items.length - 1;
    const nSlots = slots[last]! + Assembler.size(this.items[last]!);
    const code = new Uint8Array(nSlots * 8);
    const view = new DataView(code.buffer);
    const comments = new Map<number, string>();
    const put = (slot: number, opcode: number, dst: number, src: number, offset: number, imm: number): void => {
      view.setUint8(slot * 8, opcode);
      view.setUint8(slot * 8 + 1, (src << 4) | dst);
      view.setInt16(slot * 8 + 2, offset, true);
      view.setInt32(slot * 8 + 4, imm, true);
    };
    for (const [i, item] of this.items.entries()) {
      const slot = slots[i]!;
      if (item.comment !== undefined) comments.set(slot, item.comment);
      if (item.kind === 'plain') {
        put(slot, item.opcode, item.dst, item.src, item.offset, item.imm);
        if (item.upper !== undefined) put(slot + 1, 0, 0, 0, 0, item.upper);
      } else if (item.kind === 'goto') {
        const distance = slots[at.get(item.to.id)!]! - slot - 1;
        if (item.long) put(slot, JA_LONG, 0, 0, 0, distance);
        else put(slot, JA, 0, 0, distance, 0);
      } else if (item.kind === 'jump') {
        const target = slots[at.get(item.to.id)!]!;
        const opcode =
          JUMP[item.op] | (item.is32 ? CLASS.jmp32 : CLASS.jmp) | (item.src === undefined ? 0 : SOURCE_REGISTER);
        // Long: over the next slot to a gotol, which is skipped if the condition does not hold.
        put(slot, opcode, item.dst, item.src ?? 0, item.long ? 1 : target - slot - 1, item.imm);
        if (item.long) {
          put(slot + 1, JA, 0, 0, 1, 0);
          put(slot + 2, JA_LONG, 0, 0, 0, target - slot - 3);
        }
      }
    }
    return { code, comments };
  }
}
