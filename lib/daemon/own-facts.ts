/** What a process of the daemon says of itself: memory, descriptors, threads, counters. Needs no rights: it looks at its own. */
import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface OwnFacts {
  readonly pid: number;
  readonly rssBytes: number;
  /** Its share of what it has in common with others; null: the kernel does not say. */
  readonly pssBytes: number | null;
  readonly heapBytes: number;
  /** Memory outside of the heap that its objects hold: buffers, mapped segments. */
  readonly externalBytes: number;
  readonly fds: number;
  readonly threads: number;
  readonly cpuMs: number;
  readonly counters: Readonly<Record<string, number>>;
}

let collectGarbage: (() => void) | undefined;

function collect(): void {
  if (!collectGarbage) {
    setFlagsFromString('--expose-gc');
    collectGarbage = runInNewContext('gc') as () => void;
  }
  collectGarbage();
}

/** null: the kernel does not say, or not to us. */
export function pssOf(pid: number | 'self'): number | null {
  try {
    return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) * 1024 || null;
  } catch {
    return null;
  }
}

export function ownFacts(counters: Readonly<Record<string, number>>, collectFirst = false): OwnFacts {
  if (collectFirst) collect();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    pid: process.pid,
    rssBytes: rss,
    pssBytes: pssOf('self'),
    heapBytes: heapUsed,
    externalBytes: external,
    fds: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
    cpuMs: (user + system) / 1000,
    counters: { ...counters },
  };
}
