/**
 * Set `upstream`, as far as nodes answer it (schema/kernel-functions/upstream.yaml): the original's migrate_to, clone_to, fork_to, fork_return
 * and fork_join, with its structs and its values: -1 is failure, whatever the reason.
 *
 *   struct ub_address     u64 access_key | u8 url[24]: IPv4, port (big-endian)            32 bytes
 *   struct remote_thread  struct ub_address target_node | u64 id | u64 result              48 bytes
 */
import type { KernelCall, KernelFunctions, Verdict } from '../scheduler/kernel-call.js';
import { ubUrl } from '../transport/url.js';
import type { SlotRef } from './book.js';
import { DEFAULT_DEADLINE_NS } from './functions.js';
import { childId } from './ids.js';
import { MAX_SLOTS } from './meeting.js';
import type { ChildPlan, Node } from './node.js';

const FAILED = (1n << 64n) - 1n;
const ADDRESS_SIZE = 32;
const ADDRESS_URL_AT = 8;
const THREAD_SIZE = 48;
const THREAD_ID_AT = 32;
const THREAD_RESULT_AT = 40;
/** Hex digits of a thread's id: the beginning of its image's id. */
const ID_DIGITS = 16;

const value = (r0: bigint): Verdict => ({ kind: 'value', r0 });

/** How many entries the call names; undefined if they are none, too many, or a negative number. */
function countOf(call: KernelCall): number | undefined {
  const n = call.args[1] ?? 0n;
  return n < 1n || n > BigInt(MAX_SLOTS) ? undefined : Number(n);
}

/** The node that the struct ub_address at `at` names; null: it cannot be one. */
function nodeAt(node: Node, bytes: Uint8Array, at: number): string | null {
  try {
    return node.resolve(ubUrl(bytes.subarray(at + ADDRESS_URL_AT, at + ADDRESS_SIZE)));
  } catch {
    return null;
  }
}

async function migrate(node: Node, call: KernelCall): Promise<Verdict> {
  const to = nodeAt(node, call.input(0), 0);
  if (to === null) return value(FAILED);
  const moved = await node.move(call, to, FAILED);
  if (moved.kind === 'gone') return moved;
  return value(moved.kind === 'stays' ? 0n : FAILED);
}

/** In a clone its index; in the original how many were reached. */
async function clone(node: Node, call: KernelCall): Promise<Verdict> {
  const n = countOf(call);
  if (n === undefined) return value(FAILED);
  const list = call.input(0);
  const plans: ChildPlan[] = [];
  for (let i = 0; i < n; i++) {
    const to = nodeAt(node, list, i * ADDRESS_SIZE);
    // An address that is none fails by itself; the others keep their indexes.
    if (to !== null) plans.push({ to: to === node.url ? undefined : to, answer: { r0: BigInt(i), outputs: [] } });
  }
  if (plans.length === 0) return value(0n);
  const made = await node.fork(call, plans, false);
  return value(made.kind === 'forked' ? BigInt(made.reached.filter(Boolean).length) : FAILED);
}

/** In a thread its index; in the parent n, with the threads' ids in the list. */
async function fork(node: Node, call: KernelCall): Promise<Verdict> {
  const n = countOf(call);
  if (n === undefined) return value(FAILED);
  const list = call.input(0).slice();
  const view = new DataView(list.buffer);
  const places: string[] = [];
  for (let i = 0; i < n; i++) {
    const to = nodeAt(node, list, i * THREAD_SIZE);
    if (to === null) return value(FAILED);
    places.push(to);
    view.setBigUint64(i * THREAD_SIZE + THREAD_ID_AT, BigInt(`0x${childId(call.id, i).slice(0, ID_DIGITS)}`), true);
    view.setBigUint64(i * THREAD_SIZE + THREAD_RESULT_AT, 0n, true);
  }
  const outputs = [{ arg: 0, bytes: list }];
  const plans = places.map((to, i) => ({ to: to === node.url ? undefined : to, answer: { r0: BigInt(i), outputs } }));
  const made = await node.fork(call, plans, true);
  return made.kind === 'forked' ? { kind: 'value', r0: BigInt(n), outputs } : value(FAILED);
}

/** Waits for the threads of the list and writes their results; 0: all arrived, else -1, and those that did not have result -1. */
async function join(node: Node, call: KernelCall): Promise<Verdict> {
  const n = countOf(call);
  if (n === undefined) return value(FAILED);
  const list = call.input(0).slice();
  const view = new DataView(list.buffer);
  const refs: SlotRef[] = [];
  for (let i = 0; i < n; i++) {
    const id = view
      .getBigUint64(i * THREAD_SIZE + THREAD_ID_AT, true)
      .toString(16)
      .padStart(ID_DIGITS, '0');
    const ref = node.book.findChild(call.task.id, id);
    if (!ref) return value(FAILED);
    refs.push(ref);
  }
  call.waitsFor({ kind: 'meeting', id: refs[0]!.meeting });
  const ends = await node.book.join(
    call.task.id,
    refs,
    { kind: 'all' },
    Number(DEFAULT_DEADLINE_NS) / 1e6,
    call.signal,
  );
  if (!ends) return value(FAILED);
  ends.forEach((end, i) => {
    view.setBigUint64(i * THREAD_SIZE + THREAD_RESULT_AT, end?.kind === 'arrived' ? end.result : FAILED, true);
  });
  const all = ends.every((end) => end?.kind === 'arrived');
  return { kind: 'value', r0: all ? 0n : FAILED, outputs: [{ arg: 0, bytes: list }] };
}

export function upstreamFunctions(node: Node): KernelFunctions {
  return {
    migrate_to: (call) => migrate(node, call),
    clone_to: (call) => clone(node, call),
    fork_to: (call) => fork(node, call),
    fork_return: (call) => ({ kind: 'end', r0: call.args[0] ?? 0n }),
    fork_join: (call) => join(node, call),
  };
}
