// A process that the test of kill -9 kills: 1,000 tasks that wait, every other one durable. Arguments: state directory, how many.
import { Journal } from '../../lib/scheduler/journal.js';
import { Scheduler } from '../../lib/scheduler/scheduler.js';
import { asked, WAITER } from './waiter.js';

const [dir = '', count = '0'] = process.argv.slice(2);
const journal = Journal.open(dir);
const scheduler = new Scheduler({
  journal,
  functions: { conformance: { later: (call) => asked(call, () => new Promise(() => {})) } },
});
const n = Number(count);
const tasks = Array.from({ length: n }, (_, i) =>
  scheduler.submit(WAITER, { name: `waiter ${i}`, args: [BigInt(i)], durable: i % 2 === 0 }),
);
// Durable ones are at their second call; the journal has been told of each before its handler was asked.
const timer = setInterval(async () => {
  if (!tasks.every((task) => task.wait?.kind === 'event')) return;
  clearInterval(timer);
  await journal.compact(); // behind all lines that were said
  console.log('waiting');
}, 20);
