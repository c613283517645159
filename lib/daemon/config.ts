/** Reads and checks the configuration file: whole or not at all. Every fault has its line, what was expected and what to do. */
import { readFileSync, statSync } from 'node:fs';
import { isMap, isScalar, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { CtiError, fileError } from '../errors.js';
import { escapeText } from '../escape.js';
import { type Config, DEFAULTS, KEYS, type Key, type KeyRow } from './config-keys.js';

/** Far above any that is meant. */
const MAX_BYTES = 256 << 10;
const MAX_FAULTS = 10;

interface Fault {
  readonly line: number;
  readonly reason: string;
}

const quote = (value: unknown): string => {
  const text = typeof value === 'string' ? `'${value}'` : (JSON.stringify(value) ?? String(value));
  return escapeText(text.length > 60 ? `${text.slice(0, 60)}...` : text);
};

function refusal(name: string, faults: readonly Fault[]): CtiError {
  const lines = faults.slice(0, MAX_FAULTS).map(({ line, reason }) => `${name}, line ${line}: ${reason}`);
  if (faults.length > MAX_FAULTS) lines.push(`${name}: ${faults.length - MAX_FAULTS} more faults`);
  return new CtiError('CONFIG', lines.join('\n'), { details: { faults } });
}

const GROUPS = [...new Set(Object.keys(KEYS).map((key) => key.slice(0, key.indexOf('.'))))];
const keysOf = (group: string): string[] =>
  Object.keys(KEYS)
    .filter((key) => key.startsWith(`${group}.`))
    .map((key) => key.slice(group.length + 1));

/** The configuration that `text` asks for; keys that it has not are as by default. Throws CtiError CONFIG with every fault and its line. */
export function parseConfig(text: string, name: string): Config {
  const lines = new LineCounter();
  const faults: Fault[] = [];
  if (Buffer.byteLength(text) > MAX_BYTES)
    throw refusal(name, [
      { line: 1, reason: `expected at most ${MAX_BYTES} bytes, received ${Buffer.byteLength(text)}` },
    ]);
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    strict: true,
    customTags: [],
    merge: false,
  });
  const lineOf = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  for (const error of [...document.errors, ...document.warnings]) {
    faults.push({
      line: lineOf(error.pos[0]),
      reason: escapeText(error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
    });
  }
  if (faults.length > 0) throw refusal(name, faults);
  const values: Record<string, unknown> = { ...DEFAULTS };
  const at = (node: unknown): number => lineOf((node as Node | null)?.range?.[0] ?? 0);
  const nameOf = (pair: Pair): string | undefined =>
    isScalar(pair.key) && typeof pair.key.value === 'string' ? pair.key.value : undefined;
  const root = document.contents;
  if (root !== null && !isMap(root))
    faults.push({ line: at(root), reason: `expected groups of keys (${GROUPS.join(', ')})` });
  for (const group of isMap(root) ? root.items : []) {
    const groupName = nameOf(group);
    if (groupName === undefined || !GROUPS.includes(groupName)) {
      faults.push({
        line: at(group.key),
        reason: `there is no group ${quote(groupName ?? String(group.key))}; there is ${GROUPS.join(', ')}`,
      });
      continue;
    }
    if (!isMap(group.value)) {
      faults.push({
        line: at(group.key),
        reason: `${groupName}: expected its keys, indented below it: ${keysOf(groupName).join(', ')}`,
      });
      continue;
    }
    for (const item of group.value.items) {
      const short = nameOf(item);
      const key = `${groupName}.${short}`;
      if (short === undefined || !Object.hasOwn(KEYS, key)) {
        faults.push({
          line: at(item.key),
          reason: `there is no key ${quote(short ?? String(item.key))} in ${groupName}; there is ${keysOf(groupName).join(', ')}`,
        });
        continue;
      }
      const row = KEYS[key as Key] as KeyRow<unknown>;
      const given = isScalar(item.value) ? item.value.value : item.value === null ? null : undefined;
      const value = given === undefined ? undefined : row.read(given);
      if (value === undefined)
        faults.push({
          line: at(item.value ?? item.key),
          reason: `${key}: expected ${row.expected}; received ${quote(isScalar(item.value) ? item.value.value : 'a list or a map')}`,
        });
      else values[key] = value;
    }
  }
  if (faults.length > 0) throw refusal(name, faults);
  return values as unknown as Config;
}

/** CONFIG if it cannot be read, is no file, or is refused. */
function readConfig(file: string): Config {
  let text: string;
  try {
    const about = statSync(file); // a FIFO or a device in its place would be waited for
    if (!about.isFile() || about.size > MAX_BYTES)
      throw refusal(file, [{ line: 1, reason: `expected a file of at most ${MAX_BYTES} bytes` }]);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CtiError) throw error;
    throw new CtiError('CONFIG', fileError(file, error as NodeJS.ErrnoException).message, { cause: error });
  }
  return parseConfig(text, file);
}

/** A file of names, as the executor gets it, which opens no files. */
export interface NamesText {
  readonly file: string;
  readonly text: string;
}

/** The names that the configuration asks for, checked; null: none. CONFIG if they cannot be read, or are refused. */
async function readNames(config: Config, configFile: string): Promise<NamesText | null> {
  const file = config['questions.names'];
  if (file === null) return null;
  const fault = (reason: string, cause: unknown) =>
    new CtiError('CONFIG', `${configFile}: questions.names: ${reason}`, { cause });
  let text: string;
  try {
    const about = statSync(file);
    if (!about.isFile() || about.size > MAX_BYTES)
      throw new CtiError('CONFIG', `${file}: expected a file of at most ${MAX_BYTES} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CtiError) throw fault(error.message, error);
    throw fault(fileError(file, error as NodeJS.ErrnoException).message, error);
  }
  try {
    (await import('../compiler/index.js')).parseNames(text, file); // most configurations have none
  } catch (error) {
    throw fault((error as Error).message, error);
  }
  return { file, text };
}

/** All that is configured. */
export interface Settings {
  readonly config: Config;
  readonly names: NamesText | null;
}

/** The file, and the file of names that it names; null: all keys as by default. CONFIG. */
export async function readSettings(file: string | null): Promise<Settings> {
  if (file === null) return { config: DEFAULTS, names: null };
  const config = readConfig(file);
  return { config, names: await readNames(config, file) };
}

/** What of `next` needs a restart: it keeps the value it had, and says so. */
export function applied(now: Config, next: Config): { readonly config: Config; readonly kept: readonly string[] } {
  const kept = (Object.keys(KEYS) as Key[]).filter(
    (key) => (KEYS[key] as KeyRow<unknown>).atStart && now[key] !== next[key],
  );
  const old = Object.fromEntries(kept.map((key) => [key, now[key]]));
  return { config: { ...next, ...old } as Config, kept };
}
