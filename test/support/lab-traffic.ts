/** The lab's traffic: pings, real sockets, odd frames, and the flood of `fill`. All bounded in packets and time. */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/addon.js';
import { CtiError } from '../../lib/errors.js';
import { VIP } from './lab-pipeline.js';
import { requirePrograms, run } from './lab-system.js';
import { type Host, hostNamed, NESTED, NESTED_VLAN } from './lab-topology.js';

export interface TrafficOptions {
  /** The same seed sends the same frames. */
  seed?: number;
  /** Odd frames of each kind, from each sender. */
  count?: number;
}

export interface TrafficReport {
  /** What the lab's rules let through, and did it come back. */
  pings: number;
  conversations: number;
  frames: number;
  /** What should have been answered but was not, in words. */
  unanswered: string[];
}

export interface FillOptions {
  /** How many kinds of match (and mask) the flows have, 1 to 8; default 6. */
  shapes?: number;
  seed?: number;
  /** At most this many packets a second; the switch's own speed is the usual limit. */
  rate?: number;
  /** Sends from this CPU only. */
  cpu?: number;
  /** Give up after this many seconds. Default: 30, and one more for every 2,000 flows. */
  seconds?: number;
}

export interface FillReport {
  asked: number;
  /** Flows in the datapath now that were not there before. */
  installed: number;
  packets: number;
  rounds: number;
  /** Until all flows were there; and with the further packets that some of them got. */
  installSeconds: number;
  seconds: number;
}

/** The traffic tool, built at first use and when its sources have changed (plain CMake, in .build/native). */
export async function trafficTool(): Promise<string> {
  const build = join(packageRoot, '.build', 'native');
  const tool = join(build, 'native', 'tools', 'lab_traffic');
  const sources = join(packageRoot, 'native', 'tools', 'lab');
  const changed = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const newest = Math.max(...readdirSync(sources).map((name) => changed(join(sources, name))));
  if (changed(tool) >= newest) return tool;
  requirePrograms(['cmake', 'c++']);
  mkdirSync(build, { recursive: true });
  // Tests run side by side: one builds, the others wait and find it built.
  const locked = ['--timeout', '600', join(build, 'build.lock'), 'cmake'];
  if (!existsSync(join(build, 'CMakeCache.txt'))) {
    await run('flock', [...locked, '-S', packageRoot, '-B', build], { timeoutMs: 700_000 });
  }
  await run('flock', [...locked, '--build', build, '--target', 'lab_traffic'], { timeoutMs: 900_000 });
  if (!existsSync(tool)) throw new CtiError('SYSTEM', `the build of lab_traffic did not make ${tool}`);
  return tool;
}

const PINGS: readonly [from: string, to: string, size: number][] = [
  ['h1', '10.0.1.12', 56],
  ['h1', '10.0.1.1', 56],
  ['h1', '10.0.2.13', 56],
  ['h2', '10.0.1.14', 56],
  ['h1', '10.0.2.15', 56],
  ['h3', '10.0.1.12', 56],
  ['h5', '10.0.1.11', 56],
  ['h1', '203.0.113.9', 56],
  ['h2', '10.0.1.11', 2000], // fragments
  ['h1', 'fd00:1::12', 56],
  ['h4', 'fd00:1::11', 56],
  ['h5', 'fd00:2::13', 56],
];

const CONVERSATIONS: readonly [
  protocol: 'tcp' | 'udp',
  from: string,
  to: string,
  address: string,
  port: number,
  listens: number,
  size: number,
][] = [
  ['tcp', 'h1', 'h2', '10.0.1.12', 80, 80, 20_000],
  ['tcp', 'h1', 'h4', '10.0.1.14', 443, 443, 20_000],
  ['tcp', 'h3', 'h1', '10.0.1.11', 8080, 8080, 3000],
  ['tcp', 'h2', 'h5', '10.0.2.15', 4321, 4321, 3000],
  ['tcp', 'h1', 'ext', '203.0.113.9', 443, 443, 5000],
  ['tcp', 'h4', 'h1', 'fd00:1::11', 80, 80, 2000],
  ['udp', 'h1', 'h2', '10.0.1.12', 53, 53, 200],
  ['udp', 'h5', 'h1', '10.0.1.11', 53, 53, 300],
  ['udp', 'h3', 'ext', '203.0.113.9', 20000, 20000, 400],
  ['udp', 'h2', 'h1', 'fd00:1::11', 53, 53, 100],
];

/** Odd frames: from, to, kinds. Most of them end in a drop, each at another table. */
const MIXES: readonly [from: string, to: string, kinds: string][] = [
  ['h1', 'h2', ''],
  ['h2', 'h4', 'tcp_syn,tcp_syn_ack,udp,udp6,icmp,icmp6,sctp,fragments,arp,nd,tos'],
  ['h4', 'h1', 'tcp_syn,tcp_syn_fin,udp,forged_ip,forged_mac,multicast,arp'],
  ['h1', 'router', 'elsewhere,ttl1,tcp_syn,udp,tos'],
  ['h5', 'router', 'elsewhere,ttl1,icmp'],
  ['ext', 'outside', 'tcp_syn,udp,icmp,tos,vlan'],
];

