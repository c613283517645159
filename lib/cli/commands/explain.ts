/** `ctinspector explain QUESTION`: plan and eBPF, without a switch. */
import { tableOf } from '../../compiler/index.js';
import { explain } from '../../query/explain.js';
import { TABLES } from '../../tables/generated/tables.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], _options: Options): Promise<Status> {
  const question = args[0] ?? '';
  const { plan, listing, programSlots } = explain(question, { schema: tableOf(question, TABLES) });
  context.stdout.write(
    `plan\n${plan.trimEnd().replaceAll(/^/gm, '  ')}\n\neBPF, ${programSlots} slots\n${listing.trimEnd().replaceAll(/^/gm, '  ')}\n`,
  );
  return 0;
}
