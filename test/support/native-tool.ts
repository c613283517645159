/** A program of native/tools, built at its first use and again when a source of it has changed (plain CMake, in .build/native). */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('../..', import.meta.url).pathname;

export function nativeTool(name: string): string {
  const build = join(ROOT, '.build', 'native');
  mkdirSync(build, { recursive: true });
  // Tests run side by side: one builds, the others wait and find it built.
  const cmake = (...args: string[]) =>
    execFileSync('flock', ['--timeout', '600', join(build, 'build.lock'), 'cmake', ...args], { stdio: 'pipe' });
  if (!existsSync(join(build, 'CMakeCache.txt'))) cmake('-S', ROOT, '-B', build);
  cmake('--build', build, '--target', name);
  return join(build, 'native', 'tools', name);
}
