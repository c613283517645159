/** The lab itself: what it offers to the other tests, and that it leaves nothing behind. Needs root and Open vSwitch. */
// Takes 25 s.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { packageRoot } from '../lib/addon.js';
import { type Lab, startLab } from './support/lab.js';
import { removeStaleLabsSync } from './support/lab-state.js';
import { requirePrograms, run } from './support/lab-system.js';

interface Done {
  status: number | null;
  out: string;
  err: string;
}

/** scripts/lab as a person runs it. */
function cli(args: string[], options: { uid?: number } = {}): Promise<Done> {
  return new Promise((resolve) => {
    const child = spawn(join(packageRoot, 'scripts/lab'), args, { ...options, timeout: 180_000 });
    const done: Done = { status: null, out: '', err: '' };
    child.stdout.on('data', (chunk) => {
      done.out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      done.err += chunk;
    });
    child.on('close', (status) => resolve({ ...done, status }));
  });
}

/** Traces of a lab: namespaces with its tag, processes that know its directory, interfaces of its kind outside, the directory. */
async function traces(lab: { dir: string; tag: string }): Promise<string[]> {
  const netns = existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith(lab.tag)) : [];
  const processes = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false;
    try {
      return ['environ', 'cmdline'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(lab.dir));
    } catch {
      return false;
    }
  });
  const links = (await run('ip', ['-br', 'link'])).stdout
    .split('\n')
    .filter((line) => /^(br-|h\d|f-|u\d|ext|genev)/.test(line));
  return [...netns, ...processes, ...links, ...(existsSync(lab.dir) ? [lab.dir] : [])];
}

const lines = (dump: string): string[] => dump.split('\n').filter((line) => line.startsWith('ufid:'));
const ufids = (flows: string[]): Set<string> => new Set(flows.map((line) => line.slice(5, 41)));

/** A flow's shape: its match with all values taken out; what is left are the keys and the masks. */
const shape = (line: string): string =>
  line
    .replace(/^ufid:[^,]*,/, '')
    .replace(/, packets:.*/, '')
    .replace(/=[^(),/]*/g, '=')
    .replace(/in_port\([^)]*\)/, '');

