/**
 * Granted regions: an application's own shared memory, given to programs by name. The memory is a memfd that is sealed against shrinking (its
 * pages cannot go away under a program); what can shrink is not mapped. A program names a region, never a descriptor or a host's address; it
 * gets what was granted under that name in the address space it is in.
 *
 *     const counters = createRegion('counters', 4096);            // counters.buffer is shared with whoever maps counters.fd
 *     regions.grant('counters', counters, 'read-write');
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { addon } from '../addon.js';
import { CtiError, fileError, fromNative } from '../errors.js';
import { createMemfd } from '../runner/memfd.js';

export type Access = 'read' | 'read-write';

/** Shared memory of this process's making. */
export interface SharedMemory {
  readonly name: string;
  readonly size: number;
  /** A memfd that neither shrinks nor grows; to be passed to other processes. */
  readonly fd: number;
  /** Its pages, shared with all who map it. It outlives `close`. */
  readonly buffer: ArrayBuffer;
  /** Closes the descriptor. What is granted or mapped stays so. */
  close(): void;
}

export interface GrantOptions {
  /** The address space it is granted in; 0 if absent. */
  readonly asid?: number;
}

/** A region as it is granted. */
export interface Grant {
  readonly name: string;
  readonly asid: number;
  readonly size: number;
  readonly access: Access;
  /** A number that names it where a name cannot be given (the original's mmap); the same on every node. */
  readonly handle: bigint;
  /** The registry's own descriptor, open for what `access` says. */
  readonly fd: number;
  readonly isRevoked: boolean;
}

interface RegionAddon {
  regionFacts(fd: number): { size: number; isRegular: boolean; isWritable: boolean; cannotShrink: boolean };
  mapRegion(fd: number, size: number, isWritable: boolean): ArrayBuffer;
}

const MAX_NAME_BYTES = 64;
export const MAX_ASID = 65_535;
/** A region larger than a window's room for mappings could never be mapped. */
const MAX_SIZE = 0xc000_0000 - 4096;
/** Of files that are copied. */
const MAX_COPY = 64 << 20;
const HOW_TO_SEAL =
  'its owner must make it with memfd_create(MFD_ALLOW_SEALING) and seal it with fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)';

const call = <T>(operation: (native: RegionAddon) => T): T => {
  try {
    return operation(addon<RegionAddon>());
  } catch (error) {
    throw fromNative(error);
  }
};

function checkName(name: unknown): string {
  if (typeof name === 'string' && name !== '' && Buffer.byteLength(name) <= MAX_NAME_BYTES && !name.includes('\0')) {
    return name;
  }
  throw new CtiError(
    'INVALID_ARGUMENT',
    `expected a region's name of 1 to ${MAX_NAME_BYTES} bytes but received ${JSON.stringify(name)}`,
  );
}

function checkAsid(asid: unknown): number {
  if (typeof asid === 'number' && Number.isInteger(asid) && asid >= 0 && asid <= MAX_ASID) return asid;
  throw new CtiError(
    'INVALID_ARGUMENT',
    `expected an address space from 0 to ${MAX_ASID} but received ${String(asid)}`,
  );
}

function checkSize(what: string, size: unknown): number {
  if (typeof size === 'number' && Number.isInteger(size) && size >= 1 && size <= MAX_SIZE) return size;
  throw new CtiError('INVALID_ARGUMENT', `${what}: expected 1 to ${MAX_SIZE} bytes but received ${String(size)}`);
}

