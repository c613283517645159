/** scripts/soak: an hour of questions to ctinspectord beside a busy lab (docs/daemon.md has its figures). Status 1 if an answer was wrong or memory grew. */
import { parseArgs } from 'node:util';
import { startLab } from '../../test/support/lab.js';
import { soak, soakLines } from '../../test/support/soak.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'per-minute': { type: 'string', default: '100' },
    flows: { type: 'string', default: '100000' },
    more: { type: 'string', default: '5000' },
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
  });
  for (const line of soakLines(result)) console.log(line);
  const { samples, wrong, restarts } = result;
  const [warm, end] = [samples[Math.floor(samples.length / 4)]!, samples.at(-1)!];
  const grew = end.heap > 1.2 * warm.heap + 2e6 || end.external > 1.2 * warm.external + 2e6 || end.fds > warm.fds + 4;
  if (grew) console.log('it grew');
  process.exitCode = wrong.length > 0 || restarts > 0 || grew ? 1 : 0;
} catch (error) {
  console.error(`soak: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  await lab.stop();
}
