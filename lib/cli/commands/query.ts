/** `ctinspector query QUESTION`. */
import { compileQuestion, type Names, NO_DICTIONARIES, tableOf } from '../../compiler/index.js';
import type { TableSchema } from '../../table-schema.js';
import { TABLES } from '../../tables/generated/tables.js';
import { answer } from '../answer.js';
import type { Context } from '../context.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

/** Looks for mistakes before the switch is asked for anything; names of ports are checked once there is a snapshot. Its table. */
export function checkQuestion(question: string, names: Names): TableSchema {
  const schema = tableOf(question, TABLES);
  compileQuestion(question, { schema, dictionaries: NO_DICTIONARIES, nRows: 1, names });
  return schema;
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  const names = namesOf(context, options);
  return answer(context, checkQuestion(question, names), question, options, names);
}
