/** A minute of questions beside a busy lab: no wrong answer, and nothing grows. scripts/soak is the same for an hour and 100,000 flows. */
import t from 'tap';
import { startLab } from './support/lab.js';
import { soak, soakLines } from './support/soak.js';

t.test('a minute of questions', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  const result = await soak(lab, { seconds: 60, perMinute: 100, flows: 10_000, moreFlows: 2000 });
  for (const line of soakLines(result)) t.comment(line);
  t.same(result.wrong, []);
  t.ok(result.asked >= 80, 'they were asked');
  t.equal(result.restarts, 0);
  const { samples, idle } = result;
  const [warm, end] = [samples[Math.floor(samples.length / 4)]!, samples.at(-1)!];
  t.ok(end.heap < 1.2 * warm.heap + 2e6, 'heap');
  t.ok(end.external < 1.2 * warm.external + 2e6, 'memory outside of the heap');
  t.ok(end.fds <= warm.fds + 4, 'descriptors');
  t.ok(idle.pss < 200e6, 'idle, all parts together');
});
