/** The command's own threads keep off the CPUs that its readings keep off: a question over many rows takes a core for a while, too. */
import { allOf, allowedCpus, keepProcessOn, leftOf } from '../sources/cpus.js';
import { originOf } from '../sources/memory.js';
import type { TableSnapshot } from '../tables/snapshot.js';

/** CPUs that this process was started on. */
let started: readonly number[] | undefined;

/** From now on, and until another reading says otherwise. Where a snapshot does not come from memory it is not known which, and nothing changes. */
export function keepOff(snapshot: TableSnapshot): void {
  const avoided = originOf(snapshot)?.attachment.avoided;
  if (!avoided) return;
  started ??= allowedCpus();
  const cpus = leftOf(started, allOf(avoided));
  if (cpus.join() === allowedCpus().join()) return;
  try {
    keepProcessOn(cpus);
  } catch {
    // The kernel does not let it: the question is answered all the same.
  }
}
