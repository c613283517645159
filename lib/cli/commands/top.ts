/** `ctinspector top [CONDITION]`: the megaflows that move most, live. */
import { questionOfCondition } from '../../compiler/index.js';
import { DP_FLOWS } from '../../tables/generated/dp-flows.js';
import { checkQuestion } from '../check-question.js';
import type { Context } from '../context.js';
import { live } from '../live.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

/** More than a screen has, so that there is something to scroll to. */
const ROWS = 500;
const COLUMNS = 'pps, bps, in_port, nw_src, nw_dst, nw_proto, tp_dst, packets, used, actions';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const condition = args[0] ?? '';
  const plan = {
    name: 'top',
    order: { name: 'pps', descending: true },
    question: ({ filter, order }: { filter: string; order: { name: string; descending: boolean } | undefined }) => {
      const parts = [condition, filter].filter((part) => part.trim() !== '').map((part) => `(${part})`);
      const { name = 'pps', descending = true } = order ?? {};
      const flows = questionOfCondition(
        DP_FLOWS.name,
        parts.length > 1 ? parts.join(' and ') : (parts[0]?.slice(1, -1) ?? ''),
      );
      return `${flows} | ${descending ? 'top' : 'bottom'} ${ROWS} by ${name} | show ${COLUMNS}`;
    },
  };
  const names = namesOf(context, options);
  const schema = checkQuestion(plan.question({ filter: '', order: plan.order }), names);
  return live(context, schema, plan, options, names);
}
