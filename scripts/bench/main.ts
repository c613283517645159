// npm run bench -- [NAME...] [--json]: runs benchmarks and prints ratios against something else in the same run. The status is 0 whatever the
// figures: machines are noisy, a benchmark informs and a test decides. With --json one object a line:
// {"metric","value","unit","against","goal","met"}; met is null where no goal is set.
import type { Bench, Measure } from './bench.js';

/** One row a benchmark; a file is loaded only when it runs. */
const BENCHES: Readonly<Record<string, { doc: string; load: () => Promise<{ bench: Bench }> }>> = {
  jit: { doc: 'compiled programs against the same C compiled by clang', load: () => import('./jit.js') },
  attach: {
    doc: "megaflows out of the switch's memory, against copying that memory and against dump-flows (root; CTI_BENCH_FLOWS, default 400000)",
    load: () => import('./attach.js'),
  },
  query: { doc: 'a question over a million flows against a loop by hand', load: () => import('./query.js') },
  vm: {
    doc: 'images: the smallest one, registers and frames into one and back; the scheduler: calls answered in TypeScript, waiting tasks',
    load: () => import('./vm.js'),
  },
  parse: { doc: 'text of dpctl/dump-flows -m into a snapshot', load: () => import('./parse.js') },
};

const args = process.argv.slice(2);
const json = args.includes('--json');
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown = [
  ...names.filter((name) => !Object.hasOwn(BENCHES, name)),
  ...args.filter((arg) => arg.startsWith('--') && arg !== '--json'),
];
if (unknown.length > 0) {
  console.error(
    `bench: expected names out of ${Object.keys(BENCHES).join(', ')} and --json, received '${unknown.join(' ')}'`,
  );
  process.exit(2);
}

const show = (m: Measure): string => {
  const goal =
    m.goal === null
      ? ''
      : `  goal ${m.goal.atMost === undefined ? `at least ${m.goal.atLeast}` : `at most ${m.goal.atMost}`}: ${met(m) ? 'met' : 'NOT met'}`;
  return `${m.metric}  ${Number(m.value.toPrecision(4))} ${m.unit}  against ${m.against}${goal}`;
};

function met(m: Measure): boolean | null {
  if (m.goal === null) return null;
  if (m.goal.atMost !== undefined) return m.value <= m.goal.atMost;
  return m.value >= (m.goal.atLeast ?? Number.NEGATIVE_INFINITY);
}

for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  const row = BENCHES[name];
  if (!row) continue;
  if (!json) console.log(`# ${name}: ${row.doc}`);
  const { bench } = await row.load();
  await bench((m) => {
    if (!json) return console.log(show(m));
    const goal = m.goal === null ? null : (m.goal.atMost ?? m.goal.atLeast ?? null);
    console.log(
      JSON.stringify({ metric: m.metric, value: m.value, unit: m.unit, against: m.against, goal, met: met(m) }),
    );
  });
}
