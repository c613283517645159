/**
 * top and watch on the far side of a real sshd, in a real terminal (tmux) on the near side: screen, keys and sizes come through, a connection that
 * is cut ends what it started, and without a terminal there are plain blocks.
 */
// Takes 20 s.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';
import { followsSizes, SCREEN_QUESTION, startScreenSwitch, still } from './support/live-screen.js';
import { childrenOf } from './support/processes.js';
import { startSshd } from './support/sshd.js';
import { startTmux, type Tmux } from './support/tmux.js';
import { until } from './support/until.js';

const BIN = join(packageRoot, 'dist/cli/bin.js');
const ovs = await startScreenSwitch();
const sshd = await startSshd();
t.teardown(async () => {
  await sshd.stop();
  await ovs.stop();
});

function terminal(t: { teardown(f: () => void): void }): Tmux {
  const tmux = startTmux();
  t.teardown(() => tmux.stop());
  return tmux;
}

/** A command of the far side, for a shell there. */
const far = (words: string): string => `${process.execPath} ${BIN} ${words} --rundir ${ovs.rundir}`;

/** Types it on the near side; `"` may not be in it. */
function run(tmux: Tmux, words: string, { options = ['-tt'], before = '' } = {}): void {
  tmux.type(`${sshd.client(...options)} "${before}${far(words)}; echo far \\$?"; echo near $?`);
  tmux.press('Enter');
}

const ready = (tmux: Tmux) => tmux.until('rows', (text) => text.includes('pps▼') && / of \d+ flows/.test(text));

/** The ssh that the shell in the terminal runs. */
const clientOf = (tmux: Tmux): number => childrenOf(Number(tmux.ask('#{pane_pid}'))).at(-1)!;

/** Screen, cursor and modes as a shell has them. */
async function restored(
  t: { equal(a: unknown, b: unknown, what: string): unknown },
  tmux: Tmux,
  what: string,
): Promise<void> {
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1', what);
  tmux.type('stty -a | tr " " "\\n" | grep -cxE "icanon;?|echo;?|isig;?"; tput clear');
  tmux.press('Enter');
  await tmux.until('a clear screen', (_text, lines) => lines.filter((line) => line !== '').length <= 1);
}

/** Nothing that a connection started is left: no process, and so none that holds a memory of rows. */
const nothingLeft = (what: string) =>
  until(
    () => `${what}: the end of ${sshd.processes()}`,
    () => sshd.processes().length === 0,
  );

t.test('the screen comes through, and so do keys and sizes', async (t) => {
  const tmux = terminal(t);
  run(tmux, `watch '${SCREEN_QUESTION}' --interval 500ms`);
  const first = await tmux.until('rows', (text) => text.includes('02:00:00:00:00:10'));
  t.strictSame(still([...first.slice(0, 4), ...first.slice(22)]), [
    'ctinspector watch  SOURCE  TIME UTC  every N ms',
    'dp_flows | where in_port in {p1, p2} | sort by eth_dst | show eth_dst, in_port,…',
    '',
    'eth_dst            in_port  packets  actions',
    '1-18 of 35 rows of N flows; cost N ms of the switch',
    'q quit  p pause  / filter  <> order  r reverse  h help',
  ]);
  for (const [i, line] of first.slice(4, 22).entries())
    t.match(line, new RegExp(`^02:00:00:00:00:${10 + i}  p1 +\\d+  (br0,p2|p2,br0)$`));
  t.ok(sshd.processes().length > 0, 'the far side is found, so that its end can be');

  tmux.type('>');
  await tmux.until('order by the first column', (text) => /eth_dst▼/.test(text) && text.includes('02:00:00:00:00:54'));
  tmux.press('Right');
  await tmux.until('an arrow, three bytes in a packet', (text) => /in_port▼/.test(text));
  tmux.type('/');
  tmux.type('in_port = p2 and eth_dst != 02:00:00:00:00:54');
  tmux.press('Enter');
  const filtered = await tmux.until('the rows of p2', (text) => text.includes('4 rows of '));
  t.equal(filtered[2], 'filter: in_port = p2 and eth_dst != 02:00:00:00:00:54');
  tmux.type('p');
  await tmux.until('the pause', (text) => text.includes('PAUSED'));

  await followsSizes(t, tmux, [
    [120, 40],
    [40, 10],
    [80, 24],
  ]);
  tmux.type('p');
  await tmux.until('it goes on', (text) => !text.includes('PAUSED'));
  tmux.type('q');
  const after = await tmux.until('the shell', (text) => text.includes('near 0'));
  t.ok(after.includes('far 0'));
  t.notOk(
    after.some((line) => line.startsWith('ctinspector watch') || line.startsWith('q quit')),
    'nothing of the screen',
  );
  await restored(t, tmux, 'q');
  await nothingLeft('q');
});

