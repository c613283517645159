/** top and watch in a real terminal (tmux), on a real switch: what the screen shows, what keys do, and what is left behind however it ends. */
// Takes 24 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { Keys } from '../lib/cli/screen/keys.js';
import { columnWidths, tableLines } from '../lib/cli/screen/table-lines.js';
import { fit, marksOf, widthOf } from '../lib/cli/screen/text.js';
import { cli } from './support/cli.js';
import { followsSizes, SCREEN_QUESTION, startScreenSwitch, still } from './support/live-screen.js';
import { startPrivateSwitch } from './support/private-switch.js';
import { childrenOf } from './support/processes.js';
import { startTmux, type Tmux, type TmuxOptions } from './support/tmux.js';

const dir = mkdtempSync(join(tmpdir(), 'cti-screen-'));
const BIN = join(packageRoot, 'dist/cli/bin.js');

const ovs = await startScreenSwitch();
t.teardown(async () => {
  await ovs.stop();
  rmSync(dir, { recursive: true, force: true });
});
const { send } = ovs;

function terminal(t: { teardown(f: () => void): void }, options: TmuxOptions = {}): Tmux {
  const tmux = startTmux(options);
  t.teardown(() => tmux.stop());
  return tmux;
}

const run = (tmux: Tmux, words: string): void => {
  tmux.type(`node ${BIN} ${words} --rundir ${ovs.rundir}; echo "status $?"`);
  tmux.press('Enter');
};

t.test('the screen, line by line, and what keys do', async (t) => {
  const tmux = terminal(t);
  tmux.type('echo before');
  tmux.press('Enter');
  run(tmux, `watch '${SCREEN_QUESTION}' --interval 500ms`);
  const first = await tmux.until('rows', (text) => text.includes('02:00:00:00:00:10'));
  t.equal(first.length, 24);
  const body = first.slice(4, 22);
  t.strictSame(still([...first.slice(0, 4), ...first.slice(22)]), [
    'ctinspector watch  SOURCE  TIME UTC  every N ms',
    'dp_flows | where in_port in {p1, p2} | sort by eth_dst | show eth_dst, in_port,…',
    '',
    'eth_dst            in_port  packets  actions',
    '1-18 of 35 rows of N flows; cost N ms of the switch',
    'q quit  p pause  / filter  <> order  r reverse  h help',
  ]);
  for (const [i, line] of body.entries())
    t.match(line, new RegExp(`^02:00:00:00:00:${10 + i}  p1 +0  (br0,p2|p2,br0)$`));
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0');

  tmux.press('End');
  await tmux.until('the last row', (text) => text.includes('02:00:00:00:00:54') && text.includes('18-35 of 35 rows'));
  tmux.press('Home');
  await tmux.until('the first row', (text) => text.includes('02:00:00:00:00:10'));
  tmux.press('Down', 'Down');
  await tmux.until('two rows on', (text) => text.includes('3-20 of 35 rows') && !text.includes('02:00:00:00:00:11'));

  tmux.type('>');
  await tmux.until('order by the first column', (text) => /eth_dst▼/.test(text) && text.includes('02:00:00:00:00:54'));
  tmux.type('r');
  await tmux.until('the other way round', (text) => /eth_dst▲/.test(text) && text.includes('02:00:00:00:00:10'));
  tmux.press('Right');
  await tmux.until('order by the port', (text) => /in_port▲/.test(text));

  tmux.type('/');
  tmux.type('in_port = p2 and eth_dst != 02:00:00:00:00:54x');
  await tmux.until('what is typed', (text) => text.includes('filter: in_port = p2 and eth_dst != 02:00:00:00:00:54x_'));
  tmux.press('BSpace', 'Enter');
  const filtered = await tmux.until('the rows of p2', (text) => text.includes('4 rows of '));
  t.equal(filtered[2], 'filter: in_port = p2 and eth_dst != 02:00:00:00:00:54');
  t.notOk(filtered.some((line) => line.includes('02:00:00:00:00:10')));

  tmux.type('/');
  tmux.press('C-u');
  tmux.type('in_prt = 1');
  tmux.press('Enter');
  const refused = await tmux.until('what is wrong', (text) => text.includes('has no field'));
  t.match(refused[2], /^dp_flows has no field called "in_prt"; did you mean in_port/);
  await sleep(1500);
  t.equal(tmux.screen()[2], refused[2], 'readings that come meanwhile leave it there');
  t.ok(
    refused.some((line) => line.includes('4 rows of ')),
    'the filter before holds',
  );
  tmux.type('/');
  tmux.press('C-u', 'Enter');
  await tmux.until('all rows', (text) => text.includes('of 35 rows of '));

  tmux.type('p');
  await tmux.until('the pause', (text) => text.includes('PAUSED'));
  await sleep(500); // all of that frame
  const paused = tmux.screen();
  send(10, 3);
  await sleep(1500);
  t.strictSame(tmux.screen(), paused, 'nothing moves');
  tmux.type('r');
  await tmux.until('order by the port, still paused', (text) => /in_port▼/.test(text) && text.includes('PAUSED'));
  tmux.type('p');
  await tmux.until(
    'what came meanwhile',
    (text) => /02:00:00:00:00:10 {2}p1 +3 /.test(text) || /1-18 of 35/.test(text),
  );

  tmux.type('h');
  await tmux.until('the help', (text) => text.includes('order by the column to the left'));
  tmux.type('x');
  await tmux.until('the rows again', (text) => text.includes('02:00:00:00:00:'));
  tmux.type('q');
  const after = await tmux.until('the shell', (text) => text.includes('status 0'));
  t.equal(after[0], '$ echo before', 'what the terminal had is there again');
  t.notOk(after.some((line) => line.includes('PgUp')));
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
  tmux.type('stty -a | tr " " "\\n" | grep -cxE "icanon;?|echo;?|isig;?"');
  tmux.press('Enter');
  await tmux.until('the modes of the terminal', (_text, lines) => lines.includes('3'));
});

