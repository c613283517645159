/** `explain`: the plan of a question in words, and the eBPF it becomes, with what each part is for. Needs no switch. */
import {
  type CompiledQuestion,
  compileQuestion,
  type Definition,
  type Names,
  NO_DICTIONARIES,
  NO_NAMES,
} from '../compiler/index.js';
import { Program } from '../runner/program.js';
import type { TableSchema } from '../table-schema.js';
import { questionSchema } from './samples.js';
import { dictionariesOf, type QuestionSnapshot } from './snapshot-dictionaries.js';

export interface Explanation {
  readonly plan: string;
  /** One line a slot, comments on lines of their own before. */
  readonly listing: string;
  readonly programSlots: number;
  /** Of the user's names, those that the question uses. */
  readonly names: readonly Definition[];
  /** What of the question is not asked, and columns of it that no row can have. */
  readonly notes: readonly string[];
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
  names: Names = NO_NAMES,
): Explanation {
  const compiled =
    'snapshot' in about
      ? compileQuestion(question, {
          schema: about.snapshot.schema,
          dictionaries: dictionariesOf(about.snapshot),
          nRows: about.snapshot.facts.nRows,
          names,
        })
      : compileQuestion(question, {
          schema: questionSchema(question, about.schema, names),
          dictionaries: NO_DICTIONARIES,
          nRows: SOME_ROWS,
          names,
        });
  const program = Program.load(compiled.spec);
  return {
    plan: compiled.planText,
    listing: listing(compiled, program),
    programSlots: program.nSlots,
    names: compiled.names,
    notes: compiled.notes,
  };
}
