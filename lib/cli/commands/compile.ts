/** `ctinspector compile FILE`: a C program to an object file. */
import { access } from 'node:fs/promises';
import { basename } from 'node:path';
import { CtiError, fileError } from '../../errors.js';
import { escapeText } from '../../escape.js';
import { compileC, findClang } from '../clang.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

/** Compiles, and shows the compiler's words, whether it refuses or only warns. */
export async function compileShown(context: Context, source: string, object: string): Promise<void> {
  try {
    await access(source);
  } catch (error) {
    throw fileError(source, error as NodeJS.ErrnoException, '; expected a C program');
  }
  const show = (diagnostics: string) => {
    for (const line of diagnostics.split('\n')) if (line !== '') context.stderr.write(`${escapeText(line)}\n`);
  };
  const clang = await findClang(context.env.PATH ?? '');
  try {
    show(await compileC(clang, source, object, context.signal));
  } catch (error) {
    if (error instanceof CtiError) show(String(error.details?.diagnostics ?? ''));
    throw error;
  }
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const source = args[0] ?? '';
  if (!source.endsWith('.c')) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `file: expected a program in C, with a name that ends in .c, received '${source}'`,
    );
  }
  const object = typeof options.output === 'string' ? options.output : `${basename(source, '.c')}.o`;
  await compileShown(context, source, object);
  context.stderr.write(`wrote ${escapeText(object)}\n`);
  return 0;
}