t.test('keys that mean a signal', async (t) => {
  const tmux = terminal(t);
  run(tmux, 'top --interval 300ms');
  await ready(tmux);
  // What ssh runs has no shell that could continue it: it cannot be stopped, and the screen stays.
  tmux.press('C-z');
  tmux.type('h');
  await tmux.until('the help: keys still reach it', (text) => text.includes('order by the column to the left'));
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '1 0');
  tmux.type('x');
  await ready(tmux);
  tmux.press('C-c');
  await tmux.until('the shell', (text) => text.includes('near 0'));
  await restored(t, tmux, 'Ctrl-C');
  await nothingLeft('Ctrl-C');
});

t.test('a connection that is cut leaves nothing behind', async (t) => {
  const states: readonly (readonly [string, string, (tmux: Tmux) => Promise<unknown>])[] = [
    ['between two frames', 'top --interval 300ms', ready],
    [
      'while it waits for a reading',
      'top --interval 600s',
      (tmux) => tmux.until('it', (text) => /waiting for/.test(text)),
    ],
    [
      'paused',
      'top --interval 300ms',
      async (tmux) => {
        await ready(tmux);
        tmux.type('p');
        await tmux.until('the pause', (text) => text.includes('PAUSED'));
      },
    ],
  ];
  for (const [when, words, reach] of states) {
    for (const cut of ['the client', 'the session'] as const) {
      const what = `${cut}, ${when}`;
      const tmux = startTmux();
      try {
        run(tmux, words);
        await reach(tmux);
        t.ok(sshd.processes().length > 0, what);
        const [session] = sshd.sessions();
        process.kill(cut === 'the client' ? clientOf(tmux) : session!, 'SIGKILL');
        await nothingLeft(what);
        await tmux.until('the shell', (text) => /near (137|255)/.test(text));
      } finally {
        tmux.stop();
      }
    }
  }
});

t.test('a terminal that goes without a signal ends it, too', async (t) => {
  // Of another session: the kernel has nobody to send SIGHUP to.
  const tmux = startTmux();
  t.teardown(() => tmux.stop());
  tmux.type(`setsid --wait ${far('top --interval 600s')}`);
  tmux.press('Enter');
  await tmux.until('the first screen', (text) => text.includes('waiting for the first answer'));
  const setsid = childrenOf(Number(tmux.ask('#{pane_pid}'))).at(-1)!;
  const [pid] = childrenOf(setsid);
  t.ok(pid);
  tmux.stop();
  await until('its end', () => {
    try {
      process.kill(pid!, 0);
      return false;
    } catch {
      return true;
    }
  });
});

t.test('without a terminal, or a dumb one: plain blocks', async (t) => {
  const words = `watch 'dp_flows | where in_port in {p1, p2} | count by in_port' --interval 200ms`;
  const BLOCKS = /^\d{4}-\d\d-\d\dT[\d:.]+Z\nin_port {2}count\np1 +30\np2 +5\n\n\d{4}-/;
  for (const cut of ['the client', 'the session'] as const) {
    const child = spawn('bash', ['-c', `exec ${sshd.client('-T')} "exec ${far(words)}"`]);
    t.teardown(() => child.kill('SIGKILL'));
    const said = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      said.out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said.err += text;
    });
    const ended = once(child, 'close');
    await until(
      () => `two blocks: ${JSON.stringify(said)}`,
      () => BLOCKS.test(said.out),
    );
    t.notOk(said.out.includes('\u001b'), 'nothing for a terminal');
    process.kill(cut === 'the client' ? child.pid! : sshd.sessions()[0]!, 'SIGKILL');
    await nothingLeft(cut);
    await ended;
  }

  const tmux = terminal(t);
  run(tmux, words, { before: 'TERM=dumb ' });
  await tmux.until('two blocks', (text) => (text.match(/^in_port {2}count$/gm)?.length ?? 0) >= 2);
  t.equal(tmux.ask('#{alternate_on} #{cursor_flag}'), '0 1');
  tmux.press('C-c');
  await tmux.until('the shell', (text) => text.includes('near 0'));
  await restored(t, tmux, 'Ctrl-C');
  await nothingLeft('TERM=dumb');
});