test('a lab: traffic of many shapes, fill, restart, nothing left', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  t.ok((await traces(lab)).length > 8, 'the traces this test looks for are there while the lab is up');

  const report = await lab.traffic();
  t.same(report.unanswered, [], 'all that the rules let through is answered');
  const flows = lines(await lab.dump());
  t.ok(flows.length >= 200, `${flows.length} megaflows`);
  const shapes = new Set(flows.map(shape));
  t.ok(shapes.size >= 40, `${shapes.size} shapes`);
  const expected: Record<string, RegExp> = {
    'conntrack, first pass': /recirc_id\(0\).*actions:ct\(zone=\d+,nat\),recirc\(0x/,
    'recirculated, established': /ct_state\(0x2a\/0x[0-9a-f]+\).*recirc_id\(0x/,
    'recirculated, new': /ct_state\(0x21\/0x[0-9a-f]+\).*recirc_id\(0x/,
    'recirculated, invalid': /ct_state\(0x30\/0x[0-9a-f]+\).*actions:drop/,
    'commit with mark and label': /actions:ct\(commit,zone=\d+,mark=0x1\/0xffffffff,label=/,
    'source NAT': /nat\(src=203\.0\.113\.1/,
    'load balancer': /nat\(dst=10\.0\.1\.1[24]:8080\)/,
    'select group': /dp_hash\(0x[0-9a-f]+\/0x/,
    'into the tunnel':
      /tnl_push\(tnl_port\(genev_sys_6081\).*geneve\(crit,vni=0x1,options\(\{class=0x102,type=0x80,len=4,0x/,
    'tunnel packets arrive': /actions:tnl_pop\(genev_sys_6081\)/,
    'out of the tunnel':
      /tunnel\(tun_id=0x1,src=172\.31\.0\.\d,dst=172\.31\.0\.\d.*geneve\(\{class=0x102,type=0x80,len=4,0x/,
    drop: /actions:drop/,
    routed: /actions:.*set\(eth\(src=02:00:00:00:00:02,dst=.*set\(ipv4\(ttl=63\)\)/,
    'VLAN in': /vlan\(vid=100.*encap\(.*actions:pop_vlan/,
    'VLAN out': /actions:.*push_vlan\(vid=100/,
    ARP: /eth_type\(0x0806\),arp\(sip=/,
    'ARP answered by the switch, which takes its slow path': /arp\(.*tip=10\.0\.1\.1,op=1.*slow_path\(action\)/,
    IPv6: /eth_type\(0x86dd\),ipv6\(/,
    'neighbour discovery': /icmpv6\(type=135.*nd\(target=fd00:1::/,
    UDP: /udp\(src=/,
    TCP: /tcp\(src=/,
    SCTP: /sctp\(src=/,
    ICMP: /icmp\(type=8/,
    'later fragments': /frag=later/,
  };
  for (const [what, pattern] of Object.entries(expected))
    t.ok(
      flows.some((line) => pattern.test(line)),
      what,
    );

  const filled = await lab.fill(2000);
  t.ok(filled.installed >= 2000, `${filled.installed} installed`);
  const fill = lines(await lab.dump()).filter((line) => line.includes('in_port(f-tx)'));
  t.equal(ufids(fill).size, 2000, 'exactly the flows asked for, all distinct');
  t.equal(new Set(fill.map(shape)).size, 6, 'six shapes');
  const packets = fill.map((line) => Number(/packets:(\d+)/.exec(line)?.[1])).sort((a, b) => b - a);
  t.same(packets.slice(0, 3), [100, 50, 33], 'packets fall off by rank');

  await lab.fill(500, { shapes: 8, seed: 7 });
  const more = lines(await lab.dump()).filter((line) => line.includes('in_port(f-tx)'));
  t.equal(ufids(more).size, 2500, 'a second fill makes others');
  t.equal(new Set(more.map(shape)).size, 8, 'eight shapes');

  const { pid } = lab;
  lab.kill();
  t.equal(lab.isSwitchRunning, false, 'killed');
  await t.rejects(lab.fill(10), { code: 'NO_SWITCH' }, 'no switch to fill');
  await lab.restart();
  t.not(lab.pid, pid, 'another process');
  t.ok((await lab.nFlows()) < 500, 'megaflows are gone');
  t.same((await lab.traffic()).unanswered, [], 'and the rules are back');

  await t.rejects(lab.fill(0), { code: 'INVALID_ARGUMENT', message: /from 1 to 4000000 but received 0/ });
  await t.rejects(lab.fill(10, { shapes: 9 }), {
    code: 'INVALID_ARGUMENT',
    message: /shapes .*from 1 to 8 but received 9/,
  });
  await t.rejects(lab.appctl('no/such'), { code: 'SYSTEM', message: /"no\/such" is not a valid command/ });

  await lab.stop();
  t.same(await traces(lab), [], 'nothing is left');
});

test('a fill that OVS cuts is not called a success', async (t) => {
  const lab = await startLab();
  t.teardown(() => lab.stop());
  await lab.vsctl('set', 'Open_vSwitch', '.', 'other_config:flow-limit=1000');
  await lab.appctl('upcall/set-flow-limit', '1000');
  // OVS looks at the number of flows ten times a second.
  await t.rejects(lab.fill(3000, { rate: 5000 }), {
    message: /^\d+ of 3000 flows were installed: .* flow limit is 1000$/,
    details: { asked: 3000 },
  });
});

test('two labs at once do not meet', async (t) => {
  const labs = await Promise.all([startLab(), startLab()]);
  t.teardown(() => Promise.all(labs.map((lab) => lab.stop())));
  const [one, two] = labs as [Lab, Lab];
  t.not(one.pid, two.pid);
  await one.fill(300);
  t.ok((await one.nFlows()) >= 300);
  t.ok((await two.nFlows()) < 300, 'the other has none of them');
  await one.stop();
  t.same((await two.traffic()).unanswered, [], 'the other goes on');
});

test('a lab ends with its process, whatever ends that', async (t) => {
  // Labs of other tests, which remove what one that was killed left behind, do not look there.
  const { TMPDIR } = process.env;
  const base = mkdtempSync(join(tmpdir(), 'lab-ends-'));
  process.env.TMPDIR = base;
  t.teardown(() => {
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(base, { recursive: true, force: true });
  });
  const code = `import { startLab } from ${JSON.stringify(join(packageRoot, 'test/support/lab.ts'))};
    const lab = await startLab(); console.log(lab.dir, lab.tag); setInterval(() => {}, 1000);`;
  const loader = `file://${packageRoot}/node_modules/tsx/dist/loader.mjs`;
  const begin = async (): Promise<{
    kill(signal: NodeJS.Signals): Promise<void>;
    lab: { dir: string; tag: string };
  }> => {
    const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    const said = await new Promise<string>((resolve, reject) => {
      child.stdout.on('data', (chunk) => resolve(String(chunk)));
      child.on('exit', () => reject(new Error('the child ended before its lab was up')));
    });
    const [dir = '', tag = ''] = said.trim().split(' ');
    return {
      lab: { dir, tag },
      kill: (signal) => {
        child.kill(signal);
        return exit;
      },
    };
  };
  const [stopped, killed] = await Promise.all([begin(), begin()]);
  await stopped.kill('SIGTERM');
  t.same(await traces(stopped.lab), [], 'SIGTERM: it cleans up itself');

  await killed.kill('SIGKILL');
  t.ok((await traces(killed.lab)).length > 8, 'SIGKILL: it cannot');
  t.same(removeStaleLabsSync(), [killed.lab.dir]);
  t.same(await traces(killed.lab), [], 'the next one does');
});

test('scripts/lab', async (t) => {
  const base = mkdtempSync(join(tmpdir(), 'lab-cli-'));
  const dir = join(base, 'lab');
  t.teardown(async () => {
    await cli(['down', '--dir', dir]);
    rmSync(base, { recursive: true });
  });
  const full = join(base, 'full');
  mkdirSync(full);
  writeFileSync(join(full, 'mine.txt'), 'keep me');

  const wrong: [args: string[], words: RegExp][] = [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['fill', 'many', '--dir', dir], /expected a whole number but received 'many'/],
    [['fill', '0', '--dir', dir], /above 0 but received 0/],
    [['fill', '--dir', dir], /missing required argument 'N'/],
    [['status', '--dir', dir], /no lab is up in .*'scripts\/lab up' starts one/],
    [['fill', '10', '--dir', dir], /no lab is up in/],
    [['down', '--dir', dir], /no lab is up in/],
    [['up', '--dir', full], /is not empty \(mine\.txt\)/],
    [['up', '--dir', join(base, 'x'.repeat(70))], /too long for unix sockets/],
  ];
  for (const [args, words] of wrong) {
    const done = await cli(args);
    t.equal(done.status, 2, args.join(' '));
    t.match(done.err, words);
    t.equal(done.out, '');
  }
  t.same(readdirSync(full), ['mine.txt'], 'a directory that is not a lab is left alone');
  t.throws(
    () => requirePrograms(['ovs-vswitchd'], ['/nonexistent']),
    /not installed; run: apt-get install openvswitch-switch/,
  );

  const up = await cli(['up', '--dir', dir]);
  t.equal(up.status, 0, up.err);
  t.match(up.out, `export OVS_RUNDIR=${dir}/run`);
  const again = await cli(['up', '--dir', dir]);
  t.equal(again.status, 2);
  t.match(again.err, /a lab is already up/);
  const fill = await cli(['fill', '1000', '--dir', dir, '--format', 'json']);
  t.equal(fill.status, 0, fill.err);
  t.ok(JSON.parse(fill.out).installed >= 1000);
  const status = JSON.parse((await cli(['status', '--dir', dir, '--format', 'json'])).out);
  t.match(status, { running: true, rundir: join(dir, 'run'), pid: Number });
  t.ok(status.flows >= 1200, `${status.flows} flows`);
  const named = await run('ovs-appctl', ['-t', 'ovs-vswitchd', 'dpctl/show'], { env: { OVS_RUNDIR: status.rundir } });
  t.match(named.stdout, /port \d+: f-tx/, 'OVS_RUNDIR is all that a tool needs');
  t.equal((await cli(['down', '--dir', dir])).status, 0);
  t.same(await traces({ dir, tag: status.netns }), []);
});

test('without root', async (t) => {
  const nobody = await cli(['up', '--dir', join(tmpdir(), 'lab-of-nobody')], { uid: 65534 });
  t.equal(nobody.status, 2);
  t.match(nobody.err, /needs root/);
  t.notOk(existsSync(join(tmpdir(), 'lab-of-nobody')));
});
