/** `ctinspector watch QUESTION`: the answer, live. */
import { checkQuestion } from '../check-question.js';
import type { Context } from '../context.js';
import { live } from '../live.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const asked = args[0] ?? '';
  const names = namesOf(context, options);
  const schema = checkQuestion(asked, names);
  const plan = {
    name: 'watch',
    order: undefined,
    question: ({ filter, order }: { filter: string; order: { name: string; descending: boolean } | undefined }) =>
      `${asked}${filter === '' ? '' : ` | where ${filter}`}${order ? ` | sort by ${order.name}${order.descending ? ' desc' : ''}` : ''}`,
  };
  return live(context, schema, plan, options, names);
}
