/** `ctinspector query QUESTION`. */
import { answer } from '../answer.js';
import { checkQuestion } from '../check-question.js';
import type { Context } from '../context.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  const names = namesOf(context, options);
  return answer(context, checkQuestion(question, names), question, options, names);
}
