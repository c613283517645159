/** The handoff of an image between nodes, under every kind of fault: one owner, nothing lost. CTI_HANDOFF_SEEDS=2000 for more schedules. */
import t from 'tap';
import { idOf, LIMITS, REQUEST_MS, randomOf, Sim } from './support/handoff-sim.js';

/** Two nodes, one image on the first, and faults by the type of the request. */
function pair(faults: ConstructorParameters<typeof Sim>[0] = () => undefined) {
  const sim = new Sim(faults);
  const a = sim.add('a');
  const b = sim.add('b');
  a.put(idOf(1), 5n);
  return { sim, a, b };
}

t.test('handoff: the outcomes of docs/migration.md', async (t) => {
  t.test('success', async (t) => {
    const { sim, a, b } = pair();
    t.same(await a.move(idOf(1), b.url), { kind: 'success' });
    t.same(sim.places(idOf(1)), [{ url: b.url, epoch: 6n }]);
    t.equal(b.handoffs.nHeld, 0);
    t.same(a.handoffs.list(), []);
  });

  t.test('failed: nobody there', async (t) => {
    const { sim, a } = pair();
    t.match(await a.move(idOf(1), 'local://nobody'), { kind: 'failed', code: 'unreachable' });
    t.same(sim.places(idOf(1)), [{ url: a.url, epoch: 5n }], 'it goes on here, at the same epoch');
  });

  t.test('failed: the image may have got there, but was not committed', async (t) => {
    const { sim, a, b } = pair((type) => (type === 'give' || type === 'abort' ? { loseAnswer: true } : undefined));
    const move = a.move(idOf(1), b.url);
    await sim.run(REQUEST_MS);
    t.match(await move, { kind: 'failed', code: 'unreachable' });
    await sim.run();
    t.equal(b.handoffs.nHeld, 0, 'the target was told, or asked');
    t.same(sim.places(idOf(1)), [{ url: a.url, epoch: 5n }]);
  });

  t.test('failed, and the target is not told: it asks, and drops', async (t) => {
    const faults = (type: string) =>
      type === 'give' ? { loseAnswer: true } : type === 'abort' ? { loseRequest: true } : undefined;
    const { sim, a, b } = pair(faults);
    void a.move(idOf(1), b.url);
    await sim.run(REQUEST_MS + 1);
    t.equal(b.handoffs.nHeld, 1);
    await sim.run(LIMITS.askAfterMs);
    t.equal(b.handoffs.nHeld, 0);
    t.same(sim.places(idOf(1)), [{ url: a.url, epoch: 5n }]);
  });

  t.test('unknown: it runs nowhere until the target answers', async (t) => {
    let isCut = true;
    const { sim, a, b } = pair((type) =>
      isCut && type === 'commit' ? { loseRequest: true } : isCut && type === 'ask' ? { loseRequest: true } : undefined,
    );
    const move = a.move(idOf(1), b.url);
    await sim.run(1000);
    t.same(sim.places(idOf(1)), [], 'nowhere');
    t.match(a.handoffs.list(), [{ id: idOf(1), to: b.url, state: 'in_doubt' }], 'listed');
    t.same(a.notes, ['in_doubt']);
    isCut = false;
    await sim.run();
    t.same(await move, { kind: 'success' });
    t.same(sim.places(idOf(1)), [{ url: b.url, epoch: 6n }]);
  });

  t.test('the commit is lost for good, but the target asks: success', async (t) => {
    const { sim, a, b } = pair((type) => (type === 'commit' ? { loseRequest: true } : undefined));
    void a.move(idOf(1), b.url);
    await sim.run(LIMITS.askAfterMs + REQUEST_MS);
    t.same(sim.places(idOf(1)), [{ url: b.url, epoch: 6n }]);
  });

  t.test('in doubt and adopted: the target is asked, and confirms', async (t) => {
    const { sim, a, b } = pair((type) => (type === 'commit' || type === 'ask' ? { loseRequest: true } : undefined));
    const move = a.move(idOf(1), b.url);
    await sim.run(600);
    const xfer = a.handoffs.list()[0]!.xfer;
    t.equal(await a.handoffs.adopt(idOf(77), 'x'), undefined, 'no such transfer');
    t.same(await a.handoffs.adopt(xfer, 'the link is down'), { kind: 'adopted', certain: true });
    await move;
    t.same(sim.places(idOf(1)), [{ url: a.url, epoch: 5n }]);
    t.equal(b.handoffs.onCommit(a.url, xfer).type, 'refused', 'a commit that comes late');
    t.same(a.notes, ['in_doubt', 'adopt'], 'on record');
  });

  t.test('in doubt and adopted, though it runs there: a success', async (t) => {
    const { sim, a, b } = pair((type) => (type === 'commit' ? { loseAnswer: true } : undefined));
    const move = a.move(idOf(1), b.url);
    await sim.run(600);
    t.same(await a.handoffs.adopt(a.handoffs.list()[0]!.xfer, 'the link is down'), { kind: 'success' });
    await move;
    t.same(sim.places(idOf(1)), [{ url: b.url, epoch: 6n }]);
  });

  t.test('in doubt and adopted without an answer: two epochs on', async (t) => {
    const { sim, a, b } = pair((type) =>
      type === 'commit' ? { loseAnswer: true } : type === 'abort' ? { loseRequest: true } : undefined,
    );
    sim.uncertain.add(idOf(1));
    const move = a.move(idOf(1), b.url);
    await sim.run(600);
    const adopted = a.handoffs.adopt(a.handoffs.list()[0]!.xfer, 'the host is gone');
    await sim.run(REQUEST_MS);
    t.same(await adopted, { kind: 'adopted', certain: false });
    await move;
    t.same(sim.places(idOf(1)), [
      { url: a.url, epoch: 7n },
      { url: b.url, epoch: 6n },
    ]);
    const back = await b.move(idOf(1), a.url);
    t.match(back, { kind: 'failed', code: 'old_epoch' }, 'the older copy does not come back');
    t.same(sim.violations, []);
  });

  t.test('in doubt and dropped', async (t) => {
    const { sim, a, b } = pair((type) => (type === 'commit' || type === 'ask' ? { loseRequest: true } : undefined));
    const move = a.move(idOf(1), b.url);
    await sim.run(600);
    t.notOk(a.handoffs.drop(idOf(77), 'x'));
    t.ok(a.handoffs.drop(a.handoffs.list()[0]!.xfer, 'not needed'));
    t.same(await move, { kind: 'dropped' });
    await sim.run();
    t.same(sim.places(idOf(1)), []);
    t.equal(b.handoffs.nHeld, 0);
  });
});

