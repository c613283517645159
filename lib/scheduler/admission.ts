/** What `submit` and `adopt` are given, checked and made into what a task is made of. */
import { createHash, randomBytes } from 'node:crypto';
import { CtiError } from '../errors.js';
import type { ProgramSpec } from '../program-spec.js';
import type { ImageControl } from '../runner/program.js';
import type { CarriedControl } from './entry.js';
import type { Begin } from './executor.js';
import type { SubmitOptions } from './options.js';
import type { BudgetLeft } from './task.js';

const DEFAULT_PRIORITY = 100;
const MAX_PRIORITY = 1000;
/** Of a program that starts here; an image has its own. */
const DEFAULT_HOPS = 64;
const MAX_NAME = 256;

const invalid = (name: string, expected: string, received: unknown) =>
  new CtiError('INVALID_ARGUMENT', `expected ${expected} for ${name} but received ${String(received)}`);

export const newId = (): string => randomBytes(16).toString('hex');

export function checkPriority(priority: number = DEFAULT_PRIORITY): number {
  if (!Number.isInteger(priority) || priority < 1 || priority > MAX_PRIORITY) {
    throw invalid('priority', `an integer from 1 to ${MAX_PRIORITY}`, priority);
  }
  return priority;
}

export function checkName(name = 'program'): string {
  if (typeof name !== 'string' || name.length === 0 || Buffer.byteLength(name) > MAX_NAME) {
    throw invalid(
      'name',
      `1 to ${MAX_NAME} bytes of text`,
      typeof name === 'string' ? `${Buffer.byteLength(name)} bytes` : name,
    );
  }
  return name;
}

const hashes = new WeakMap<ProgramSpec, string>();

/** The same for programs that are the same, whatever object they are. */
function hashOf(spec: ProgramSpec): string {
  const known = hashes.get(spec);
  if (known !== undefined) return known;
  const { code, rodata = new Uint8Array(), data = new Uint8Array(), imports = [], functions = [] } = spec;
  const facts = [
    spec.kernelFunctions,
    imports,
    spec.entry ?? 0,
    functions,
    spec.bssSize ?? 0,
    code.length,
    rodata.length,
  ];
  const hash = createHash('sha256')
    .update(JSON.stringify(facts))
    .update(code)
    .update(rodata)
    .update(data)
    .digest('base64');
  hashes.set(spec, hash);
  return hash;
}

export function beginProgram(spec: ProgramSpec, options: SubmitOptions): Begin {
  return {
    kind: 'program',
    hash: hashOf(spec),
    spec,
    args: options.args ?? [],
    tables: options.tables ?? [],
    engine: options.engine ?? 'auto',
  };
}

/** Of every program that starts here, until it is told more. */
export const NEW_CONTROL: CarriedControl = Object.freeze({ epoch: 0n, hopsLeft: DEFAULT_HOPS });

/** Of an image: what the scheduler only carries. */
export function carriedOf(facts: ImageControl): CarriedControl {
  const { epoch, hopsLeft, childIndex, meeting, meetingSlot, meetingHome, home, addressSpace, monitors } = facts;
  const all = { epoch, hopsLeft, childIndex, meeting, meetingSlot, meetingHome, home, addressSpace, monitors };
  return Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  ) as unknown as CarriedControl;
}

/** Of an image: what is left of its budget; what it does not say is the default. */
export function budgetOf(facts: ImageControl, defaults: BudgetLeft): BudgetLeft {
  return {
    fuel: facts.fuelLeft ?? defaults.fuel,
    memory: facts.memoryLimit ?? defaults.memory,
    forks: facts.forksLeft ?? defaults.forks,
    lifetimeNs: facts.lifetimeLeftNs ?? defaults.lifetimeNs,
  };
}
