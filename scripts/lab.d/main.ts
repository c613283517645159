/** scripts/lab: the lab of test/support/lab.ts for people. Status: 0 done, 1 a fill fell short, 2 an error. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CtiError } from '../../lib/errors.js';
import { Lab, stopLab } from '../../test/support/lab.js';
import { defaultDir, removeStaleLabsSync } from '../../test/support/lab-state.js';

interface Common {
  dir: string;
  format: 'text' | 'json';
}

function whole(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError(`expected a whole number but received '${text}'`);
  return Number(text);
}

function positive(text: string): number {
  const value = whole(text);
  if (value === 0) throw new InvalidArgumentError('expected a whole number above 0 but received 0');
  return value;
}

function print(common: Common, facts: object, lines: readonly string[]): void {
  process.stdout.write(common.format === 'json' ? `${JSON.stringify(facts)}\n` : `${lines.join('\n')}\n`);
}

const residentMb = (pid: number): number =>
  Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

async function status(common: Common): Promise<void> {
  const lab = Lab.open(common.dir);
  const isRunning = lab.isSwitchRunning;
  const facts = {
    dir: lab.dir,
    rundir: lab.rundir,
    netns: lab.tag,
    running: isRunning,
    pid: isRunning ? lab.pid : null,
    residentMb: isRunning ? residentMb(lab.pid) : null,
    flows: isRunning ? await lab.nFlows() : null,
    ports: lab.hosts.map((h) => ({
      name: h.name,
      bridge: h.bridge,
      ip4: h.ip4,
      ip6: h.ip6,
      mac: h.mac,
      netns: `${lab.tag}-${h.name}`,
    })),
  };
  print(common, facts, [
    isRunning
      ? `ovs-vswitchd runs, pid ${facts.pid}, ${facts.flows} megaflows, ${facts.residentMb} MB`
      : 'ovs-vswitchd does not run: it has ended since the lab came up',
    '',
    ...facts.ports.map(
      (p) => `  ${p.name.padEnd(4)} ${p.bridge.padEnd(10)} ${p.ip4.padEnd(14)} ${p.ip6.padEnd(12)} ${p.mac}`,
    ),
    '',
    'Point tools at it:',
    `  export OVS_RUNDIR=${facts.rundir}`,
    `Be one of its hosts (${facts.ports.map((p) => p.name).join(', ')}):`,
    `  ip netns exec ${facts.netns}-h1 ping 10.0.1.14`,
  ]);
}

async function up(common: Common & { traffic: boolean }): Promise<void> {
  const lab = await Lab.start({ dir: common.dir, keep: true });
  if (common.traffic) {
    const { unanswered } = await lab.traffic();
    for (const what of unanswered) process.stderr.write(`lab: no answer: ${what}\n`);
  }
  await status(common);
}

async function fill(
  n: number,
  common: Common & { shapes: number; seed: number; rate?: number; seconds?: number },
): Promise<void> {
  const { shapes, seed, rate, seconds } = common;
  const report = await Lab.open(common.dir).fill(n, {
    shapes,
    seed,
    ...(rate && { rate }),
    ...(seconds && { seconds }),
  });
  print(common, report, [
    `${report.installed} megaflows installed in ${report.installSeconds.toFixed(1)} s; ` +
      `${report.packets} packets in ${report.seconds.toFixed(1)} s`,
  ]);
}

async function traffic(common: Common & { seed: number; count: number }): Promise<void> {
  const report = await Lab.open(common.dir).traffic({ seed: common.seed, count: common.count });
  print(common, report, [
    `${report.pings} pings, ${report.conversations} conversations, ${report.frames} odd frames`,
    ...report.unanswered.map((what) => `no answer: ${what}`),
  ]);
}

function down(common: Common & { stale?: boolean }): void {
  const removed = common.stale ? removeStaleLabsSync() : [resolve(common.dir)];
  if (!common.stale) stopLab(common.dir);
  print(
    common,
    { removed },
    removed.length > 0 ? removed.map((dir) => `removed the lab in ${dir}`) : ['nothing to remove'],
  );
}

const program = new Command('lab')
  .description(
    'A private, real Open vSwitch: two chassis with a geneve tunnel, OVN-like tables, conntrack, NAT, hosts in namespaces.',
  )
  .addHelpText(
    'after',
    `
Examples:
  scripts/lab up                      # a few seconds; prints how to point tools at it
  scripts/lab fill 100000             # 100,000 more megaflows, of six shapes
  scripts/lab traffic                 # pings, sockets and odd frames once more
  scripts/lab down                    # leaves nothing behind
  scripts/lab up --dir /tmp/second    # labs do not disturb each other`,
  );

const command = (name: string, description: string): Command =>
  program
    .command(name)
    .description(description)
    .addOption(new Option('--dir <dir>', 'where the lab keeps its state').default(defaultDir()))
    .addOption(new Option('--format <format>').choices(['text', 'json']).default('text'));

command('up', 'start the lab and send some traffic').option('--no-traffic', 'send none').action(up);
command('down', 'end it and remove all of it')
  .option('--stale', 'instead: remove labs of tests that were killed')
  .action(down);
command('status', 'what runs, its ports, how many megaflows, how to reach it').action(status);
command('fill', 'add N distinct megaflows')
  .argument('<N>', 'how many', positive)
  .option('--shapes <n>', 'kinds of match, 1 to 8', positive, 6)
  .option('--seed <n>', 'other ports, sizes and packet counts', whole, 1)
  .option('--rate <n>', 'packets a second at most', positive)
  .option('--seconds <n>', 'give up after so many', positive)
  .action(fill);
command('traffic', 'send traffic of many kinds')
  .option('--count <n>', 'odd frames of each kind', positive, 10)
  .option('--seed <n>', 'other odd frames', whole, 1)
  .action(traffic);

program.exitOverride();
for (const each of program.commands) each.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has said what is wrong, or printed the help that was asked for.
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`lab: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = error instanceof CtiError && error.details?.installed !== undefined ? 1 : 2;
  }
}