t.test('handoff: replays and strangers', async (t) => {
  const { sim, a, b } = pair();
  const c = sim.add('c');
  await a.move(idOf(1), b.url);
  const gift = {
    xfer: idOf(500),
    id: idOf(1),
    epoch: 6n,
    answer: { r0: 0n, outputs: [] },
    meetings: [],
    image: new Uint8Array(1),
  };
  t.match(b.handoffs.onGive(a.url, gift), { type: 'refused', code: 'old_epoch' }, 'an epoch that runs here');
  await b.move(idOf(1), c.url);
  t.match(
    b.handoffs.onGive(a.url, { ...gift, xfer: idOf(501) }),
    { type: 'refused', code: 'old_epoch' },
    'one that has left',
  );
  t.match(a.handoffs.onGive(b.url, { ...gift, xfer: idOf(502), epoch: 5n }), { type: 'refused', code: 'old_epoch' });
  t.same(sim.places(idOf(1)), [{ url: c.url, epoch: 7n }]);

  t.equal(b.handoffs.onGive(a.url, { ...gift, id: idOf(2), xfer: idOf(503) }).type, 'held');
  t.match(
    b.handoffs.onCommit(c.url, idOf(503)),
    { type: 'refused', code: 'no_transfer' },
    'who did not give it cannot commit it',
  );
  t.match(b.handoffs.onAbort(c.url, idOf(503)), { type: 'refused', code: 'no_transfer' }, 'nor abort it');
  t.equal(b.handoffs.onAbort(a.url, idOf(503)).type, 'done');
  t.match(
    b.handoffs.onGive(a.url, { ...gift, id: idOf(2), xfer: idOf(503) }),
    { type: 'refused', code: 'aborted' },
    'a give after its abort',
  );
  t.match(b.handoffs.onCommit(a.url, idOf(504)), { type: 'refused', code: 'no_transfer' });
  t.equal(b.handoffs.onAbort(a.url, idOf(505)).type, 'done');
  t.match(
    b.handoffs.onGive(a.url, { ...gift, id: idOf(2), xfer: idOf(505) }),
    { type: 'refused', code: 'aborted' },
    'an abort that overtook its give',
  );
  t.same(a.handoffs.onAsk(idOf(504)), { type: 'decision', decision: 'none' });

  for (let n = 0; n < LIMITS.maxHeld; n++) {
    t.equal(b.handoffs.onGive(a.url, { ...gift, id: idOf(1000 + n), xfer: idOf(2000 + n) }).type, 'held');
  }
  t.match(b.handoffs.onGive(a.url, { ...gift, id: idOf(3), xfer: idOf(3000) }), { type: 'refused', code: 'no_room' });
  t.same(sim.violations, []);
});

