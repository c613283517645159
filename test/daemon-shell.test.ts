/** What a shell has of the daemon: the start script, completion, manual pages. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DAEMON_ROWS, usageOf } from '../lib/cli/daemon-rows.js';
import { COMMANDS } from '../lib/cli/registry.js';
import { scratch } from './support/clang.js';
import { cli } from './support/cli.js';
import { daemonProgram, isAlive, run } from './support/daemon.js';

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

t.test('completion: every command, from the rows', async (t) => {
  const { out } = await cli(['completion', 'bash']);
  const complete = async (...words: string[]): Promise<string[]> => {
    const line = words.map((word) => `'${word}'`).join(' ');
    const ask = `${out}\nCOMP_WORDS=(ctinspector ${line}); COMP_CWORD=${words.length}; _ctinspector; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { out: found, err } = await run('bash', ['-c', ask], process.env);
    t.equal(err, '');
    return found.trim().split('\n');
  };
  t.same((await complete('')).filter((word) => !word.startsWith('-')).sort(), COMMANDS.map(({ name }) => name).sort());
  t.same(await complete('ctl', 'flow/'), ['flow/show', 'flow/top', 'flow/masks']);
  t.same(await complete('ctl', 'flow/top', 'by'), ['by=packets', 'by=bytes', 'by=pps', 'by=bps']);
  t.ok((await complete('query', '--d')).includes('--daemon'));
  t.ok((await complete('tables', 'dp')).includes('dp_flows'));
  t.match(await cli(['completion', 'zsh']), { status: 0, out: /^#compdef ctinspector/ });
  t.match(await cli(['completion', 'fish']), { status: 2, err: /expected bash or zsh/ });
});

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