t.test('every way to end leaves the terminal as it was', async (t) => {
  const tmux = terminal(t);
  const ready = () => tmux.until('rows', (text) => text.includes('pps▼') && / of \d+ flows/.test(text));
  const pidOf = () => Number(tmux.ask('#{pane_pid}'));
  const child = (): number => childrenOf(pidOf()).at(-1)!;
  const restored = async (what: string, status: RegExp) => {
    await tmux.until(`${what}: the shell`, (text) => status.test(text));
    t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1', what);
    tmux.type('stty -a | tr " " "\\n" | grep -cxE "icanon;?|echo;?|isig;?"; tput clear');
    tmux.press('Enter');
    await tmux.until('a clear screen', (_text, lines) => lines.filter((line) => line !== '').length <= 1);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    run(tmux, 'top --interval 300ms');
    await ready();
    process.kill(child(), signal);
    await restored(signal, signal === 'SIGHUP' ? /status 129/ : /status 0/);
  }
  run(tmux, 'top --interval 300ms');
  await ready();
  tmux.press('C-c');
  await restored('Ctrl-C', /status 0/);
  // A fault of ours, while the screen is up.
  const fault = join(dir, 'fault.mjs');
  writeFileSync(fault, `process.on('SIGUSR2', () => { throw new Error('a fault on purpose'); });`);
  tmux.type(`node --import ${fault} ${BIN} top --interval 300ms --rundir ${ovs.rundir}; echo "status $?"`);
  tmux.press('Enter');
  await ready();
  process.kill(child(), 'SIGUSR2');
  await tmux.until('the fault, where it can be read', (text) => text.includes('a fault on purpose'));
  await restored('an uncaught error', /status 1/);
  run(tmux, 'top --interval 600s');
  await tmux.until('the first screen', (text) => text.includes('waiting for the first answer'));
  const asked = Date.now();
  tmux.type('q');
  await restored('while it waits for the next reading', /status 0/);
  t.ok(Date.now() - asked < 60_000, 'it does not wait for it');
  run(tmux, 'top --interval 300ms');
  await ready();
  tmux.press('C-z');
  await tmux.until('the shell', (text) => /Stopped/.test(text));
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1', 'Ctrl-Z');
  tmux.type('fg');
  tmux.press('Enter');
  await ready();
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0', 'fg');
  tmux.type('q');
  await restored('quit after fg', /status 0|Stopped/);
});

