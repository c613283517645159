// Builds the addon with cmake-js (Release) in .build/addon and copies it to build/Release/ctinspector.node, where
// node-gyp-build and `bindings` look. Called by binding.gyp's only action and by `npm run build:addon`.
// node-gyp deletes build/ before it builds, so CMake's own tree lives elsewhere and stays incremental.
'use strict';
const { spawnSync } = require('node:child_process');
const { copyFileSync, mkdirSync, renameSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { dirname, join, resolve } = require('node:path');

const root = resolve(__dirname, '..');
const out = process.argv[2] ? resolve(process.argv[2]) : join(root, 'build', 'Release');
const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
// CMake's tree; another one for another configuration (scripts/asan-node).
const tree = process.env.CTI_BUILD_TREE ?? join(root, '.build', 'addon');
const args = ['build', '--directory', root, '--out', tree, '--config', 'Release'];
args.push('--parallel', String(Math.min(availableParallelism(), 8)));
for (const define of (process.env.CTI_CMAKE_DEFINES ?? '').split(' ').filter(Boolean)) args.push(`--CD${define}`);

const child = spawnSync(process.execPath, [cmakeJs, ...args], { cwd: root, stdio: 'inherit' });
if (child.status !== 0) {
  console.error(
    'ctinspector: the addon did not build. It needs cmake 3.22, make, g++ 12 or later and asmjit (apt-get install cmake make g++ libasmjit-dev).',
  );
  process.exit(child.status ?? 1);
}
mkdirSync(out, { recursive: true });
// Renamed into place: a process that has the old addon mapped keeps its own copy.
copyFileSync(join(tree, 'Release', 'ctinspector.node'), join(out, '.ctinspector.node.new'));
renameSync(join(out, '.ctinspector.node.new'), join(out, 'ctinspector.node'));
