/** Looks for mistakes in a question before the switch is asked for anything. */
import { compileQuestion, type Names, NO_DICTIONARIES, NO_NAMES, tableOf } from '../compiler/index.js';
import { questionSchema } from '../query/samples.js';
import type { TableSchema } from '../table-schema.js';
import { TABLES } from '../tables/generated/tables.js';

/** The question's table. Names of ports are checked once there is a snapshot. */
export function checkQuestion(question: string, names: Names = NO_NAMES): TableSchema {
  const schema = tableOf(question, TABLES);
  compileQuestion(question, {
    schema: questionSchema(question, schema, names),
    dictionaries: NO_DICTIONARIES,
    nRows: 1,
    names,
  });
  return schema;
}
