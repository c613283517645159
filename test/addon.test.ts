// The addon is found both ways a package can be laid out: by node-gyp-build, and where that is missing by `bindings`.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../lib/addon.js';

/** What the addon in a package with only these modules installed exports; throws if it does not load. */
function loadWith(modules: readonly string[]): string[] {
  const root = mkdtempSync(join(tmpdir(), 'cti-addon-'));
  try {
    mkdirSync(join(root, 'node_modules'));
    for (const name of modules)
      symlinkSync(join(packageRoot, 'node_modules', name), join(root, 'node_modules', name), 'dir');
    mkdirSync(join(root, 'build/Release'), { recursive: true });
    for (const file of readdirSync(join(packageRoot, 'build/Release')).filter((name) => name.endsWith('.node')))
      cpSync(join(packageRoot, 'build/Release', file), join(root, 'build/Release', file));
    mkdirSync(join(root, 'dist'));
    cpSync(join(packageRoot, 'dist/addon.js'), join(root, 'dist/addon.js'));
    writeFileSync(join(root, 'package.json'), '{"name":"x","type":"module"}');
    const script = `import { addon } from '${join(root, 'dist/addon.js')}'; console.log(JSON.stringify(Object.keys(addon())));`;
    const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return JSON.parse(text) as string[];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

t.test('through node-gyp-build', async (t) => {
  t.ok(loadWith(['node-gyp-build']).includes('NativeProgram'));
});

t.test('through bindings, where node-gyp-build is not installed', async (t) => {
  t.ok(loadWith(['bindings', 'file-uri-to-path']).includes('NativeProgram'));
});

t.test('with neither it does not load, and says what is missing', async (t) => {
  t.throws(() => loadWith([]), /node-gyp-build/);
});
