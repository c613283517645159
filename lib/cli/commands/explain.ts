/** `ctinspector explain QUESTION`: plan and eBPF, without a switch; with --analyze what each stage did and took. */
import { tableOf } from '../../compiler/index.js';
import { CtiError } from '../../errors.js';
import { escapeText } from '../../escape.js';
import { explain } from '../../query/explain.js';
import { measureQuestion, runQuestion } from '../../query/run.js';
import { TABLES } from '../../tables/generated/tables.js';
import { checkQuestion } from '../check-question.js';
import { type Context, formatOf } from '../context.js';
import { count, integer, ms } from '../figures.js';
import { namesOf } from '../names-file.js';
import { writeListing } from '../output.js';
import { startProgress } from '../progress.js';
import type { Options, Status } from '../registry.js';
import { takeTable } from '../take-samples.js';
import { costLine, readingLines } from '../take-snapshot.js';

/** Digits of a time in ms. */
const DIGITS = 3;

async function analyze(context: Context, question: string, options: Options): Promise<Status> {
  const format = formatOf(options);
  const progress = await startProgress(context);
  const names = namesOf(context, options);
  const schema = checkQuestion(question, names);
  const captured = await takeTable(context, schema, question, options, progress, names).catch((error: unknown) => {
    progress.stop();
    throw error;
  });
  const { snapshot, passedOver } = captured;
  try {
    const running = { signal: context.signal, names, onProgress: () => progress.update('running the program') };
    // Each has a new mapping of the table, and its page faults.
    const { facts } = await runQuestion(question, snapshot, running);
    const { stages } = await measureQuestion(question, snapshot, running);
    progress.stop();
    const apart = stages.reduce((sum, stage) => sum + stage.ms, 0);
    await writeListing(context, format, {
      columns: [
        { name: 'stage' },
        { name: 'rows in', align: 'right' },
        { name: 'rows out', align: 'right' },
        { name: 'ms', align: 'right' },
      ],
      rows: stages.map((stage) => [
        { text: stage.stage, json: stage.stage },
        { text: integer.format(stage.rowsIn), json: stage.rowsIn },
        { text: integer.format(stage.rowsOut), json: stage.rowsOut },
        { text: stage.ms.toFixed(DIGITS), json: Number(stage.ms.toFixed(DIGITS)) },
      ]),
      footer: [
        `each stage in a loop of its own: ${ms(apart)}; stages together, as query runs them: ${ms(facts.runMs)}; compiled in ${ms(facts.compileMs)}`,
        `${count(facts.rowsScanned, snapshot.schema.noun)} looked at; ${snapshot.facts.source}`,
        ...passedOver,
        ...readingLines(snapshot.facts),
        costLine(snapshot.facts),
      ],
      facts: { question, apartMs: apart, ...facts, snapshot: snapshot.facts, passedOver },
    });
    return 0;
  } finally {
    progress.stop();
    snapshot.close();
  }
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const question = args[0] ?? '';
  if (options.analyze === true) return analyze(context, question, options);
  const needless = Object.keys(options).find((name) => name !== 'names');
  if (needless !== undefined)
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--${needless} is for explain --analyze: without it nothing is asked or run`,
    );
  const schema = tableOf(question, TABLES);
  const { plan, listing, programSlots, names, notes } = explain(question, { schema }, namesOf(context, options));
  const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, '  ');
  const own = names.map(({ text, file, line }) => `${text.replace(/\s+/g, ' ')}   (${file}:${line})`);
  const sections = [
    ...(own.length > 0 ? [`names\n${indented(own.map(escapeText).join('\n'))}\n`] : []),
    `plan\n${indented(plan)}\n`,
    ...(notes.length > 0 ? [`to know\n${indented(notes.map(escapeText).join('\n'))}\n`] : []),
    `eBPF, ${programSlots} slots\n${indented(listing)}\n`,
  ];
  context.stdout.write(sections.join('\n'));
  return 0;
}
