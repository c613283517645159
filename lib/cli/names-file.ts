/** The user's file of names (lib/compiler/names.ts): `--names FILE`, else the default one, if there is one. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Names, NO_NAMES, parseNames } from '../compiler/index.js';
import { fileError } from '../errors.js';
import type { Context } from './context.js';
import type { Options } from './registry.js';

const defaultFile = ({ env }: Context): string =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'ctinspector', 'names');

export function namesOf(context: Context, options: Options): Names {
  const given = typeof options.names === 'string' ? options.names : undefined;
  const file = given ?? defaultFile(context);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // One that another user has (sudo -u keeps HOME) is nobody's wish here.
    if (given === undefined && (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES')) return NO_NAMES;
    throw fileError(`the names of ${file}`, error as NodeJS.ErrnoException);
  }
  return parseNames(text, file);
}
