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

/** CPUs that this thread may run on. */
export const allowedCpus = (): number[] => addon<CpusAddon>().allowedCpus();

/** Those of `allowed` that are not avoided; all of them where none would be left. */
export function leftOf(allowed: readonly number[], avoided: readonly number[]): number[] {
  const left = allowed.filter((cpu) => !avoided.includes(cpu));
  return left.length > 0 ? left : [...allowed];
}

/** Lets all threads of this process, and those that they start, run on these CPUs only. SYSTEM: the kernel refuses, or they are not there. */
export function keepProcessOn(cpus: readonly number[]): void {
  const errno = addon<CpusAddon>().keepProcessOn(cpus);
  if (errno !== 0)
    throw new CtiError('SYSTEM', `cannot run on CPUs ${cpus.join(',')} only: ${getSystemErrorName(-errno)}`);
}
