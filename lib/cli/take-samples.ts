/** The table of a question, which may be two samples of it: of the switch, some seconds apart, of two files, or of a file and the switch. */
import { type Names, NO_NAMES } from '../compiler/index.js';
import { CtiError } from '../errors.js';
import { type SamplesNeeded, samplesNeeded } from '../query/samples.js';
import { sleep } from '../sources/pace.js';
import type { Captured } from '../sources/registry.js';
import { captureAgain } from '../sources/second-sample.js';
import { describeSnapshotFile, isSnapshotFile } from '../sources/snapshot-file.js';
import { isSameProcess } from '../sources/switch-life.js';
import type { TableSchema } from '../table-schema.js';
import { combineSamples } from '../tables/sampled.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import { type Context, fileOf, sourceOption, switchOptions } from './context.js';
import { parseTime } from './numbers.js';
import type { Progress } from './progress.js';
import type { Options } from './registry.js';
import { takeFile, takeSince, takeSnapshot } from './take-snapshot.js';

const DEFAULT_INTERVAL_MS = 2000;

const invalid = (message: string): CtiError => new CtiError('INVALID_ARGUMENT', message);

/** --interval in milliseconds, if it is given. */
const intervalOf = ({ interval }: Options): number | undefined =>
  typeof interval === 'string' ? Number(parseTime('--interval', interval)) / 1e6 : undefined;

/** Whether a file says when its rows were read from a switch: a snapshot that was made of a saved dump does not. */
async function isTimedFile(path: string, { name }: TableSchema): Promise<boolean> {
  if (!(await isSnapshotFile(path))) return false;
  const { tables } = await describeSnapshotFile(path);
  const source = tables.find(({ table }) => table === name)?.facts.source ?? '';
  return /^(memory|unixctl):|\((memory|unixctl):/.test(source);
}

/** The file with the earlier sample; undefined: the switch is asked twice. */
function earlierFile(needed: SamplesNeeded, options: Options): string | undefined {
  const { before } = options;
  const since = needed.since && 'file' in needed.since ? needed.since.file : undefined;
  if (typeof before === 'string' && needed.since)
    throw invalid("--before and the question's changes since both name the earlier sample: give one of them");
  return since ?? (typeof before === 'string' ? before : undefined);
}

/** The caller closes the snapshot. */
export async function takeTable(
  context: Context,
  table: TableSchema,
  question: string,
  options: Options,
  progress: Progress,
  names: Names = NO_NAMES,
): Promise<Captured> {
  const needed = samplesNeeded(question, table, names);
  const given = intervalOf(options);
  if (!needed) {
    for (const name of ['before', 'interval'] as const) {
      if (options[name] !== undefined)
        throw invalid(
          `--${name}: the question asks for no rates (pps, bps, rate(FIELD)) and no changes since: it needs one sample`,
        );
    }
    return takeSnapshot(context, table, options, progress);
  }
  const earlier = earlierFile(needed, options);
  const later = fileOf(options);
  if (earlier === undefined && later !== undefined) {
    throw invalid(
      needed.since
        ? `changes since a time needs a running switch; ${later} is one sample: name the earlier file, changes since FILE`
        : `rates need two samples, ${later} is one: name the earlier file with --before FILE`,
    );
  }
  if (earlier === undefined) return takeTwo(context, table, needed, given, options, progress);
  const isTimed = (await isTimedFile(earlier, table)) && (later === undefined || (await isTimedFile(later, table)));
  if (isTimed && given !== undefined)
    throw invalid(
      '--interval: the two samples say when they were taken; it is for saved dumps, which do not, and for a switch that is asked twice',
    );
  if (!isTimed && given === undefined && needed.sampled.rates.length > 0)
    throw invalid(
      'a saved dump does not say when it was taken: say with --interval how long lies between the two samples',
    );
  const take = needed.since ? takeSince : takeFile;
  const { snapshot: before } = await take(context, table, earlier, progress);
  return combine(
    before,
    () => takeSnapshot(context, table, options, progress),
    needed,
    isTimed ? undefined : (given ?? null),
  );
}

async function combine(
  before: TableSnapshot,
  takeAfter: () => Promise<Captured>,
  { sampled }: SamplesNeeded,
  intervalMs: number | null | undefined,
): Promise<Captured> {
  let after: Captured | undefined;
  try {
    after = await takeAfter();
    return { snapshot: combineSamples(before, after.snapshot, sampled, { intervalMs }), passedOver: after.passedOver };
  } catch (error) {
    before.close();
    after?.snapshot.close();
    throw error;
  }
}

async function takeTwo(
  context: Context,
  table: TableSchema,
  needed: SamplesNeeded,
  given: number | undefined,
  options: Options,
  progress: Progress,
): Promise<Captured> {
  const { signal } = context;
  const asked = needed.since && 'durationMs' in needed.since ? needed.since.durationMs : undefined;
  if (asked !== undefined && given !== undefined)
    throw invalid("--interval and the question's changes since both say how long to wait: give one of them");
  const waitMs = asked ?? given ?? DEFAULT_INTERVAL_MS;
  const first = await takeSnapshot(context, table, options, progress);
  const takenMs = Number(first.snapshot.facts.beginNs / 1_000_000n);
  const second = async (): Promise<Captured> => {
    progress.update(`waiting ${waitMs / 1000} s for the second sample`);
    await sleep(takenMs + waitMs - Date.now(), signal);
    const captured = await captureAgain(first.snapshot, sourceOption(options), { ...switchOptions(options), signal });
    if (needed.sampled.rates.length > 0 && !isSameProcess(first.snapshot, captured.snapshot)) {
      captured.snapshot.close();
      throw new CtiError(
        'SWITCH_CLOSED',
        `expected two samples of one process of the switch, but it was restarted between them, or that cannot be told: ${first.snapshot.facts.source}, then ${captured.snapshot.facts.source}. Counters begin anew then, so there are no rates: ask again`,
      );
    }
    return { snapshot: captured.snapshot, passedOver: [...new Set([...first.passedOver, ...captured.passedOver])] };
  };
  return combine(first.snapshot, second, needed, undefined);
}
