/** Nodes: URLs and routing, messages, meetings. test/handoff.test.ts has the handoff, test/migration.test.ts programs that use all of it. */
import t from 'tap';
import { ManualClock } from '../lib/clock.js';
import { CtiError } from '../lib/errors.js';
import { MAX_MEETINGS_OF_OWNER, MeetingBook } from '../lib/migration/book.js';
import { childId, meetingId, slotToken, transferId } from '../lib/migration/ids.js';
import { isMet, MAX_SLOTS, type SlotEnd } from '../lib/migration/meeting.js';
import { decodeReply, decodeRequest, encode, type Message, type Request } from '../lib/migration/messages.js';
import { Reports } from '../lib/migration/reports.js';
import { LocalCarrier } from '../lib/transport/local-carrier.js';
import { Transport } from '../lib/transport/transport.js';
import { parseNodeUrl, ubUrl } from '../lib/transport/url.js';
import { caught } from './support/errors.js';
import { idOf, randomOf, settle } from './support/handoff-sim.js';

t.test('URLs of nodes', async (t) => {
  const transport = new Transport([new LocalCarrier()]);
  for (const [given, canonical] of [
    ['local://a', 'local://a'],
    ['local://Node-1.x_y', 'local://Node-1.x_y'],
    ['ub://10.0.0.1:1881', 'ub://10.0.0.1:1881'],
    ['ub://010.000.0.001:01881', 'ub://10.0.0.1:1881'],
  ] as const) {
    t.equal(transport.check(given), canonical);
  }
  for (const [given, message] of [
    ['', /scheme:\/\/name/],
    ['a', /scheme:\/\/name/],
    ['local://', /scheme:\/\/name/],
    ['LOCAL://a', /scheme:\/\/name/],
    ['local://a/b', /scheme:\/\/name/],
    ['local://a b', /scheme:\/\/name/],
    ['local://\u00e4', /scheme:\/\/name/],
    ['local://a\n', /scheme:\/\/name/],
    ['local://-a', /local:\/\/NAME with up to 63/],
    [`local://${'a'.repeat(64)}`, /local:\/\/NAME with up to 63/],
    [`local://${'a'.repeat(300)}`, /at most 255 characters/],
    ['ub://10.0.0.256:1', /ub:\/\/A\.B\.C\.D:PORT/],
    ['ub://10.0.0.1', /ub:\/\/A\.B\.C\.D:PORT/],
    ['ub://10.0.0.1:0', /ub:\/\/A\.B\.C\.D:PORT/],
    ['ub://10.0.0.1:65536', /ub:\/\/A\.B\.C\.D:PORT/],
    ['ub://host:1', /ub:\/\/A\.B\.C\.D:PORT/],
    ['tcp://10.0.0.1:1', /carried here \(local:\/\/, ub:\/\/\).*nothing carries tcp:\/\//],
  ] as const) {
    const error = caught(() => transport.check(given));
    t.equal(error.code, 'INVALID_ARGUMENT', given);
    t.match(error.message, message, given);
  }
  t.same(parseNodeUrl('x+y-1://h:2'), { scheme: 'x+y-1', authority: 'h:2' });
  const bytes = new Uint8Array(24);
  bytes.set([192, 168, 100, 10, 7, 89]);
  t.equal(ubUrl(bytes), 'ub://192.168.100.10:1881', 'the port is big-endian');
  t.match(caught(() => ubUrl(bytes.subarray(0, 23))).message, /24 bytes/);
  t.match(caught(() => ubUrl(new Uint8Array(24))).message, /port from 1/, 'port 0 is no node');
});

t.test('routing: one carrier a scheme, one node a URL', async (t) => {
  const carrier = new LocalCarrier();
  t.match(caught(() => new Transport([carrier, new LocalCarrier()])).message, /one carrier for URLs local:\/\//);
  const transport = new Transport([carrier]);
  const echo = async (frame: Uint8Array) => frame;
  const listener = transport.listen('local://a', echo);
  t.match(caught(() => transport.listen('local://a', echo)).message, /one node at local:\/\/a/);
  const sent = new Uint8Array([1, 2, 3]);
  const delivery = await transport.request('local://b', 'local://a', sent, 1000);
  t.same(delivery, { kind: 'answered', frame: sent });
  t.equal((await transport.request('local://b', 'local://c', sent, 1000)).kind, 'not_delivered', 'nobody listens');
  t.equal((await transport.request('local://b', 'what://c', sent, 1000)).kind, 'not_delivered', 'no carrier');
  listener.close();
  t.equal((await transport.request('local://b', 'local://a', sent, 1000)).kind, 'not_delivered', 'closed');
});

t.test('the in-process carrier does what it is told', async (t) => {
  const clock = new ManualClock();
  let fault = {};
  const carrier = new LocalCarrier({ clock, faults: () => fault });
  let received = 0;
  carrier.listen('local://a', async (frame) => {
    received++;
    return frame;
  });
  const send = async (given: object) => {
    fault = given;
    received = 0;
    const before = clock.nowMs();
    const promise = carrier.request('local://b', 'local://a', new Uint8Array(1), 100);
    let isDone = false;
    promise.finally(() => {
      isDone = true;
    });
    for (await settle(); !isDone && clock.next(); ) await settle();
    const { kind } = await promise;
    while (clock.next()) await settle();
    return { kind, received, ms: clock.nowMs() - before };
  };
  t.same(await send({}), { kind: 'answered', received: 1, ms: 0 });
  t.same(await send({ loseRequest: true }), { kind: 'unknown', received: 0, ms: 100 });
  t.same(await send({ loseAnswer: true }), { kind: 'unknown', received: 1, ms: 100 });
  t.same(await send({ copies: 3 }), { kind: 'answered', received: 3, ms: 0 });
  t.same(await send({ delayMs: 20, answerDelayMs: 5 }), { kind: 'answered', received: 1, ms: 25 });
  t.same(await send({ delayMs: 70, answerDelayMs: 70 }), { kind: 'unknown', received: 1, ms: 140 });
  t.same(await send({ unknown: true }), { kind: 'unknown', received: 1, ms: 0 });
});

t.test('names are the same whenever they are computed', async (t) => {
  const call = { image: idOf(1), epoch: 3n, call: 7n };
  t.equal(childId(call, 0), childId({ ...call }, 0), 'a resent fork is the same child');
  const all = [
    ...[0, 1, 2].map((i) => childId(call, i)),
    childId({ ...call, epoch: 4n }, 0),
    childId({ ...call, call: 8n }, 0),
    childId({ ...call, image: idOf(2) }, 0),
    // Fields do not run into each other.
    childId({ ...call, epoch: 37n, call: 0n }, 0),
    childId({ ...call, epoch: 3n, call: 70n }, 0),
    meetingId(call),
    ...[0, 1].map((i) => transferId(call, i)),
  ];
  t.equal(new Set(all).size, all.length);
  t.ok(all.every((id) => /^[0-9a-f]{32}$/.test(id)));
  const secret = new Uint8Array(32);
  t.equal(slotToken(secret, meetingId(call), 1), slotToken(secret, meetingId(call), 1));
  t.not(slotToken(secret, meetingId(call), 1), slotToken(secret, meetingId(call), 2));
  t.not(slotToken(new Uint8Array(32).fill(1), meetingId(call), 1), slotToken(secret, meetingId(call), 1));
});

const GIVE: Request = {
  type: 'give',
  xfer: idOf(1),
  id: idOf(2),
  epoch: (1n << 64n) - 1n,
  answer: { r0: (1n << 64n) - 1n, outputs: [{ arg: 4, bytes: new Uint8Array([0, 255, 1]) }] },
  meetings: [
    {
      id: idOf(3),
      owner: idOf(2),
      slots: [
        { child: idOf(4), token: idOf(5) },
        { child: idOf(6), token: idOf(7), end: { kind: 'arrived', result: 9n } },
        { child: idOf(8), token: idOf(9), end: { kind: 'failed', reason: 'trapped' } },
        { child: idOf(10), token: idOf(11), end: { kind: 'lost' } },
      ],
    },
  ],
  image: new Uint8Array([1, 2, 3, 4]),
};
const REQUESTS: Request[] = [
  GIVE,
  { type: 'commit', xfer: idOf(1) },
  { type: 'abort', xfer: idOf(1) },
  { type: 'ask', xfer: idOf(1) },
  { type: 'end', token: idOf(1), child: idOf(2), end: { kind: 'failed', reason: 'budget' } },
];

/** A frame with this head. */
function frameOf(head: unknown, body = new Uint8Array()): Uint8Array {
  const bytes = Buffer.from(typeof head === 'string' ? head : JSON.stringify(head));
  const frame = Buffer.alloc(12 + bytes.length + body.length);
  frame.write('CTIN', 0, 'latin1');
  frame.writeUInt16LE(1, 4);
  frame.writeUInt32LE(bytes.length, 8);
  bytes.copy(frame, 12);
  frame.set(body, 12 + bytes.length);
  return frame;
}

t.test('messages: as bytes and back, and everything else is refused', async (t) => {
  for (const request of REQUESTS) t.same(decodeRequest(encode(request)), request, request.type);
  for (const reply of [
    { type: 'held' },
    { type: 'done' },
    { type: 'later' },
    { type: 'decision', decision: 'committed' },
    { type: 'moved', to: 'local://b' },
    { type: 'refused', code: 'old_epoch', reason: 'epoch 3 is not newer\nthan 3' },
  ] as const) {
    t.same(decodeReply(encode(reply)), reply, reply.type);
  }
  const good = encode({ type: 'commit', xfer: idOf(1) });
  const changed = (at: number, value: number) => {
    const frame = good.slice();
    frame[at] = value;
    return frame;
  };
  const give = JSON.parse(
    Buffer.from(encode(GIVE))
      .subarray(12, 12 + Buffer.from(encode(GIVE)).readUInt32LE(8))
      .toString(),
  );
  const cases: [string, Uint8Array, RegExp][] = [
    ['too short', good.subarray(0, 11), /frame: expected at least 12 bytes, received 11/],
    ['magic', changed(0, 0), /magic: expected "CTIN"/],
    ['version', changed(4, 2), /version: expected 1, received 2/],
    ['reserved', changed(6, 1), /reserved: expected 0/],
    ['a head past the end', changed(9, 255), /size of the head: expected at most/],
    ['no JSON', frameOf('{'), /head: expected JSON/],
    ['not UTF-8', frameOf('x').map((byte, i) => (i === 12 ? 0xff : byte)), /head: expected JSON in UTF-8/],
    ['a list', frameOf([]), /head: expected an object, received \[\]/],
    [
      'an unknown type',
      frameOf({ type: 'run' }),
      /head\.type: expected one of give, commit, abort, ask, end, received "run"/,
    ],
    ['a reply', frameOf({ type: 'held' }), /head\.type/],
    ['no field', frameOf({ type: 'commit' }), /head\.xfer: expected 32 hex digits, received nothing/],
    ['a short id', frameOf({ type: 'commit', xfer: 'abc' }), /head\.xfer: expected 32 hex digits, received "abc"/],
    [
      'a further field',
      frameOf({ type: 'commit', xfer: idOf(1), force: true }),
      /head: expected no other field, received "force"/,
    ],
    [
      'a body where none belongs',
      frameOf({ type: 'commit', xfer: idOf(1) }, new Uint8Array(1)),
      /body of commit: expected none/,
    ],
    [
      'an epoch over 64 bits',
      frameOf({ ...give, epoch: '18446744073709551616' }),
      /head\.epoch: expected a number of 64 bits/,
    ],
    ['a negative epoch', frameOf({ ...give, epoch: '-1' }), /head\.epoch/],
    [
      'an argument past the fifth',
      frameOf({ ...give, answer: { r0: '0', outputs: [{ arg: 5, bytes: '' }] } }),
      /arg: expected 0 to 4, received 5/,
    ],
    [
      'no base64',
      frameOf({ ...give, answer: { r0: '0', outputs: [{ arg: 0, bytes: '!' }] } }),
      /bytes: expected base64/,
    ],
    [
      'more outputs than arguments',
      frameOf({ ...give, answer: { r0: '0', outputs: Array(6).fill(0) } }),
      /outputs: expected a list of at most 5/,
    ],
    [
      'more slots than a fork has',
      frameOf({ ...give, meetings: [{ ...give.meetings[0], slots: Array(MAX_SLOTS + 1).fill({}) }] }),
      /slots: expected a list of at most 64/,
    ],
    [
      'an end that is none',
      frameOf({ type: 'end', token: idOf(1), child: idOf(2), end: { kind: 'won' } }),
      /end\.kind: expected one of arrived, failed, lost/,
    ],
    [
      'a reason that is none',
      frameOf({ type: 'end', token: idOf(1), child: idOf(2), end: { kind: 'failed', reason: 'x' } }),
      /end\.reason: expected one of trapped/,
    ],
  ];
  for (const [what, frame, message] of cases) {
    const error = caught(() => decodeRequest(frame));
    t.equal(error.code, 'PROTOCOL', what);
    t.match(error.message, message, what);
  }
});

t.test('messages: any byte changed gives a message or PROTOCOL, nothing else', async (t) => {
  const random = randomOf(1);
  let refused = 0;
  let passed = 0;
  for (let i = 0; i < 20_000; i++) {
    const frame = encode(REQUESTS[i % REQUESTS.length]!);
    const at = Math.floor(random() * frame.length);
    frame[at] = Math.floor(random() * 256);
    const cut = random() < 0.2 ? frame.subarray(0, Math.floor(random() * frame.length)) : frame;
    try {
      const message: Message = decodeRequest(cut);
      // What passes is what it says it is: it makes the same frame again.
      t.same(decodeRequest(encode(message)), message) || t.fail(`case ${i}`);
      passed++;
    } catch (error) {
      if (!(error instanceof CtiError) || error.code !== 'PROTOCOL') throw error;
      refused++;
    }
  }
  t.ok(refused > 5000 && passed > 100, `${refused} refused, ${passed} passed`);
});

const arrived = (result: bigint): SlotEnd => ({ kind: 'arrived', result });
const FAILED: SlotEnd = { kind: 'failed', reason: 'killed' };
const LOST: SlotEnd = { kind: 'lost' };

/** A book with one meeting of three, of owner 1, tokens 101 to 103, children 11 to 13. */
function bookOfThree() {
  const clock = new ManualClock();
  const book = new MeetingBook(clock);
  const slots = [0, 1, 2].map((i) => ({ child: idOf(11 + i), token: idOf(101 + i) }));
  book.open({ id: idOf(50), owner: idOf(1), slots });
  const refs = [0, 1, 2].map((slot) => ({ meeting: idOf(50), slot }));
  return { clock, book, refs, end: (i: number, end: SlotEnd) => book.end(idOf(101 + i), idOf(11 + i), end) };
}
const NEVER = new AbortController().signal;

t.test('meetings: all, quorum, deadline; the first end wins', async (t) => {
  t.test('policies', async (t) => {
    const [open, a, f] = [undefined, arrived(1n), FAILED];
    t.notOk(isMet({ kind: 'all' }, [a, open]));
    t.ok(isMet({ kind: 'all' }, [a, f]));
    t.notOk(isMet({ kind: 'quorum', arrived: 2 }, [a, open, open]));
    t.ok(isMet({ kind: 'quorum', arrived: 2 }, [a, open, a]));
    t.notOk(isMet({ kind: 'quorum', arrived: 2 }, [f, open, a]));
    t.ok(isMet({ kind: 'quorum', arrived: 2 }, [f, open, f]), 'it cannot come about any more');
  });

  t.test('all: the whole roster, each as it ended', async (t) => {
    const { book, refs, end } = bookOfThree();
    end(2, arrived(7n));
    const join = book.join(idOf(1), refs, { kind: 'all' }, 1000, NEVER);
    t.same(end(0, FAILED), { kind: 'taken' });
    t.same(end(0, arrived(5n)), { kind: 'refused', reason: 'the slot has ended' }, 'the first end wins');
    t.same(end(2, FAILED), { kind: 'refused', reason: 'the slot has ended' });
    t.same(end(1, arrived(0n)), { kind: 'taken' });
    t.same(await join, [FAILED, arrived(0n), arrived(7n)]);
    t.equal(book.size, 0, 'a meeting that its owner knows all of has served');
    t.equal(await book.join(idOf(1), refs, { kind: 'all' }, 1000, NEVER), null);
  });

  t.test('a quorum leaves slots open; a second join waits for them', async (t) => {
    const { book, refs, end } = bookOfThree();
    const join = book.join(idOf(1), refs, { kind: 'quorum', arrived: 1 }, 1000, NEVER);
    end(1, arrived(4n));
    t.same(await join, [undefined, arrived(4n), undefined]);
    const rest = book.join(idOf(1), refs, { kind: 'all' }, 1000, NEVER);
    end(0, arrived(3n));
    end(2, FAILED);
    t.same(await rest, [arrived(3n), arrived(4n), FAILED]);
  });

  t.test('the deadline: what is open is lost, and stays so', async (t) => {
    const { clock, book, refs, end } = bookOfThree();
    const join = book.join(idOf(1), refs, { kind: 'all' }, 1000, NEVER);
    end(1, arrived(4n));
    t.ok(clock.next());
    t.equal(clock.nowMs(), 1000);
    t.same(await join, [LOST, arrived(4n), LOST]);
    t.equal(end(0, arrived(1n)).kind, 'refused', 'late');
    t.equal(book.size, 0);
    t.equal(clock.pending, 0);
  });

  t.test('a joiner that is killed leaves no timer behind', async (t) => {
    const { clock, book, refs } = bookOfThree();
    const kill = new AbortController();
    const join = book.join(idOf(1), refs, { kind: 'all' }, 1000, kill.signal);
    t.equal(clock.pending, 1);
    kill.abort();
    t.equal(await join, null);
    t.equal(clock.pending, 0);
    book.drop(idOf(1));
    t.equal(book.size, 0);
  });
});

t.test("N6: results for a meeting not one's own are refused", async (t) => {
  const { book, refs, end } = bookOfThree();
  const refused = { kind: 'refused', reason: 'no such slot of this child' };
  t.same(book.end(idOf(102), idOf(11), arrived(1n)), refused, "a sibling's slot");
  t.same(book.end(idOf(101), idOf(99), arrived(1n)), refused, 'another child');
  t.same(book.end(idOf(50), idOf(11), arrived(1n)), refused, 'by the id of the meeting, which its programs know');
  t.same(book.end(idOf(999), idOf(11), arrived(1n)), refused, 'a guess');
  t.equal(book.find(idOf(11), idOf(50)), undefined, 'a child does not join');
  t.equal(await book.join(idOf(11), refs, { kind: 'all' }, 1, NEVER), null);
  t.same(end(0, arrived(1n)), { kind: 'taken' });
});

t.test('meeting bombs: an owner has so many meetings, and none is left when it ends', async (t) => {
  const book = new MeetingBook(new ManualClock());
  const open = (n: number) =>
    book.open({ id: idOf(n), owner: idOf(1), slots: [{ child: idOf(n), token: idOf(1_000_000 + n) }] });
  for (let n = 0; n < MAX_MEETINGS_OF_OWNER; n++) t.ok(open(n) || t.fail(`meeting ${n}`));
  t.notOk(open(MAX_MEETINGS_OF_OWNER));
  t.ok(book.open({ id: idOf(7), owner: idOf(2), slots: [] }), 'others are not concerned');
  book.drop(idOf(1));
  book.drop(idOf(2));
  t.equal(book.size, 0);
  t.equal(book.end(idOf(1_000_000), idOf(0), arrived(1n)).kind, 'refused');
});

t.test('a meeting goes with its owner; its children are sent after it', async (t) => {
  const { clock, book: home, end } = bookOfThree();
  const away = new MeetingBook(clock);
  end(0, arrived(1n));
  const [record] = home.freeze(idOf(1));
  t.same(end(1, arrived(2n)), { kind: 'later' }, 'nothing ends on the way');
  home.thaw(idOf(1));
  t.same(end(1, arrived(2n)), { kind: 'taken' }, 'it stayed');
  const [again] = home.freeze(idOf(1));
  t.not(record?.slots[1]?.end, again?.slots[1]?.end);
  away.open(again!);
  home.leave(idOf(1), 'local://away');
  t.equal(home.size, 0);
  t.same(end(2, arrived(3n)), { kind: 'moved', to: 'local://away' });
  // The child's node follows.
  const sent: string[] = [];
  const reports = new Reports({
    clock,
    isHere: () => false,
    endHere: () => ({ kind: 'later' }),
    send: async (to, request) => {
      sent.push(to);
      if (request.type !== 'end') throw new Error('an end');
      const reply = (to === 'local://away' ? away : home).end(request.token, request.child, request.end);
      return reply.kind === 'moved' ? { type: 'moved', to: reply.to } : { type: 'done' };
    },
  });
  reports.expect(idOf(13), idOf(103), 'local://home');
  const refs = [0, 1, 2].map((slot) => ({ meeting: idOf(50), slot }));
  const join = away.join(idOf(1), refs, { kind: 'all' }, 1000, NEVER);
  reports.ended(idOf(13), arrived(3n));
  t.same(await join, [arrived(1n), arrived(2n), arrived(3n)]);
  t.same(sent, ['local://home', 'local://away']);
});

t.test('an end is reported until it is taken', async (t) => {
  const clock = new ManualClock();
  const answers = ['none', 'later', 'none', 'done'] as const;
  let asked = 0;
  const reports = new Reports({
    clock,
    isHere: () => false,
    endHere: () => ({ kind: 'later' }),
    send: async () => ({ type: answers[asked++]! }),
  });
  reports.expect(idOf(1), idOf(2), 'local://home');
  reports.ended(idOf(1), FAILED);
  for (await settle(); clock.next(); ) await settle();
  t.equal(asked, answers.length);
  t.equal(clock.nowMs(), 50 + 100 + 200);
  reports.ended(idOf(1), FAILED);
  await settle();
  t.equal(asked, answers.length, 'once');
});
