/** `ctinspector explain QUESTION`: plan and eBPF, without a switch. */
import { explain } from '../../query/explain.js';
import { DP_FLOWS } from '../../tables/generated/dp-flows.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], _options: Options): Promise<Status> {
  const { plan, listing, programSlots } = explain(args[0] ?? '', { schema: DP_FLOWS });
  context.stdout.write(
    `plan\n${plan.trimEnd().replaceAll(/^/gm, '  ')}\n\neBPF, ${programSlots} slots\n${listing.trimEnd().replaceAll(/^/gm, '  ')}\n`,
  );
  return 0;
}