/** New shared memory of zeros. */
export function createRegion(name: string, size: number): SharedMemory {
  checkName(name);
  checkSize(`region ${name}`, size);
  const fd = createMemfd(name, size);
  let buffer: ArrayBuffer;
  try {
    buffer = call((native) => native.mapRegion(fd, size, true));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let open = true;
  return {
    name,
    size,
    fd,
    buffer,
    close: () => {
      if (open) closeSync(fd);
      open = false;
    },
  };
}

/** What `mmap(va, size)` of the original calls a region by: a number like a page's address, made of its name, nowhere an address. */
export function regionHandle(name: string, asid = 0): bigint {
  const hash = createHash('sha256').update(`${asid}\0${name}`).digest().readBigUInt64LE();
  return (hash & 0x7fff_ffff_f000n) | 0x1000n;
}

class OpenGrant implements Grant {
  readonly handle: bigint;
  isRevoked = false;
  holders = 0;
  #words: BigUint64Array<ArrayBuffer> | undefined;
  #isClosed = false;

  constructor(
    readonly name: string,
    readonly asid: number,
    readonly size: number,
    readonly access: Access,
    readonly fd: number,
  ) {
    this.handle = regionHandle(name, asid);
  }

  /** The region as 64-bit words. Only to be read: of a region granted for reading the pages are read-only. */
  get words(): BigUint64Array<ArrayBuffer> {
    this.#words ??= new BigUint64Array(
      call((native) => native.mapRegion(this.fd, this.size, false)),
      0,
      Math.floor(this.size / 8),
    );
    return this.#words;
  }

  settle(): void {
    if (!this.isRevoked || this.holders > 0 || this.#isClosed) return;
    this.#isClosed = true;
    this.#words = undefined;
    closeSync(this.fd);
  }
}

/** Someone's hold on a grant: its descriptor stays open. */
export interface HeldGrant {
  readonly grant: Grant;
  /** The region's 64-bit word at a byte offset, a multiple of 8 inside it. */
  load(offset: number): bigint;
  release(): void;
}

export class Regions {
  readonly #grants = new Map<string, OpenGrant>();
  readonly #revoked: ((grant: Grant) => void)[] = [];

  /**
   * Gives programs the memory behind a descriptor (which stays the caller's to close), or memory of createRegion.
   *
   * Throws CtiError INVALID_ARGUMENT: the name is granted already, the memory can shrink, or it is not open for what is granted.
   */
  grant(name: string, memory: number | Pick<SharedMemory, 'fd'>, access: Access, options: GrantOptions = {}): Grant {
    checkName(name);
    const asid = checkAsid(options.asid ?? 0);
    if (access !== 'read' && access !== 'read-write') {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `region ${name}: expected access read or read-write but received ${String(access)}`,
      );
    }
    const key = this.#keyOf(name, asid);
    const fd = typeof memory === 'number' ? memory : memory?.fd;
    if (!Number.isInteger(fd) || fd < 0) {
      throw new CtiError('INVALID_ARGUMENT', `region ${name}: expected a memfd or memory of createRegion`);
    }
    const facts = call((native) => native.regionFacts(fd));
    if (!facts.isRegular || !facts.cannotShrink) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `region ${name}: expected a memfd that cannot shrink but received ${facts.isRegular ? 'memory that can' : 'something else'}: ${HOW_TO_SEAL}`,
      );
    }
    checkSize(`region ${name}`, facts.size);
    if (access === 'read-write' && !facts.isWritable) {
      throw new CtiError(
        'INVALID_ARGUMENT',
        `region ${name}: its descriptor is open for reading only, so it cannot be granted read-write`,
      );
    }
    // A descriptor of its own, which can do no more than what is granted.
    const flags = access === 'read-write' ? constants.O_RDWR : constants.O_RDONLY;
    const own = openOwn(`/proc/self/fd/${fd}`, flags, name);
    const grant = new OpenGrant(name, asid, facts.size, access, own);
    this.#grants.set(key, grant);
    return grant;
  }

  /**
   * Grants what a path names: /proc/PID/fd/N of a memfd. `copy`: the file's bytes as they are now, for reading, whatever the file.
   *
   * Throws CtiError FILE if it cannot be opened, INVALID_ARGUMENT as `grant` does.
   */
  grantFile(name: string, path: string, access: Access | 'copy', options: GrantOptions = {}): Grant {
    checkName(name);
    if (access === 'copy') return this.#grantCopy(name, path, options);
    const flags = (access === 'read-write' ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NONBLOCK;
    const fd = openOwn(path, flags, name);
    try {
      const facts = call((native) => native.regionFacts(fd));
      if (!facts.isRegular || !facts.cannotShrink) {
        throw new CtiError(
          'INVALID_ARGUMENT',
          `region ${name}: ${path} ${facts.isRegular ? 'can shrink' : 'is not memory'}, and what can shrink is not mapped: ${HOW_TO_SEAL}; or use its bytes as they are now, with :copy`,
        );
      }
      return this.grant(name, fd, access, options);
    } finally {
      closeSync(fd);
    }
  }

  #grantCopy(name: string, path: string, options: GrantOptions): Grant {
    let bytes: Uint8Array;
    try {
      const about = statSync(path);
      if (!about.isFile())
        throw new CtiError('INVALID_ARGUMENT', `region ${name}: ${path} is not a file, so there is nothing to copy`);
      const { size } = about;
      if (size > MAX_COPY) {
        throw new CtiError(
          'INVALID_ARGUMENT',
          `region ${name}: ${path} has ${size} bytes, at most ${MAX_COPY} are copied`,
        );
      }
      bytes = readFileSync(path);
    } catch (error) {
      throw error instanceof CtiError ? error : fileError(path, error as NodeJS.ErrnoException);
    }
    if (bytes.length === 0) throw new CtiError('INVALID_ARGUMENT', `region ${name}: ${path} is empty`);
    const memory = createRegion(name, checkSize(`region ${name}`, bytes.length));
    try {
      new Uint8Array(memory.buffer).set(bytes);
      return this.grant(name, memory, 'read', options);
    } finally {
      memory.close();
    }
  }

  /**
   * Takes a region back: it is not found any more, an image that comes back finds its range stale, and `onRevoke` ends programs that have it in
   * their windows. Whether there was one.
   */
  revoke(name: string, options: GrantOptions = {}): boolean {
    const key = keyOf(name, options.asid ?? 0);
    const grant = this.#grants.get(key);
    if (!grant) return false;
    this.#grants.delete(key);
    grant.isRevoked = true;
    for (const listener of this.#revoked) listener(grant);
    grant.settle();
    return true;
  }

  onRevoke(listener: (grant: Grant) => void): void {
    this.#revoked.push(listener);
  }

  /** Holds the region of this name, until `release`; null if there is none. */
  hold(name: string, asid: number): HeldGrant | null {
    const grant = this.#grants.get(keyOf(name, asid));
    return grant ? hold(grant) : null;
  }

  /** What is granted under a name, or by a handle. */
  find(which: string | bigint, asid: number): Grant | undefined {
    if (typeof which === 'string') return this.#grants.get(keyOf(which, asid));
    return this.list().find((grant) => grant.handle === which && grant.asid === asid);
  }

  /** Whether anything is granted in this address space. 0 is always there. */
  hasSpace(asid: bigint): boolean {
    return asid === 0n || [...this.#grants.values()].some((grant) => BigInt(grant.asid) === asid);
  }

  list(): readonly Grant[] {
    return [...this.#grants.values()];
  }

  /** Revokes all. */
  close(): void {
    for (const { name, asid } of this.list()) this.revoke(name, { asid });
  }

  #keyOf(name: string, asid: number): string {
    const key = keyOf(name, asid);
    const handle = regionHandle(name, asid);
    const taken = this.#grants.has(key) || this.list().some((grant) => grant.asid === asid && grant.handle === handle);
    if (!taken) return key;
    throw new CtiError(
      'INVALID_ARGUMENT',
      `region ${name} is granted already in address space ${asid}: revoke it first, or use another name`,
    );
  }
}

const keyOf = (name: string, asid: number): string => `${asid}\0${name}`;

function openOwn(path: string, flags: number, name: string): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    const { message, code } = fileError(path, cause as NodeJS.ErrnoException);
    throw new CtiError(code, `region ${name}: ${message}`, { cause });
  }
}

function hold(grant: OpenGrant): HeldGrant {
  grant.holders++;
  let released = false;
  return {
    grant,
    load: (offset) => {
      if (released || offset % 8 !== 0 || offset < 0 || offset + 8 > grant.size) {
        throw new CtiError('INTERNAL', `region ${grant.name}: no word at ${offset}`);
      }
      return Atomics.load(grant.words, offset / 8);
    },
    release: () => {
      if (released) return;
      released = true;
      grant.holders--;
      grant.settle();
    },
  };
}