/**
 * I4 and P2 of docs/migration.md: three nodes, eight images that wander; every request may be lost, doubled, delayed, or its answer lost. At
 * every step an image can run in one place at most; when the network is well again, each runs in exactly one.
 */
async function wander(seed: number): Promise<{ sim: Sim; nMoves: number; outcomes: Map<string, number> }> {
  const random = randomOf(seed);
  let isIll = true;
  const sim = new Sim(() => {
    if (!isIll) return undefined;
    const dice = random();
    return {
      loseRequest: dice < 0.15,
      loseAnswer: dice >= 0.15 && dice < 0.3,
      unknown: dice >= 0.3 && dice < 0.35,
      copies: random() < 0.3 ? 2 + Math.floor(random() * 2) : 1,
      delayMs: random() < 0.6 ? Math.floor(random() * 300) : 0,
      answerDelayMs: random() < 0.4 ? Math.floor(random() * 150) : 0,
    };
  });
  const nodes = ['a', 'b', 'c'].map((name) => sim.add(name));
  const ids = Array.from({ length: 8 }, (_, n) => idOf(n + 1));
  for (const id of ids) nodes[Math.floor(random() * 3)]!.put(id, 1n);
  const outcomes = new Map<string, number>();
  for (let step = 0; step < 60; step++) {
    for (const node of nodes) {
      for (const id of [...node.runnable.keys()]) {
        if (random() > 0.3) continue;
        const to = nodes.filter((other) => other !== node)[Math.floor(random() * 2)]!;
        void node.move(id, to.url).then(({ kind }) => outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1));
      }
    }
    await sim.run(Math.floor(random() * 400));
  }
  isIll = false;
  await sim.run(300_000);
  for (const id of ids) {
    const places = sim.places(id);
    if (places.length !== 1) sim.violations.push(`${id} can run in ${places.length} places`);
  }
  return { sim, nMoves: sim.nMoves, outcomes };
}

t.test('handoff under seeded faults: one owner, nothing lost', async (t) => {
  const total = new Map<string, number>();
  let nMoves = 0;
  let inDoubt = 0;
  const n = Number(process.env.CTI_HANDOFF_SEEDS ?? 40);
  for (let seed = 1; seed <= n; seed++) {
    const run = await wander(seed);
    if (run.sim.violations.length > 0) t.fail(`seed ${seed}: ${run.sim.violations.slice(0, 3).join('; ')}`);
    nMoves += run.nMoves;
    for (const [kind, count] of run.outcomes) total.set(kind, (total.get(kind) ?? 0) + count);
    for (const node of run.sim.nodes) inDoubt += node.notes.length;
  }
  t.ok((total.get('success') ?? 0) > n * 10, `${total.get('success')} of ${nMoves} moves succeeded`);
  t.ok((total.get('failed') ?? 0) > n * 5, `${total.get('failed')} failed`);
  t.ok(inDoubt > n * 5, `${inDoubt} were in doubt for a time`);
  t.equal(
    await wander(3).then(({ nMoves }) => nMoves),
    await wander(3).then(({ nMoves }) => nMoves),
    'a seed is a schedule',
  );
});