t.test('any width and height; nothing is drawn that was there', async (t) => {
  const tmux = terminal(t);
  const recorded = tmux.record();
  run(tmux, 'top --interval 300ms');
  const shown = await tmux.until('rows', (text) => text.includes('pps▼') && / of \d+ flows/.test(text));
  t.ok(shown.every((line) => widthOf(line) <= 80));
  t.match(shown[3], /^ *pps▼ +bps +in_port/);
  await followsSizes(t, tmux, [
    [120, 40],
    [40, 10],
    [200, 50],
    [20, 5],
    [80, 24],
  ]);
  const framesOf = (bytes: string) => bytes.split('\u001b[?2026h').slice(1);
  // Frames at the last size: the first is all of it, columns may still grow in the second.
  await tmux.until('frames at rest', () => framesOf(recorded().split('\u001b[2J').at(-1)!).length >= 5);
  tmux.type('q');
  await tmux.until('the shell', (text) => text.includes('status 0'));
  const bytes = recorded();
  const frames = framesOf(bytes);
  t.ok(frames.length > 5, `${frames.length} frames`);
  t.ok(
    frames.every((frame) => frame.includes('\u001b[?2026l')),
    'each frame is one synchronized update',
  );
  const clears = bytes.split('\u001b[2J').length - 1;
  t.equal(clears, 1 + 5, 'the screen is cleared once, and when its size changes');
  // With nothing going on a frame is the line of the time and one of the footer.
  const idle = frames.slice(-3).map((frame) => frame.split('H').length);
  t.ok(
    frames.slice(-3, -1).every((frame) => frame.length < 1500),
    `${idle} lines, ${frames.slice(-3).map(({ length }) => length)} bytes`,
  );
});

t.test('what comes from outside cannot steer the terminal', async (t) => {
  const dump = join(dir, 'evil.txt');
  const row = `ufid:11111111-0000-4000-8000-000000000000, recirc_id(0),in_port(vm\u001b[2J\u001b]0;owned\u0007\u001b[31m),packet_type(ns=0,id=0),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:0a),eth_type(0x0806), packets:1, bytes:60, used:1.500s, dp:ovs, actions:"\u009b31m"`;
  writeFileSync(dump, `flow-dump from the main thread:\n${row}\n`);
  const tmux = terminal(t);
  const recorded = tmux.record();
  run(
    tmux,
    `watch "dp_flows | changes since ${dump} | where change = gone | show change, in_port, actions" --interval 300ms`,
  );
  const lines = await tmux.until('the row', (_text, lines) => lines.some((line) => line.startsWith('gone ')));
  t.ok(
    lines.some((line) => line.includes('gone    vm\\x1b[2J\\x1b]0;owned\\x07\\x1b[31m')),
    lines.join('\n'),
  );
  tmux.type('/');
  tmux.type('in_port matches /é世/');
  await tmux.until('other scripts', (text) => text.includes('/é世/_'));
  tmux.press('Escape');
  tmux.type('q');
  await tmux.until('the shell', (text) => text.includes('status 0'));
  const bytes = recorded();
  t.notOk(bytes.includes('owned\u0007'));
  t.notOk(bytes.includes('\u001b[31mm') || bytes.includes('\u009b'));
});

