/** What the kernel says of processes, for tests that ask who is whose child and what is left. */
import { readFileSync } from 'node:fs';

/** Children of the process's first thread, the oldest first; none if it has ended. */
export function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}
