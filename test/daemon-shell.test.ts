/** What a shell has of the daemon: the start script, completion, manual pages. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DAEMON_ROWS, usageOf } from '../lib/cli/daemon-rows.js';
import { COMMANDS } from '../lib/cli/registry.js';
import { scratch } from './support/clang.js';
import { cli } from './support/cli.js';
import { daemonProgram, isAlive, run } from './support/daemon.js';
import { startTmux } from './support/tmux.js';

t.test('the start script', async (t) => {
  const rundir = scratch();
  const program = join(rundir, 'ctinspectord');
  writeFileSync(program, `#!/bin/sh\nunset NODE_OPTIONS\nexec ${process.execPath} ${daemonProgram} "$@"\n`, {
    mode: 0o755,
  });
  const env = { ...process.env, OVS_RUNDIR: rundir, CTINSPECTORD: program };
  const script = (...words: string[]) => run('packaging/ctinspectord.start', words, env);
  t.match(await script('status'), { status: 3, out: /does not run/ });
  t.match(await script('start'), { status: 0, out: /runs, process \d+/ });
  const pid = Number(readFileSync(join(rundir, 'ctinspectord.pid'), 'utf8'));
  t.match(await script('start'), { status: 0, out: new RegExp(`runs already, process ${pid}`) });
  t.match(await script('reload'), { status: 2, err: /without a configuration file/ });
  t.match(await script('stop'), { status: 0, out: /has ended/ });
  t.notOk(isAlive(pid));
  t.notOk(existsSync(join(rundir, 'ctinspectord.pid')));
  t.match(await script('what'), { status: 2 });
});

/** What bash is left with when TAB is pressed behind these words, of which the last is being typed. */
async function bashCompletes(t: { equal(a: unknown, b: unknown): unknown }, ...words: string[]): Promise<string[]> {
  const { out } = await cli(['completion', 'bash']);
  // As readline splits them (COMP_WORDBREAKS).
  const split = words.flatMap((word) => word.split(/(=)/).filter((part, i) => i === 0 || part !== ''));
  const line = split.map((word) => `'${word}'`).join(' ');
  const ask = `${out}\nCOMP_WORDS=(ctinspector ${line}); COMP_CWORD=${split.length}; _ctinspector; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { out: found, err } = await run('bash', ['-c', ask], process.env);
  t.equal(err, '');
  return found.trim().split('\n');
}

t.test('completion: every command, from the rows', async (t) => {
  const complete = (...words: string[]) => bashCompletes(t, ...words);
  t.same((await complete('')).filter((word) => !word.startsWith('-')).sort(), COMMANDS.map(({ name }) => name).sort());
  t.same(await complete('ctl', 'flow/'), ['flow/show', 'flow/top', 'flow/masks']);
  t.same(await complete('ctl', 'flow/top', 'by'), ['by=packets', 'by=bytes', 'by=pps', 'by=bps']);
  t.same(await complete('ctl', 'flow/top', 'by='), ['packets', 'bytes', 'pps', 'bps'], 'bash has split the word');
  t.same(await complete('ctl', 'flow/top', 'by=p'), ['packets', 'pps']);
  t.same(await complete('ctl', 'snapshot/take', 'dp'), ['dp_flows']);
  t.ok((await complete('query', '--d')).includes('--daemon'));
  t.ok((await complete('tables', 'dp')).includes('dp_flows'));
  t.same(await complete('query', '--source', ''), ['auto', 'memory', 'unixctl']);
  t.same(await complete('run', '--format', ''), ['text', 'json']);
  t.same(await complete('image', 's'), ['show', 'save']);
  t.same(await complete('query', '--rundir', '/pro'), ['/proc']);
  t.same(await complete('compile', '-o', ''), [''], 'bash completes files');
  t.match(await cli(['completion', 'fish']), { status: 2, err: /expected bash or zsh/ });
});

for (const shell of ['bash', 'zsh'] as const)
  t.test(
    `TAB in ${shell}`,
    { skip: !(existsSync('/usr/bin/tmux') && existsSync(`/usr/bin/${shell}`)) && `no tmux or no ${shell} here` },
    async (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'cti-tab-'));
      t.teardown(() => rmSync(dir, { recursive: true, force: true }));
      writeFileSync(join(dir, '_ctinspector'), (await cli(['completion', shell])).out);
      writeFileSync(join(dir, 'flows.txt'), '');
      const tmux = startTmux({ columns: 160, rows: 50 });
      t.teardown(() => tmux.stop());
      const enter = (text: string): void => {
        tmux.type(text);
        tmux.press('Enter');
      };
      enter(`cd ${dir}`);
      if (shell === 'zsh') {
        // As it is installed: a file in $fpath.
        enter("exec env -i TERM=screen PATH=$PATH PS1='$ ' zsh -f");
        enter(`fpath=(${dir} $fpath); autoload -Uz compinit; compinit -u -d ${dir}/dump; echo rea''dy`);
      } else enter('. ./_ctinspector; echo rea""dy');
      await tmux.until('the shell', (text) => text.includes('ready'));
      const last = (lines: readonly string[]): string => lines.findLast((line) => line.startsWith('$')) ?? '';
      for (const [typed, is] of [
        ['ctinspector expl', /^\$ ctinspector explain$/],
        ['ctinspector ctl flow/ma', /^\$ ctinspector ctl flow\/masks$/],
        ['ctinspector ctl flow/top by=pa', /^\$ ctinspector ctl flow\/top by=packets$/],
        ['ctinspector query --source m', /^\$ ctinspector query --source memory$/],
        ['ctinspector query --from fl', /^\$ ctinspector query --from flows\.txt$/],
        ['ctinspector tables dp', /^\$ ctinspector tables dp_flows$/],
        ['ctinspector image res', /^\$ ctinspector image resume$/],
      ] as const) {
        tmux.type(typed);
        tmux.press('Tab');
        await tmux.until(typed, (_text, lines) => is.test(last(lines)));
        t.pass(typed);
        tmux.press('C-c');
        await tmux.until('an empty line', (_text, lines) => last(lines) === '$');
      }
      tmux.type('ctinspector ctl flow/');
      tmux.press('Tab', 'Tab');
      await tmux.until('a list', (text) =>
        /flow\/masks\b[\s\S]*flow\/top\b|flow\/top\b[\s\S]*flow\/masks\b/.test(text),
      );
      t.pass('a list');
    },
  );

t.test('manual pages and docs/daemon.md have every command', (t) => {
  const page = readFileSync('docs/man/ctinspectord.8', 'utf8').replaceAll('\\-', '-');
  const text = readFileSync('docs/daemon.md', 'utf8');
  for (const row of DAEMON_ROWS) {
    const line = `| \`${`${row.name} ${usageOf(row)}`.trim().replaceAll('|', '\\|')}\` | ${row.part} | ${row.doc} |`;
    t.ok(page.includes(`.B ${row.name}`), row.name);
    t.ok(text.includes(line), line);
  }
  t.end();
});
