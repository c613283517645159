/** `explain`: the plan of a question in words, and the eBPF it becomes, with what each part is for. Needs no switch. */
import { type CompiledQuestion, compileQuestion, NO_DICTIONARIES } from '../compiler/index.js';
import { Program } from '../runner/program.js';
import type { TableSchema } from '../table-schema.js';
import { dictionariesOf, type QuestionSnapshot } from './snapshot-dictionaries.js';

export interface Explanation {
  readonly plan: string;
  /** One line a slot, comments on lines of their own before. */
  readonly listing: string;
  readonly programSlots: number;
}

/** Rows to plan for where there is no snapshot: the flow-limit of a switch that was not told otherwise. */
const SOME_ROWS = 200_000;

function listing({ comments }: CompiledQuestion, program: Program): string {
  const lines = program.disassemble().trimEnd().split('\n');
  return lines
    .flatMap((line, slot) => {
      const comment = comments.get(slot);
      return comment === undefined ? [line] : [`; ${comment}`, line];
    })
    .join('\n');
}

/** Names of ports and datapaths are only checked with a snapshot. Throws as compileQuestion does. */
export function explain(
  question: string,
  about: { schema: TableSchema } | { snapshot: QuestionSnapshot },
): Explanation {
  const compiled =
    'snapshot' in about
      ? compileQuestion(question, {
          schema: about.snapshot.schema,
          dictionaries: dictionariesOf(about.snapshot),
          nRows: about.snapshot.facts.nRows,
        })
      : compileQuestion(question, { schema: about.schema, dictionaries: NO_DICTIONARIES, nRows: SOME_ROWS });
  const program = Program.load(compiled.spec);
  return { plan: compiled.planText, listing: listing(compiled, program), programSlots: program.nSlots };
}
