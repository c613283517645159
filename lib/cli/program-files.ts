/** From the words of a command line to linked programs: C files are compiled, object files read, each program's linked. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CtiError, fileError } from '../errors.js';
import { type LinkedProgram, type LinkOptions, link } from '../linker/link.js';
import { loadObject } from '../loader/load-object.js';
import type { ObjectSpec } from '../loader/spec.js';
import { compileShown } from './commands/compile.js';
import type { Context } from './context.js';

export interface NamedProgram {
  /** Its first file's, without folder and ending; with a number where several have it. */
  readonly name: string;
  readonly linked?: LinkedProgram;
  /** Instead: of a program that has stopped. */
  readonly image?: Uint8Array;
}

/** The word between programs. A file of this name is `./+`. */
const BETWEEN = '+';

async function readObject(file: string, shownAs = file): Promise<ObjectSpec> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw fileError(shownAs, error as NodeJS.ErrnoException, '; expected a C program or an object file');
  }
  return loadObject(bytes, shownAs);
}

/** The objects of `files`; those that end in .c are compiled into a directory that is gone afterwards. */
async function objectsOf(context: Context, files: readonly string[]): Promise<ObjectSpec[]> {
  let dir: string | undefined;
  try {
    const objects: ObjectSpec[] = [];
    for (const [i, file] of files.entries()) {
      if (!file.endsWith('.c')) {
        objects.push(await readObject(file));
        continue;
      }
      dir ??= await mkdtemp(join(tmpdir(), 'ctinspector-'));
      const object = join(dir, `${i}-${basename(file, '.c')}.o`);
      await compileShown(context, file, object);
      objects.push(await readObject(object, file));
    }
    return objects;
  } finally {
    if (dir !== undefined) await rm(dir, { recursive: true, force: true });
  }
}

/** The files of each program: `a.c b.o + c.c` are two. Throws CtiError INVALID_ARGUMENT. */
function splitPrograms(words: readonly string[]): string[][] {
  if (words.length === 0) return [];
  const groups: string[][] = [[]];
  for (const word of words) {
    if (word === BETWEEN) groups.push([]);
    else groups.at(-1)!.push(word);
  }
  if (groups.some((group) => group.length === 0)) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected files on both sides of '${BETWEEN}', received '${words.join(' ')}'`,
    );
  }
  return groups;
}

export async function linkPrograms(
  context: Context,
  words: readonly string[],
  options: LinkOptions,
): Promise<NamedProgram[]> {
  const programs: NamedProgram[] = [];
  for (const files of splitPrograms(words)) {
    const linked = link(await objectsOf(context, files), options);
    const base = basename(files[0]!).replace(/\.[co]$/, '');
    let name = base;
    for (let n = 2; programs.some((program) => program.name === name); n++) name = `${base}.${n}`;
    programs.push({ name, linked });
  }
  return programs;
}
