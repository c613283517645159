/** `ctinspector query QUESTION`. */
import { answer } from '../answer.js';
import { checkQuestion } from '../check-question.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  return answer(context, checkQuestion(question), question, options);
}
