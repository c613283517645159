/** `ctinspector diff A B [STAGES]`: what changed between two files. The same as query --from B 'TABLE | changes since A | STAGES'. */
import { CtiError } from '../../errors.js';
import { describeSnapshotFile, isSnapshotFile } from '../../sources/snapshot-file.js';
import { DP_FLOWS } from '../../tables/generated/dp-flows.js';
import { answer } from '../answer.js';
import { checkQuestion } from '../check-question.js';
import type { Context } from '../context.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

/** --table; else the table that both files have: dp_flows if they have several. */
async function tableName(files: readonly string[], { table }: Options): Promise<string> {
  if (typeof table === 'string') return table;
  let common: string[] | undefined;
  for (const file of files) {
    if (!(await isSnapshotFile(file))) return DP_FLOWS.name; // a saved dump has no other
    const names = (await describeSnapshotFile(file)).tables.map(({ table }) => table);
    common = common ? common.filter((name) => names.includes(name)) : names;
  }
  const [first] = common ?? [];
  if (first === undefined) throw new CtiError('INVALID_ARGUMENT', `${files.join(' and ')} have no table in common`);
  return common!.includes(DP_FLOWS.name) ? DP_FLOWS.name : first;
}

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const [earlier = '', later = '', ...words] = args;
  if (earlier === '' || later === '')
    throw new CtiError('INVALID_ARGUMENT', 'diff: expected two files, the earlier one first');
  const stages = words.join(' ').trim().replace(/^\|/, '').trim();
  const table = await tableName([earlier, later], options);
  const question = `${table} | changes since ${quoted(earlier)}${stages === '' ? '' : ` | ${stages}`}`;
  const names = namesOf(context, options);
  return answer(context, checkQuestion(question, names), question, { ...options, from: later }, names);
}