t.test('a switch that goes is said, and its rows are shown as soon as it is back', async (t) => {
  const other = await startPrivateSwitch();
  t.teardown(() => other.stop());
  other.addBridge({ ports: ['p1', 'p2'] });
  other.vsctl('set', 'Open_vSwitch', '.', 'other_config:max-idle=3600000');
  const receive = (n: number) => {
    const flow = 'in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02),eth_type(0x1234)';
    for (let i = 0; i < n; i++) other.appctl('netdev-dummy/receive', 'p1', flow);
  };
  receive(5);
  const tmux = terminal(t);
  const words = `watch 'dp_flows | where eth_type = 0x1234 | show in_port, packets' --interval 300ms`;
  tmux.type(`node ${BIN} ${words} --rundir ${other.rundir}; echo "status $?"`);
  tmux.press('Enter');
  await tmux.until('its flow', (text) => /p1 +4$/m.test(text));
  for (const round of [1, 2]) {
    const before = other.pid;
    await other.kill('SIGKILL');
    const gone = await tmux.until('that it has gone', (_text, lines) => /^the switch has gone: /.test(lines[2] ?? ''));
    t.match(gone[0], `memory:${before} `, 'the rows are those of the process before, and it says so');
    await other.restart();
    await tmux.until('the new process, without a flow', (text, lines) => {
      const isNew = lines[0]?.includes(`memory:${other.pid} `) || lines[0]?.includes(`.${other.pid}.ctl`);
      return Boolean(isNew) && lines[2] === '' && text.includes('0 rows of ');
    });
    receive(round + 1);
    await tmux.until('the new flow', (text, lines) => {
      return new RegExp(`p1 +${round}$`, 'm').test(text) && Boolean(lines[0]?.includes(`memory:${other.pid} `));
    });
  }
  tmux.type('q');
  await tmux.until('the shell', (text) => text.includes('status 0'));
});

t.test('plain blocks go on after a restart', async (t) => {
  const other = await startPrivateSwitch();
  t.teardown(() => other.stop());
  other.addBridge({ ports: ['p1'] });
  const start = (...words: string[]) => {
    const where = ['--interval', '100ms', '--timeout', '2', '--rundir', other.rundir];
    const child = spawn(process.execPath, [BIN, 'watch', 'ports | show name', ...words, ...where]);
    t.teardown(() => child.kill('SIGKILL'));
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said.err += text;
    });
    const blocks = () => said.out.match(/^\d{4}-.*Z$/gm)?.length ?? 0;
    const until = async (what: string, is: () => boolean) => {
      for (const end = Date.now() + 20_000; !is(); await sleep(20))
        if (Date.now() > end) throw new Error(`waited 20 s for ${what}: ${JSON.stringify(said)}`);
    };
    return { said, blocks, until, ended: once(child, 'close'), child };
  };
  const endless = start();
  await endless.until('answers', () => endless.blocks() >= 2);
  await other.kill('SIGKILL');
  const word = /ctinspector watch: waiting for the switch to come back: .*has gone/g;
  await endless.until('a word of it', () => word.test(endless.said.err));
  const before = endless.blocks();
  await other.restart();
  await endless.until('answers of the new one', () => endless.blocks() >= before + 2);
  endless.child.kill('SIGTERM');
  t.equal((await endless.ended)[0], 0);
  t.equal(endless.said.err.match(word)?.length, 1, 'said once');

  const counted = start('--times', '1000000');
  await counted.until('answers', () => counted.blocks() >= 2);
  await other.kill('SIGKILL');
  t.equal((await counted.ended)[0], 2, 'so many answers and no more: the time limit holds');
  t.match(counted.said.err, /waiting for the switch to come back.*has gone/);
});

