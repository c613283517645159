/** The tables that a program of `ctinspector run` finds with table_open, and what reading them gave and cost. */

import { tableMapping } from '../query/run.js';
import type { TableMapping } from '../runner/program.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { Context } from './context.js';
import { count } from './figures.js';
import { startProgress } from './progress.js';
import type { Options } from './registry.js';
import { costLine, readingLines, takeSnapshot } from './take-snapshot.js';

export interface GivenTables {
  readonly mappings: readonly TableMapping[];
  /** One sentence a line, for people. */
  readonly footer: readonly string[];
  /** The same for scripts; null: no table was read. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  /** What was read; null: nothing. */
  readonly snapshot: TableSnapshot | null;
  close(): void;
}

/** No table, nothing to say. */
export const NO_TABLES: GivenTables = { mappings: [], footer: [], facts: null, snapshot: null, close: () => {} };

/** Reads dp_flows `now` if a program opens tables; `later`: programs have it read while they run. The caller closes it. */
export async function openTables(
  context: Context,
  options: Options,
  needed: 'now' | 'later' | 'never',
): Promise<GivenTables> {
  if (needed !== 'now') {
    const footer =
      needed === 'later' || options.from === undefined
        ? []
        : ['the program does not call table_open, so --from was not read'];
    return { ...NO_TABLES, footer };
  }
  const progress = await startProgress(context);
  const { snapshot, passedOver } = await takeSnapshot(context, options, progress).finally(() => progress.stop());
  const { schema, facts } = snapshot;
  return {
    mappings: [tableMapping(snapshot)],
    footer: [
      `${schema.name}: ${count(facts.nRows, 'row')} from ${facts.source}`,
      ...passedOver,
      ...readingLines(facts),
      costLine(facts),
    ],
    facts: { [schema.name]: { ...facts } },
    snapshot,
    close: () => snapshot.close(),
  };
}
