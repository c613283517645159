// Who may know whom (docs/internals.md), for #include lines of native/ and import lines of lib/. A folder that is not in the table is an
// error: say where it stands before it grows.
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { sourceFiles } from './sources.js';

/** Folder of native/ -> the folders it may include from, besides itself. */
const NATIVE: Record<string, readonly string[]> = {
  base: [],
  isa: ['base'],
  sys: ['base'],
  kernel: ['base', 'sys'],
  window: ['base', 'isa', 'sys'],
  tables: ['base', 'isa', 'sys'],
  vm: ['base', 'isa', 'sys', 'window', 'tables'],
  jit: ['base', 'isa', 'sys', 'window', 'tables', 'vm'],
  image: ['base', 'isa', 'window', 'vm', 'jit'],
  ovs: ['base', 'sys', 'kernel', 'tables', 'text'],
  netlink: ['base', 'sys', 'tables'],
  text: ['base', 'sys', 'tables'],
};
const NATIVE_ALL = Object.keys(NATIVE);

/** Levels of lib/, lowest first. A folder may import from levels below its own, and from itself. */
const LIB_LEVELS: readonly (readonly string[])[] = [
  ['generated'],
  ['leaf'], // files directly in lib/, other than index.ts
  ['loader', 'compiler', 'tables'],
  ['linker', 'sources'],
  ['runner'],
  ['mapper'],
  ['scheduler', 'transport'],
  ['query', 'kernel-functions'],
  ['hooks', 'migration', 'audit', 'control'],
  ['cli', 'index'],
  ['daemon'],
];

const problems: string[] = [];

for (const file of sourceFiles('native/*.h', 'native/*.cc', 'native/*.c', 'native/*.def', 'native/*.inc')) {
  const from = file.split('/')[1] ?? '';
  const anything = ['bind', 'test', 'tools'].includes(from);
  if (!anything && !NATIVE[from]) problems.push(`${file}: folder native/${from} is not in scripts/checks/arrows.ts`);
  const text = readFileSync(file, 'utf8');
  for (const [, path = ''] of text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)) {
    const to = path.split('/')[0] ?? '';
    if (to === 'ctinspector') continue; // include/: the generated C structs
    if (!path.includes('/')) problems.push(`${file}: #include "${path}" lacks its folder`);
    else if (!anything && to !== from && !NATIVE[from]?.includes(to))
      problems.push(`${file}: native/${from} may not know ${path}`);
    else if (from === 'tools' && !NATIVE_ALL.includes(to) && to !== 'tools')
      problems.push(`${file}: native/tools may not know ${path}`);
  }
  if (from !== 'bind' && /#\s*include\s+[<"](napi|node_api|js_native_api)/.test(text))
    problems.push(`${file}: only native/bind knows Node-API`);
}

const place = (file: string): string => {
  const parts = file.split('/');
  if (parts.length > 2) return parts[1] ?? '';
  return parts[1] === 'index.ts' ? 'index' : 'leaf';
};
const levelOf = (folder: string) => LIB_LEVELS.findIndex((level) => level.includes(folder));

for (const file of sourceFiles('lib/*.ts')) {
  const from = place(file);
  if (levelOf(from) < 0) problems.push(`${file}: folder lib/${from} is not in scripts/checks/arrows.ts`);
  const text = readFileSync(file, 'utf8');
  for (const [, path = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
    const target = normalize(join(dirname(file), path.replace(/\.js$/, '.ts')));
    if (!target.startsWith('lib/')) {
      problems.push(`${file}: imports ${path} from outside lib/`);
      continue;
    }
    const to = place(target);
    if (to !== from && levelOf(to) >= levelOf(from)) problems.push(`${file}: lib/${from} may not know ${target}`);
  }
}

for (const problem of problems) console.error(problem);
process.exit(problems.length > 0 ? 1 : 0);
