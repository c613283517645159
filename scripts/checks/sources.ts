// The project's own source files, as git knows them (tracked, and untracked but not ignored).
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export function sourceFiles(...patterns: string[]): string[] {
  const out = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns], {
    encoding: 'utf8',
  });
  return out
    .split('\n')
    .filter((file) => file !== '' && existsSync(file))
    .sort();
}