t.test('elsewhere: plain blocks, or a sentence', async (t) => {
  const where = ['--rundir', ovs.rundir];
  const blocks = await cli([
    'watch',
    'dp_flows | where in_port in {p1, p2} | count by in_port',
    '--times',
    '2',
    '--interval',
    '200ms',
    ...where,
  ]);
  t.equal(blocks.status, 0, blocks.err);
  t.match(blocks.out, /^\d{4}-\d\d-\d\dT[\d:.]+Z\nin_port {2}count\np1 +30\np2 +5\n\n\d{4}-/);
  const top = await cli(['top', 'in_port = p2', '--times', '1', '--interval', '200ms', ...where]);
  t.match(top.out, /^\d{4}.*Z\npps +bps +in_port/);
  t.match(top.err, /two samples [1-9]\d\d ms apart/);
  t.notOk((top.out + blocks.out).includes('\u001b'));
  for (const [args, message] of [
    [['watch', 'dp_flows | nonsense'], /expected a stage|nonsense/],
    [['watch', 'dp_flows', '--interval', '1ms'], /expected at least 100ms/],
    [['watch', 'dp_flows | changes since 2s', '--interval', '3s'], /both say how often to read/],
    [['watch', 'dp_flows', '--times', '0'], /--times: expected a number from 1/],
    [['watch', 'dp_flows', '--from', 'x'], /unknown option '--from'/],
    [['top', 'in_prt = 1'], /has no field called "in_prt"/],
  ] as const) {
    const done = await cli([...args, ...where]);
    t.equal(done.status, 2, args.join(' '));
    t.match(done.err, message);
  }
});

t.test('widths, marks, keys', (t) => {
  t.same(columnWidths([5, 5], 80), [5, 5]);
  t.same(columnWidths([50, 50, 4], 60), [26, 26, 4]);
  t.same(columnWidths([100, 10], 50), [38, 10]);
  t.same(columnWidths([9, 9, 9, 9], 20), [6, 6, 4, 0]);
  for (let room = 1; room < 120; room++) {
    const widths = columnWidths([7, 30, 3, 80, 12], room).filter((width) => width > 0);
    t.ok(widths.reduce((sum, width) => sum + width, 0) + 2 * (widths.length - 1) <= room, `${room}`);
  }
  t.equal(fit('a\u001b[31mb', 20, '~'), 'a\\x1b[31mb');
  t.equal(fit('abcdefgh', 5, '~'), 'abcd~');
  t.equal(fit('世界世界', 5, '…'), '世界…');
  t.equal(widthOf('世界'), 4);
  t.equal(fit('abc', 0, '~'), '');
  t.equal(marksOf({ LANG: 'C' }).cut, '~');
  t.equal(marksOf({ LANG: 'C', LC_ALL: 'de_DE.utf8' }).cut, '…');
  const { rows, head } = tableLines(
    [
      { name: 'a', align: 'right' },
      { name: 'bb', align: 'left' },
    ],
    [
      ['1', 'x'],
      ['22', 'yy'],
    ],
    20,
    marksOf({}),
  );
  t.same([head.trimEnd(), ...rows], [' a  bb', ' 1  x', '22  yy']);
  const keys = new Keys();
  t.same(
    keys.push('q\u001b[A\u001bOB\u001b[5~\r\u007f\u0003é').map((key) => (key.kind === 'text' ? key.text : key.kind)),
    ['q', 'up', 'down', 'page-up', 'enter', 'backspace', 'interrupt', 'é'],
  );
  t.same(keys.push('\u001b['), []);
  t.same(keys.push('6~'), [{ kind: 'page-down' }]);
  t.same(keys.push('\u001b'), [], 'it may be the begin of one');
  t.ok(keys.isWaiting);
  t.same(keys.push('[A'), [{ kind: 'up' }], 'in two packets');
  t.notOk(keys.isWaiting);
  t.same([...keys.push('\u001b'), ...keys.flush()], [{ kind: 'escape' }]);
  t.same([...keys.push('\u001b['), ...keys.flush(), ...keys.push('q')], [{ kind: 'text', text: 'q' }]);
  t.same(
    keys.push('\u001bq').map(({ kind }) => kind),
    ['escape', 'text'],
  );
  t.same(keys.push('\u001b[200~'), [], 'what is not known is nothing');
  t.end();
});
