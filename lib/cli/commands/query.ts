/** `ctinspector query QUESTION`. */
import { compileQuestion, NO_DICTIONARIES } from '../../compiler/index.js';
import { DP_FLOWS } from '../../tables/generated/dp-flows.js';
import { answer } from '../answer.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

/** Looks for mistakes before the switch is asked for anything; names of ports are checked once there is a snapshot. */
export function checkQuestion(question: string): void {
  compileQuestion(question, { schema: DP_FLOWS, dictionaries: NO_DICTIONARIES, nRows: 1 });
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  checkQuestion(question);
  return answer(context, question, options);
}
