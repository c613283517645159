/**
 * Bounded copies of raw ranges of a process's memory (ovs-vswitchd's), for a program whose operator allows it: off unless told, told for one
 * task of this process at a time, so that nothing that came over a network can have it. Read through /proc/PID/mem, opened once: the
 * descriptor stays with that very process image, whoever has its pid later, and is open for reading only.
 */
import { closeSync, openSync, read } from 'node:fs';
import { CtiError } from '../errors.js';

const MAX_RAW_BYTES = 1 << 20;
const DEFAULT_TOTAL_BYTES = 64 << 20;

export interface RawOptions {
  readonly pid: number;
  /** What may be copied, addresses of that process; all of it if absent. */
  readonly ranges?: readonly { readonly start: bigint; readonly end: bigint }[];
  /** Over all calls; 64 MiB if absent. */
  readonly totalBytes?: number;
}

export type RawRefusal = 'EACCES' | 'EINVAL' | 'E2BIG' | 'EDQUOT' | 'EFAULT' | 'ESRCH';

/** What a task may copy. It belongs to whoever opened it, who closes it. */
export class RawMemory {
  readonly #fd: number;
  readonly #ranges: RawOptions['ranges'];
  #left: number;
  #reading = 0;
  #closed = false;

  /** Throws CtiError NO_RIGHTS or NO_SWITCH if the process's memory cannot be opened. */
  constructor(options: RawOptions) {
    const { pid, ranges, totalBytes = DEFAULT_TOTAL_BYTES } = options;
    if (!Number.isInteger(pid) || pid < 1) {
      throw new CtiError('INVALID_ARGUMENT', `expected a process's number but received ${String(pid)}`);
    }
    this.#ranges = ranges;
    this.#left = totalBytes;
    try {
      this.#fd = openSync(`/proc/${pid}/mem`, 'r');
    } catch (cause) {
      const gone = (cause as NodeJS.ErrnoException).code === 'ENOENT';
      throw new CtiError(
        gone ? 'NO_SWITCH' : 'NO_RIGHTS',
        gone
          ? `there is no process ${pid} whose memory could be copied`
          : `the memory of process ${pid} cannot be opened: raw copies need root, or its user and CAP_SYS_PTRACE`,
        { cause },
      );
    }
  }

  /** A copy of `size` bytes at `address`, as they are now, or why not. */
  async copy(address: bigint, size: bigint): Promise<Uint8Array | RawRefusal> {
    if (size === 0n) return 'EINVAL';
    if (size > MAX_RAW_BYTES) return 'E2BIG';
    if (this.#closed) return 'ESRCH';
    const end = address + size;
    if (this.#ranges && !this.#ranges.some((range) => address >= range.start && end <= range.end)) return 'EACCES';
    // Past the end of what a process can have; positions of a file are signed besides.
    if (end > 1n << 62n) return 'EFAULT';
    if (Number(size) > this.#left) return 'EDQUOT';
    this.#left -= Number(size);
    this.#reading++;
    try {
      return await this.#read(address, Number(size));
    } finally {
      this.#reading--;
      this.#settle();
    }
  }

  #read(address: bigint, size: number): Promise<Uint8Array | RawRefusal> {
    const bytes = new Uint8Array(size);
    return new Promise((resolve, reject) => {
      read(this.#fd, bytes, 0, size, address, (error, n) => {
        if (!error) return resolve(n === size ? bytes : n === 0 ? 'ESRCH' : 'EFAULT');
        // EIO: not mapped there (also past the first pages of a range); what else there may be is a fault of ours.
        if (error.code === 'EIO' || error.code === 'EFAULT') return resolve('EFAULT');
        reject(new CtiError('SYSTEM', `raw copy: ${error.message}`, { cause: error }));
      });
    });
  }

  close(): void {
    this.#closed = true;
    this.#settle();
  }

  #settle(): void {
    if (!this.#closed || this.#reading > 0 || this.#isShut) return;
    this.#isShut = true;
    closeSync(this.#fd);
  }

  #isShut = false;
}
