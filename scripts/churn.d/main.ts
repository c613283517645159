/** scripts/churn: memory read while flows come and go (docs/attach.md has its figures). Status 1 if a row was wrong, 2 on an error. */
import { parseArgs } from 'node:util';
import { addon } from '../../lib/addon.js';
import { DEFAULT_MANNERS } from '../../lib/sources/pace.js';
import { churn, pairedLoss, type SetupPair, setupRates } from '../../test/support/churn.js';
import { startLab } from '../../test/support/lab.js';

function refuse(why: string): never {
  console.error(`churn: ${why}`);
  process.exit(2);
}

const OPTIONS = {
  seconds: { type: 'string', default: '120' },
  rate: { type: 'string', default: '5000' },
  pairs: { type: 'string', default: '12' },
  flows: { type: 'string', default: '40000' },
  share: { type: 'string', default: String(DEFAULT_MANNERS.share) },
  fast: { type: 'boolean', default: false },
  apart: { type: 'boolean', default: false },
} as const;

function options() {
  try {
    const { values } = parseArgs({ options: OPTIONS });
    const whole = (name: Exclude<keyof typeof OPTIONS, 'share' | 'fast' | 'apart'>): number =>
      /^\d{1,7}$/.test(values[name])
        ? Number(values[name])
        : refuse(`--${name}: expected a whole number, at most 9999999, but received '${values[name]}'`);
    const share = Number(values.share);
    if (!(/^[\d.]+$/.test(values.share) && share > 0 && share <= 1))
      refuse(`--share: expected a part of one core, above 0, at most 1, but received '${values.share}'`);
    return {
      seconds: whole('seconds'),
      rate: whole('rate'),
      pairs: whole('pairs'),
      flows: whole('flows'),
      share,
      fast: values.fast,
      apart: values.apart,
    };
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

const { seconds, rate, pairs, flows, share, fast, apart } = options();
const cpus = addon<{ allowedCpus(): number[] }>().allowedCpus();
const [first = 0, second] = cpus;
if (apart && second === undefined) refuse('--apart: expected at least two CPUs, but there is one');
const lab = await startLab();
try {
  let wrong = 0;
  if (seconds > 0) {
    for (const { name, facts } of await churn(lab, {
      fast,
      seconds,
      rate,
      idleMs: 10_000,
      everyMs: 1000,
      burst: 50_000,
      purges: 8,
    })) {
      wrong += facts.wrong + facts.twice;
      console.log(
        `${name}: ${facts.readings} readings and ${facts.refreshes} refreshes, ${facts.rows} rows checked (at most ${facts.mostRows} at once): ` +
          `${facts.wrong} wrong, ${facts.twice} twice; ${facts.readAgain} read again, ${facts.reproved} proved once more, ${facts.dropped} dropped, ` +
          `${facts.goneInRefresh} gone in refreshes; slowest reading ${facts.slowestMs.toFixed(0)} ms`,
      );
      for (const sample of facts.samples) console.log(`  wrong: ${sample}`);
    }
  }
  if (pairs > 0) {
    const found: SetupPair[] = [];
    const asked = {
      manners: { ...DEFAULT_MANNERS, share },
      apart: apart && second !== undefined ? { switch: first, sender: second } : undefined,
    };
    for await (const pair of setupRates(lab, pairs, flows, asked)) {
      found.push(pair);
      console.log(
        `set up a second: ${pair.without.rate.toFixed(0)} without reading, ${pair.with.rate.toFixed(0)} with ${pair.readings} readings; ` +
          `the switch's main thread ${(pair.without.cpuNs / 1000).toFixed(1)} and ${(pair.with.cpuNs / 1000).toFixed(1)} us a flow`,
      );
    }
    const told = (what: string, values: { with: number; without: number }[]): void => {
      const loss = pairedLoss(values);
      console.log(
        `${what}: median paired loss ${(100 * loss.median).toFixed(1)} %, upper 95 % bound ${(100 * loss.upper95).toFixed(1)} %; ` +
          `windows without reading differ by ${(100 * loss.spread).toFixed(0)} % among themselves`,
      );
    };
    told(
      'flows a second',
      found.map((pair) => ({ with: pair.with.rate, without: pair.without.rate })),
    );
    told(
      "flows a second of the main thread's CPU",
      found.map((pair) => ({ with: 1 / pair.with.cpuNs, without: 1 / pair.without.cpuNs })),
    );
  }
  process.exitCode = wrong > 0 ? 1 : 0;
} catch (error) {
  console.error(`churn: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  await lab.stop();
}
