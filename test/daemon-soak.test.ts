/** A minute of questions beside a busy lab: no wrong answer, and nothing grows. scripts/soak is the same for an hour and 100,000 flows. */
// Takes 78 s.
import t from 'tap';
import { startLab } from './support/lab.js';
import { growth, soak, soakLines } from './support/soak.js';

t.test('a minute of questions', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  const result = await soak(lab, {
    seconds: 60,
    perMinute: 100,
    flows: 10_000,
    moreFlows: 2000,
    trafficEverySeconds: 30,
  });
  for (const line of soakLines(result)) t.comment(line);
  t.same(result.wrong, []);
  t.ok(result.asked >= 80, 'they were asked');
  t.ok(result.exact >= 20, `${result.exact} of them had one right answer`);
  t.equal(result.restarts, 0);
  t.same(growth(result), []);
  t.ok(result.idle.pss < 200e6 && result.idleAfter.pss < 200e6, 'idle, all parts together');
});
