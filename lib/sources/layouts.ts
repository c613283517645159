/**
 * Layouts: where the members of ovs-vswitchd's structures lie, one JSON file a build id. The package's own are in layouts/; those made on this
 * host (`ctinspector layout make`) are in the user's or the system's directory, and come first.
 */
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../addon.js';
import { CtiError } from '../errors.js';

export interface Layout {
  readonly buildId: string;
  /** What it was made from: 'Debian openvswitch-switch 3.1.0-2+deb12u1 amd64'. */
  readonly name: string;
  readonly file: string;
  /** 'structure', 'structure.member' or 'enumeration.NAME'; numbers[2 i] is an offset or a value, numbers[2 i + 1] a size. */
  readonly names: readonly string[];
  readonly numbers: readonly number[];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Where `layout make` writes: root's for everyone, a user's for the user. */
function ownLayoutDir(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CTINSPECTOR_LAYOUTS) return env.CTINSPECTOR_LAYOUTS;
  if (process.getuid?.() === 0) return '/var/lib/ctinspector/layouts';
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'ctinspector', 'layouts');
}

const layoutDirs = (env: NodeJS.ProcessEnv = process.env): readonly string[] => [
  ownLayoutDir(env),
  join(packageRoot, 'layouts'),
];

const malformed = (file: string, what: string, received: unknown): CtiError =>
  new CtiError(
    'INVALID_ARGUMENT',
    `${file}: expected ${what} but received ${JSON.stringify(received)?.slice(0, 80)}; make the layout anew with \`ctinspector layout make\``,
  );

/** Checks the form; that the numbers make sense is checked where they are used (native/ovs/layout.cc). */
export function parseLayout(text: string, file: string): Layout {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw malformed(file, 'JSON', (error as Error).message);
  }
  if (!isObject(json) || json.format !== 1)
    throw malformed(file, 'a layout with "format": 1', isObject(json) ? json.format : json);
  const { build_id: buildId, name, structures, enumerators } = json;
  if (typeof buildId !== 'string' || !/^[0-9a-f]{8,128}$/.test(buildId))
    throw malformed(file, 'a build id in hex digits', buildId);
  if (typeof name !== 'string') throw malformed(file, 'a name', name);
  if (!isObject(structures) || !isObject(enumerators))
    throw malformed(file, 'structures and enumerators', Object.keys(json));
  const names: string[] = [];
  const numbers: number[] = [];
  for (const [structure, facts] of Object.entries(structures)) {
    if (!isObject(facts) || !isObject(facts.members)) throw malformed(file, `members of ${structure}`, facts);
    if (facts.size !== undefined) {
      if (!isNumber(facts.size)) throw malformed(file, `the size of ${structure}`, facts.size);
      names.push(structure);
      numbers.push(0, facts.size);
    }
    for (const [member, place] of Object.entries(facts.members)) {
      if (!Array.isArray(place) || place.length !== 2 || !place.every(isNumber)) {
        throw malformed(file, `[offset, size] of ${structure}.${member}`, place);
      }
      names.push(`${structure}.${member}`);
      numbers.push(...(place as number[]));
    }
  }
  for (const [enumerator, value] of Object.entries(enumerators)) {
    if (!isNumber(value)) throw malformed(file, `the value of ${enumerator}`, value);
    names.push(enumerator);
    numbers.push(value, 4);
  }
  return { buildId, name, file, names, numbers };
}

export function readLayout(file: string): Layout {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CtiError('FILE', `cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  return parseLayout(text, file);
}

/** Every layout at hand, the first of a build id only. */
export function listLayouts(env: NodeJS.ProcessEnv = process.env): Layout[] {
  const found = new Map<string, Layout>();
  for (const dir of layoutDirs(env)) {
    let files: string[];
    try {
      files = readdirSync(dir);
    } catch {
      continue; // there need not be any
    }
    for (const file of files.filter((name) => name.endsWith('.json')).sort()) {
      const layout = readLayout(join(dir, file));
      if (!found.has(layout.buildId)) found.set(layout.buildId, layout);
    }
  }
  return [...found.values()];
}

/** The layout of a build. LAYOUT_UNKNOWN, with how to make one. */
export function findLayout(buildId: string, env: NodeJS.ProcessEnv = process.env): Layout {
  if (!/^[0-9a-f]{8,128}$/.test(buildId)) {
    throw new CtiError('LAYOUT_UNKNOWN', 'this ovs-vswitchd has no build id, so no layout can be told to be its own');
  }
  for (const dir of layoutDirs(env)) {
    const file = join(dir, `${buildId}.json`);
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw new CtiError('FILE', `cannot read ${file}: ${(error as Error).message}`, { cause: error });
    }
    const layout = parseLayout(text, file);
    if (layout.buildId !== buildId) throw malformed(file, `the layout of build ${buildId}`, layout.buildId);
    return layout;
  }
  throw new CtiError(
    'LAYOUT_UNKNOWN',
    `no layout for this build of ovs-vswitchd (build id ${buildId}); make one from its debug information: ctinspector layout make --debug-info FILE`,
    { details: { buildId } },
  );
}

/** Files a layout under its build id in ownLayoutDir(); its path. */
export function saveLayout(text: string, env: NodeJS.ProcessEnv = process.env): string {
  const { buildId } = parseLayout(text, 'the layout made');
  const dir = ownLayoutDir(env);
  const file = join(dir, `${buildId}.json`);
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  } catch (error) {
    throw new CtiError('FILE', `cannot write ${file}: ${(error as Error).message}`, { cause: error });
  }
  return file;
}

export const LAYOUT_MAKER = 'layout-maker';

/** The tool that reads debug information: built with the addon where libdw-dev is installed. FILE, with what to do, if it is not. */
export function layoutMaker(root = packageRoot): string {
  const candidates = [
    join(root, 'build', 'Release', LAYOUT_MAKER),
    join(root, '.build', 'layout', 'tools', 'native', 'tools', LAYOUT_MAKER, LAYOUT_MAKER),
  ];
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // the next
    }
  }
  throw new CtiError(
    'FILE',
    `${LAYOUT_MAKER}, the tool that reads debug information, is not built; expected ${candidates[0]}: apt-get install libdw-dev, then npm run build:addon`,
  );
}
