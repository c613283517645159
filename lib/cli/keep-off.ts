/** The command's own threads keep off the CPUs that its readings keep off: a question over many rows takes a core for a while, too. */
import { ProcessCpus } from '../sources/cpus.js';
import { originOf } from '../sources/memory.js';
import type { TableSnapshot } from '../tables/snapshot.js';

let cpus: ProcessCpus | undefined;

/** From now on, and until another reading says otherwise. Where a snapshot does not come from memory it is not known which, and nothing changes. */
export function keepOff(snapshot: TableSnapshot): void {
  const avoided = originOf(snapshot)?.attachment.avoided;
  if (!avoided) return;
  cpus ??= new ProcessCpus();
  try {
    cpus.keepOff(avoided);
  } catch {
    // The kernel does not let it: the question is answered all the same.
  }
}
