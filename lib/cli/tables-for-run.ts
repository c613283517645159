/** The tables that a program of `ctinspector run` finds with table_open, and what reading them gave and cost. */

import { tableMapping } from '../mapper/table-mapping.js';
import type { TableMapping } from '../runner/program.js';
import type { Captured } from '../sources/registry.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { Context } from './context.js';
import { count } from './figures.js';
import { startProgress } from './progress.js';
import type { Options } from './registry.js';
import { costLine, readingLines, tablesOf, takeSnapshot } from './take-snapshot.js';

export interface GivenTables {
  readonly mappings: readonly TableMapping[];
  /** One sentence a line, for people. */
  readonly footer: readonly string[];
  /** The same for scripts; null: no table was read. */
  readonly facts: Readonly<Record<string, unknown>> | null;
  /** What was read, for whoever else wants its rows. */
  readonly snapshots: readonly TableSnapshot[];
  close(): void;
}

/** No table, nothing to say. */
export const NO_TABLES: GivenTables = { mappings: [], footer: [], facts: null, snapshots: [], close: () => {} };

/** Reads the tables given `now` if a program opens tables; `later`: programs have it read while they run. The caller closes them. */
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
  const taken: Captured[] = [];
  const close = () => {
    for (const { snapshot } of taken) snapshot.close();
  };
  const progress = await startProgress(context);
  try {
    for (const table of tablesOf(options)) taken.push(await takeSnapshot(context, table, options, progress));
  } catch (error) {
    close();
    throw error;
  } finally {
    progress.stop();
  }
  return {
    mappings: taken.map(({ snapshot }) => tableMapping(snapshot)),
    footer: taken.flatMap(({ snapshot: { schema, facts }, passedOver }) => [
      `${schema.name}: ${count(facts.nRows, 'row')} from ${facts.source}`,
      ...passedOver,
      ...readingLines(facts),
      costLine(facts),
    ]),
    facts: Object.fromEntries(taken.map(({ snapshot: { schema, facts } }) => [schema.name, { ...facts }])),
    snapshots: taken.map(({ snapshot }) => snapshot),
    close,
  };
}
