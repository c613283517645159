/** The systemd units under a real systemd: scripts/units, whose lines are this test's. */
// Takes 45 s.
import { existsSync } from 'node:fs';
import t from 'tap';
import { run } from './support/lab-system.js';

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !existsSync('/usr/bin/systemd-nspawn') && 'no systemd-nspawn here (apt-get install systemd-container)';

t.test('scripts/units', { skip }, async (t) => {
  const { status, stdout, stderr } = await run('scripts/units', [], { okStatus: [0, 1, 2], timeoutMs: 400_000 });
  t.not(status, 2, stderr);
  const lines = stdout.split('\n');
  const said = /^(ok|not ok) - (.*)$/;
  for (const [i, line] of lines.entries()) {
    const [, verdict, what] = said.exec(line) ?? [];
    if (verdict === undefined) continue;
    const end = lines.findIndex((later, k) => k > i && !later.startsWith('  | '));
    t.equal(verdict, 'ok', [what, ...lines.slice(i + 1, end)].join('\n'));
  }
  t.ok(/^[1-9]\d passed, 0 failed$/m.test(stdout), lines.filter((line) => line.startsWith('#')).join('\n'));
});