const addressed = (host: Host, prefix = ''): string[] => [
  `--${prefix}mac`,
  host.mac,
  `--${prefix}ip4`,
  host.ip4,
  `--${prefix}ip6`,
  host.ip6,
];

function target(from: Host, to: string): Host {
  if (to === 'outside') return { ...from, mac: '02:00:00:00:00:09', ip4: '203.0.113.1' };
  if (to !== 'router') return hostNamed(to);
  const lan = Number(from.ip4.split('.')[2]);
  return { ...hostNamed(lan === 1 ? 'h3' : 'h2'), mac: `02:00:00:00:00:0${lan}` };
}

export async function sendTraffic(tag: string, options: TrafficOptions): Promise<TrafficReport> {
  const { seed = 1, count = 10 } = options;
  const tool = await trafficTool();
  const report: TrafficReport = { pings: 0, conversations: 0, frames: 0, unanswered: [] };

  await Promise.all(
    PINGS.map(async ([from, address, size]) => {
      const args = ['-q', '-n', '-c', '3', '-i', '0.1', '-W', '10', '-s', String(size), address];
      const { status } = await run('ping', args, { netns: `${tag}-${from}`, okStatus: [0, 1, 2] });
      report.pings++;
      if (status !== 0) report.unanswered.push(`ping from ${from} to ${address}`);
    }),
  );

  // The virtual IP's backends are h2 and h4: whichever the group picks for this connection answers if it listens.
  for (const backend of ['h2', 'h4']) {
    const line = `tcp ${tag}-h1 ${tag}-${backend} ${VIP} 80 8080 1000\n`;
    await run(tool, ['talk', '--seconds', '0.3'], { input: line.repeat(3), okStatus: [0, 1] });
  }
  const lines = CONVERSATIONS.map(
    ([protocol, from, to, ...rest]) => `${protocol} ${tag}-${from} ${tag}-${to} ${rest.join(' ')}\n`,
  );
  const talked = await run(tool, ['talk', '--seconds', '20'], {
    input: lines.join(''),
    okStatus: [0, 1],
    timeoutMs: 240_000,
  });
  const { answered } = JSON.parse(talked.stdout) as { answered: boolean[] };
  answered.forEach((ok, i) => {
    report.conversations++;
    if (!ok) report.unanswered.push(`conversation ${lines[i]?.trim()}`);
  });

  const senders: [from: Host, netns: string, to: Host, kinds: string][] = MIXES.map(([from, to, kinds]) => [
    hostNamed(from),
    `${tag}-${from}`,
    target(hostNamed(from), to),
    kinds,
  ]);
  senders.push([NESTED, `${tag}-h1`, hostNamed('h2'), 'vlan,other_vlan']);
  senders.push([NESTED, `${tag}-h1`, hostNamed('h4'), 'vlan']);
  for (const [i, [from, netns, to, kinds]] of senders.entries()) {
    const args = ['mix', '--interface', 'eth0', ...addressed(from), ...addressed(to, 'to-'), '--kinds', kinds];
    args.push('--vlan', String(NESTED_VLAN), '--count', String(count), '--seed', String(seed * 100 + i));
    const sent = await run(tool, args, { netns });
    report.frames += (JSON.parse(sent.stdout) as { sent: number }).sent;
  }
  return report;
}

interface Filled {
  seen: number;
  sent: number;
  rounds: number;
  installSeconds: number;
  seconds: number;
}

/** Sends flows `first` to `first + n - 1`, until all of them came out of the switch or the time is over. */
export async function sendFill(
  tag: string,
  first: number,
  n: number,
  options: FillOptions & { once?: boolean },
): Promise<Filled> {
  const seconds = options.seconds ?? 30 + n / 2000;
  const args = ['fill', '--out', 'tx', '--in', 'rx', '--first', String(first), '--count', String(n)];
  args.push('--shapes', String(options.shapes ?? 6), '--seed', String(options.seed ?? 1), '--seconds', String(seconds));
  if (options.rate !== undefined) args.push('--rate', String(options.rate));
  if (options.once) args.push('--once');
  const tool = await trafficTool();
  const pinned = options.cpu === undefined ? [] : ['taskset', '-c', String(options.cpu)];
  const [program = tool, ...rest] = [...pinned, tool, ...args];
  const done = await run(program, rest, {
    netns: `${tag}-fill`,
    okStatus: [0, 1],
    timeoutMs: seconds * 1000 + 60_000,
  });
  return JSON.parse(done.stdout) as Filled;
}
