/** schema/kernel-functions/meeting.yaml: fork, meetings, migration, as programs of set ctinspector call them. */
import { type ErrnoName, errno } from '../errno.js';
import type { KernelCall, KernelFunctions, Verdict } from '../scheduler/kernel-call.js';
import type { SlotRef } from './book.js';
import { FAILURES, MAX_SLOTS, type SlotEnd } from './meeting.js';
import type { Refusal } from './messages.js';
import type { Forked, Node, NotDone } from './node.js';

export const DEFAULT_DEADLINE_NS = 30_000_000_000n;
/** No join waits longer. */
const MAX_DEADLINE_NS = 3_600_000_000_000n;
const NS_PER_MS = 1_000_000;
const ROSTER_ENTRY_SIZE = 16;
/** Beside `enum cti_slot`: 0 is open. */
const SLOT_STATES = { arrived: 1, failed: 2, lost: 3 } as const;

const REFUSED: Readonly<Record<Refusal, ErrnoName>> = {
  malformed: 'EPROTO',
  old_epoch: 'ESTALE',
  no_room: 'EAGAIN',
  hops: 'ELOOP',
  image: 'EOPNOTSUPP',
  aborted: 'ECANCELED',
  no_transfer: 'ECANCELED',
  owned: 'ECANCELED',
  slot: 'ECANCELED',
};

/** -errno of what was not done. */
function failure(what: NotDone): Verdict {
  const name: ErrnoName = {
    url: 'EINVAL',
    hops: 'ELOOP',
    budget: 'EAGAIN',
    confined: 'EPERM',
    meetings: 'ENOSPC',
    failed: what.kind === 'failed' ? (REFUSED[what.code as Refusal] ?? 'EHOSTUNREACH') : 'EHOSTUNREACH',
  }[what.kind] as ErrnoName;
  return { kind: 'value', r0: errno(name) };
}

const fails = (name: ErrnoName): Verdict => ({ kind: 'value', r0: errno(name) });

const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** The nodes that a list names, one a line or with blanks between; undefined if one cannot be routed or they are too many or none. */
function nodesOf(node: Node, bytes: Uint8Array): string[] | undefined {
  const urls = textOf(bytes)
    .split(/[\s\0]+/)
    .filter((url) => url !== '');
  if (urls.length < 1 || urls.length > MAX_SLOTS) return undefined;
  try {
    return urls.map((url) => node.resolve(url));
  } catch {
    return undefined;
  }
}

/** The slots as `struct cti_slot` has them. */
function encodeRoster(ends: readonly (SlotEnd | undefined)[]): Uint8Array {
  const roster = new Uint8Array(ROSTER_ENTRY_SIZE * ends.length);
  const view = new DataView(roster.buffer);
  ends.forEach((end, i) => {
    if (!end) return;
    view.setUint32(ROSTER_ENTRY_SIZE * i, SLOT_STATES[end.kind], true);
    if (end.kind === 'failed') view.setUint32(ROSTER_ENTRY_SIZE * i + 4, FAILURES.indexOf(end.reason) + 1, true);
    if (end.kind === 'arrived') view.setBigUint64(ROSTER_ENTRY_SIZE * i + 8, end.result, true);
  });
  return roster;
}

/** Forks at these places (undefined: here); the parent and each child get the meeting's id at argument `arg`. */
async function forkWithMeeting(
  node: Node,
  call: KernelCall,
  places: readonly (string | undefined)[],
  arg: number,
): Promise<Verdict> {
  const outputs = [{ arg, bytes: Buffer.from(node.meetingOf(call), 'hex') }];
  const plans = places.map((to, i) => ({ to, answer: { r0: BigInt(i + 1), outputs } }));
  const made = await node.fork(call, plans, true);
  return made.kind === 'forked' ? { kind: 'value', r0: 0n, outputs } : failure(made);
}

async function join(node: Node, call: KernelCall): Promise<Verdict> {
  const [, , size = 0n, quorum = 0n, deadline = 0n] = call.args;
  const id = Buffer.from(call.input(0)).toString('hex');
  const meeting = node.book.find(call.task.id, id);
  if (!meeting) return fails('ENOENT');
  const n = meeting.slots.length;
  if (size < BigInt(ROSTER_ENTRY_SIZE * n) || quorum > BigInt(n) || deadline > MAX_DEADLINE_NS) return fails('EINVAL');
  const refs: SlotRef[] = meeting.slots.map((_, slot) => ({ meeting: id, slot }));
  call.waitsFor({ kind: 'meeting', id });
  const ends = await node.book.join(
    call.task.id,
    refs,
    quorum === 0n ? { kind: 'all' } : { kind: 'quorum', arrived: Number(quorum) },
    Number(deadline === 0n ? DEFAULT_DEADLINE_NS : deadline) / NS_PER_MS,
    call.signal,
  );
  if (!ends) return fails('ENOENT');
  const arrived = ends.filter((end) => end?.kind === 'arrived').length;
  return { kind: 'value', r0: BigInt(arrived), outputs: [{ arg: 1, bytes: encodeRoster(ends) }] };
}

async function clone(node: Node, call: KernelCall): Promise<Verdict> {
  const urls = nodesOf(node, call.input(0));
  if (!urls) return fails('EINVAL');
  const nothing = { arg: 2, bytes: new Uint8Array(8) };
  const plans = urls.map((to, i) => ({
    to: to === node.url ? undefined : to,
    answer: { r0: BigInt(i + 1), outputs: [nothing] },
  }));
  const made: Forked | NotDone = await node.fork(call, plans, false);
  if (made.kind !== 'forked') return failure(made);
  const reached = new Uint8Array(8);
  const bits = made.reached.reduce((sum, is, i) => (is ? sum | (1n << BigInt(i)) : sum), 0n);
  new DataView(reached.buffer).setBigUint64(0, bits, true);
  return { kind: 'value', r0: 0n, outputs: [{ arg: 2, bytes: reached }] };
}

export function meetingFunctions(node: Node): KernelFunctions {
  return {
    fork: (call) => {
      const n = call.args[0] ?? 0n;
      if (n < 1n || n > BigInt(MAX_SLOTS)) return fails('EINVAL');
      return forkWithMeeting(
        node,
        call,
        Array.from({ length: Number(n) }, () => undefined),
        1,
      );
    },
    fork_to: (call) => {
      const urls = nodesOf(node, call.input(0));
      if (!urls) return fails('EINVAL');
      return forkWithMeeting(
        node,
        call,
        urls.map((url) => (url === node.url ? undefined : url)),
        2,
      );
    },
    fork_return: (call) => ({ kind: 'end', r0: call.args[0] ?? 0n }),
    join_meeting: (call) => join(node, call),
    migrate_to: async (call) => {
      const moved = await node.move(call, textOf(call.input(0)), errno('ECANCELED'));
      if (moved.kind === 'gone') return moved;
      return moved.kind === 'stays' ? { kind: 'value', r0: 0n } : failure(moved);
    },
    clone_to: (call) => clone(node, call),
    node_url: (call) => {
      const url = Buffer.from(node.url, 'latin1');
      if ((call.args[1] ?? 0n) < BigInt(url.length)) return fails('ERANGE');
      return { kind: 'value', r0: BigInt(url.length), outputs: [{ arg: 0, bytes: url }] };
    },
  };
}
