/** `ctinspector explain QUESTION`: plan and eBPF, without a switch. */
import { tableOf } from '../../compiler/index.js';
import { escapeText } from '../../escape.js';
import { explain } from '../../query/explain.js';
import { TABLES } from '../../tables/generated/tables.js';
import type { Context } from '../context.js';
import { namesOf } from '../names-file.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  const schema = tableOf(question, TABLES);
  const { plan, listing, programSlots, names, notes } = explain(question, { schema }, namesOf(context, options));
  const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '  ');
  const own = names.map(({ text, file, line }) => `${text.replace(/\s+/g, ' ')}   (${file}:${line})`);
  const sections = [
    ...(own.length > 0 ? [`names\n${indented(own.map(escapeText).join('\n'))}\n`] : []),
    `plan\n${indented(plan)}\n`,
    ...(notes.length > 0 ? [`not asked\n${indented(notes.map(escapeText).join('\n'))}\n`] : []),
    `eBPF, ${programSlots} slots\n${indented(listing)}\n`,
  ];
  context.stdout.write(sections.join('\n'));
  return 0;
}
