/** CPUs that readings, and the daemon's processes, keep off: those of the datapath's threads, and those that the host has set apart. */
import { readFileSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { addon } from '../addon.js';
import { CtiError } from '../errors.js';

/** The kernel's list format: "0-3,8,10-11"; empty: none. */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  for (const part of text
    .trim()
    .split(',')
    .filter((part) => part !== '')) {
    const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const [lo, hi] = [Number(first), Number(last)];
    if (first === '' || hi < lo || hi > 65_535)
      throw new CtiError('INVALID_ARGUMENT', `expected a list of CPUs like 0-3,8 but received '${text.trim()}'`);
    for (let cpu = lo; cpu <= hi; cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

/** OVS's pmd-cpu-mask: hexadecimal, as long as one likes; what is no digit counts as 0, as it does to OVS; empty: none. */
export function parseCpuMask(mask: string): number[] {
  const digits = [...mask.replace(/^0[xX]/, '')].reverse().map((digit) => Number.parseInt(digit, 16) || 0);
  return digits.flatMap((value, i) => [0, 1, 2, 3].filter((bit) => (value >> bit) & 1).map((bit) => 4 * i + bit));
}

const ISOLATED = '/sys/devices/system/cpu/isolated';

/** CPUs of the kernel's isolcpus; none where it does not say. */
export function isolatedCpus(file = ISOLATED): number[] {
  try {
    return parseCpuList(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

export interface AvoidedCpus {
  /** Those of pmd-cpu-mask, and those that PMD threads are pinned to. */
  readonly pmd: readonly number[];
  readonly isolated: readonly number[];
}

/** Of the cores that PMD threads have or may have (below 0: the main thread, which has none). */
export function avoidedCpus(cores: readonly number[], isolated: readonly number[] = isolatedCpus()): AvoidedCpus {
  return { pmd: [...new Set(cores.filter((core) => core >= 0))].sort((a, b) => a - b), isolated };
}

export const allOf = ({ pmd, isolated }: AvoidedCpus): number[] =>
  [...new Set([...pmd, ...isolated])].sort((a, b) => a - b);

interface CpusAddon {
  allowedCpus(): number[];
  keepProcessOn(cpus: readonly number[]): number;
}

/** Those of `allowed` that are not avoided; all of them where none would be left. */
export function leftOf(allowed: readonly number[], avoided: readonly number[]): number[] {
  const left = allowed.filter((cpu) => !avoided.includes(cpu));
  return left.length > 0 ? left : [...allowed];
}

/** Where all threads of this process, and those that they start, may run. One for a process. */
export class ProcessCpus {
  /** When this was made. */
  readonly started: readonly number[] = addon<CpusAddon>().allowedCpus();
  #now = this.started;

  get now(): readonly number[] {
    return this.#now;
  }

  /** Off these, as far as others were there at the start. As keepOn(). */
  keepOff(avoided: AvoidedCpus): boolean {
    return this.keepOn(leftOf(this.started, allOf(avoided)));
  }

  /** On these only. False: that is so already. SYSTEM: the kernel refuses, or they are not there; it is not tried again before others are asked for. */
  keepOn(cpus: readonly number[]): boolean {
    if (cpus.join() === this.#now.join()) return false;
    this.#now = cpus;
    const errno = addon<CpusAddon>().keepProcessOn(cpus);
    if (errno !== 0)
      throw new CtiError('SYSTEM', `cannot run on CPUs ${cpus.join(',')} only: ${getSystemErrorName(-errno)}`);
    return true;
  }
}
