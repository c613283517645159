/** `ctinspector doctor`: everything a question needs, looked at one by one. A check is one row of CHECKS. */
import { accessSync, constants, statSync } from 'node:fs';
import { addon } from '../../addon.js';
import { CtiError, fromNative } from '../../errors.js';
import { ERROR_DOCS } from '../../generated/error-codes.js';
import { Program } from '../../runner/program.js';
import { findSwitch, resolveSwitch, unixctl } from '../../sources/unixctl.js';
import { type Context, formatOf, type SwitchOptions, switchOptions } from '../context.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

/** `not checked` is never a pass: something before it is missing. */
type Verdict = 'ok' | 'fail' | 'not checked';

interface Finding {
  readonly verdict: Verdict;
  readonly found: string;
  readonly remedy?: string;
}

interface Facts {
  readonly where: SwitchOptions & { readonly signal: AbortSignal };
  /** Names of the checks that did not pass. */
  readonly failed: Set<string>;
}

interface Check {
  readonly name: string;
  /** Checks without which this one cannot be made. */
  readonly needs: readonly string[];
  run(facts: Facts): Promise<Finding>;
}

const ok = (found: string): Finding => ({ verdict: 'ok', found });

/** `mov r0, 42; exit`: what the sandbox must be able to run. */
const FORTY_TWO = Uint8Array.from([0xb7, 0, 0, 0, 42, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);

const CHECKS: readonly Check[] = [
  {
    name: 'node',
    needs: [],
    async run() {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
      const found = `Node ${process.versions.node} on ${process.platform} ${process.arch}`;
      if (process.platform === 'linux' && (major > 20 || (major === 20 && minor >= 17))) return ok(found);
      return { verdict: 'fail', found, remedy: 'expected Node 20.17 or later on Linux: install it' };
    },
  },
  {
    name: 'addon',
    needs: ['node'],
    async run() {
      try {
        addon();
        return ok('the native addon loads');
      } catch (error) {
        return {
          verdict: 'fail',
          found: `the native addon does not load: ${(error as Error).message}`,
          remedy: 'build it: npm run build:addon (needs cmake, make and g++ 12)',
        };
      }
    },
  },
  {
    name: 'sandbox',
    needs: ['addon'],
    async run() {
      const result = Program.load({ code: FORTY_TWO, kernelFunctions: 'ctinspector' }).run();
      if (result.kind === 'exited' && result.r0 === 42n) return ok('a program ran in a window of 4 GiB');
      return { verdict: 'fail', found: `a program that returns 42 gave ${result.kind}`, remedy: ERROR_DOCS.INTERNAL };
    },
  },
  {
    name: 'run directory',
    needs: [],
    async run({ where }) {
      const { rundir, target } = resolveSwitch(where);
      if (target.startsWith('/')) return ok(`not used: --target names the socket ${target}`);
      if (!statSync(rundir).isDirectory()) throw new CtiError('NO_SWITCH', `${rundir} is not a directory`);
      accessSync(rundir, constants.X_OK);
      return ok(rundir);
    },
  },
  {
    name: 'switch',
    needs: ['addon', 'run directory'],
    async run({ where }) {
      const { version, pid, socketPath } = await findSwitch(where);
      const process = pid === null ? 'its process is not visible from here (another pid namespace?)' : `process ${pid}`;
      return ok(`${version}, ${process}, answers at ${socketPath}`);
    },
  },
  {
    name: 'datapaths',
    needs: ['switch'],
    async run({ where }) {
      const names = (await unixctl(where, 'dpctl/dump-dps')).split('\n').filter((line) => line !== '');
      if (names.length > 0) return ok(names.join(', '));
      return { verdict: 'ok', found: 'none: tables will be empty', remedy: 'add a bridge: ovs-vsctl add-br NAME' };
    },
  },
];

function failure(thrown: unknown, where: SwitchOptions): Finding {
  const error = fromNative(thrown);
  if (error instanceof CtiError) return { verdict: 'fail', found: error.message, remedy: ERROR_DOCS[error.code] };
  const { code, message } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'EACCES' || code === 'EPERM'
      ? ERROR_DOCS.NO_RIGHTS
      : code === 'ENOENT'
        ? `is Open vSwitch installed and running? Another run directory: --rundir (now ${resolveSwitch(where).rundir})`
        : undefined;
  return { verdict: 'fail', found: message, ...(remedy === undefined ? {} : { remedy }) };
}

async function examine(check: Check, facts: Facts): Promise<Finding> {
  const missing = check.needs.find((need) => facts.failed.has(need));
  if (missing !== undefined) return { verdict: 'not checked', found: `needs '${missing}' to be ok first` };
  try {
    return await check.run(facts);
  } catch (error) {
    if (facts.where.signal.aborted) throw error;
    return failure(error, facts.where);
  }
}

export async function run(context: Context, _args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const facts: Facts = { where: { ...switchOptions(options), signal: context.signal }, failed: new Set() };
  resolveSwitch(facts.where); // a wrong option is an error, not a finding
  const rows: Cell[][] = [];
  const cell = (text: string): Cell => ({ text, json: text });
  for (const check of CHECKS) {
    const { verdict, found, remedy } = await examine(check, facts);
    if (verdict !== 'ok') facts.failed.add(check.name);
    rows.push([cell(check.name), cell(verdict), cell(found), remedy ? cell(remedy) : { text: '', json: null }]);
  }
  const n = facts.failed.size;
  const sentence =
    n === 0
      ? 'Questions can be asked of this switch.'
      : facts.failed.has('addon')
        ? 'Nothing can be asked until the addon loads.'
        : 'This switch cannot be asked; a saved dump can: --from FILE.';
  await writeListing(context, format, {
    columns: ['check', 'is', 'found', 'what to do'].map((name) => ({ name })),
    rows,
    footer: [
      `${rows.length} checks, ${rows.length - n} ok. Run as ${process.getuid?.() === 0 ? 'root' : `uid ${process.getuid?.()}`}. ${sentence}`,
    ],
    facts: { checks: rows.length, ok: rows.length - n, uid: process.getuid?.() ?? null },
  });
  return n === 0 ? 0 : 1;
}
