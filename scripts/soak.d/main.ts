/** scripts/soak: an hour of questions to ctinspectord beside a busy lab (docs/daemon.md has its figures). Status 1 if anything is not as docs/daemon.md says it should be. */
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { startLab } from '../../test/support/lab.js';
import { growth, sampleText, soak, soakLines } from '../../test/support/soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'per-minute': { type: 'string', default: '100' },
    flows: { type: 'string', default: '100000' },
    more: { type: 'string', default: '5000' },
    traffic: { type: 'string', default: '60' },
  },
});
function number(name: string, text: string): number {
  if (/^\d{1,7}(\.\d+)?$/.test(text)) return Number(text);
  console.error(`soak: --${name}: expected a number but received '${text}'`);
  process.exit(2);
}

const lab = await startLab();
try {
  const result = await soak(lab, {
    seconds: 60 * number('minutes', values.minutes),
    perMinute: number('per-minute', values['per-minute']),
    flows: number('flows', values.flows),
    moreFlows: number('more', values.more),
    trafficEverySeconds: number('traffic', values.traffic),
    progress: (sample, nAsked, nWrong) =>
      console.log(`${sampleText(sample)}; ${nAsked} asked, ${nWrong} wrong; load ${loadavg()[0]!.toFixed(1)}`),
  });
  for (const line of soakLines(result)) console.log(line);
  console.log(
    `load of the machine: ${loadavg()
      .map((load) => load.toFixed(1))
      .join(' ')} on ${availableParallelism()} CPUs`,
  );
  const { wrong, restarts, idle, idleAfter, cpuShare } = result;
  const faults = [
    wrong.length > 0 && 'answers were wrong',
    restarts > 0 && 'parts ended',
    ...growth(result),
    cpuShare > 0.05 && 'more than 5 % of a core',
    Math.max(idle.pss, idleAfter.pss) > 200e6 && 'more than 200 MB when idle',
  ].filter((fault) => fault !== false);
  for (const fault of faults) console.log(`not as it should be: ${fault}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  await lab.stop();
}
