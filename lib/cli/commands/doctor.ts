/** `ctinspector doctor`: everything a question needs, looked at one by one. A check is one row of CHECKS. */
import { accessSync, constants, statSync } from 'node:fs';
import { addon } from '../../addon.js';
import { CtiError, fromNative, systemReason } from '../../errors.js';
import { ERROR_DOCS } from '../../generated/error-codes.js';
import { Program } from '../../runner/program.js';
import { findLayout, layoutMaker } from '../../sources/layouts.js';
import { lookAtProcess, MemoryAttachment, notVisible, prove } from '../../sources/memory.js';
import { findSwitch, resolveSwitch, unixctl } from '../../sources/unixctl.js';
import { type Context, formatOf, type SwitchOptions, switchOptions } from '../context.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

/** `not checked` is never a pass: something before it is missing. `limited`: questions are answered all the same, another way. */
type Verdict = 'ok' | 'fail' | 'limited' | 'not checked';

interface Finding {
  readonly verdict: Verdict;
  readonly found: string;
  readonly remedy?: string;
}

interface Facts {
  readonly where: SwitchOptions & { readonly signal: AbortSignal };
  readonly env: NodeJS.ProcessEnv;
  /** Names of the checks that did not pass. */
  readonly failed: Set<string>;
}

interface Check {
  readonly name: string;
  /** Checks without which this one cannot be made. */
  readonly needs: readonly string[];
  /** Is about reading memory: the control socket answers without it. */
  readonly forMemory?: true;
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
  {
    name: 'process',
    needs: ['switch'],
    forMemory: true,
    async run({ where }) {
      const pid = await pidOf(where);
      return ok(`process ${pid} is visible from here`);
    },
  },
  {
    name: 'rights',
    needs: ['process'],
    forMemory: true,
    async run({ where }) {
      const { executable } = lookAtProcess(await pidOf(where));
      return ok(`the memory of ${executable} may be read`);
    },
  },
  {
    name: 'layout',
    needs: ['rights'],
    forMemory: true,
    async run({ where, env }) {
      const { buildId } = lookAtProcess(await pidOf(where));
      try {
        const { name, file } = findLayout(buildId, env);
        return ok(`${name} (${file})`);
      } catch (error) {
        if (!(error instanceof CtiError) || error.code !== 'LAYOUT_UNKNOWN') throw error;
        return {
          verdict: 'fail',
          found: `build ${buildId || '(without a build id)'} is unknown`,
          remedy: howToMakeLayout(),
        };
      }
    },
  },
  {
    name: 'memory',
    needs: ['layout', 'datapaths'],
    forMemory: true,
    async run({ where, env }) {
      const attachment = MemoryAttachment.open(await pidOf(where), env);
      const proof = await prove(attachment, where).finally(() => attachment.closePageTables());
      proof.capture.snapshot.close();
      return ok(
        `agrees with what the switch says: ${proof.datapaths} datapaths, ${proof.flowsCompared} flows compared`,
      );
    },
  },
  {
    // Either way is right; one is cheaper.
    name: 'counters',
    needs: ['layout'],
    forMemory: true,
    async run({ where, env }) {
      const attachment = MemoryAttachment.open(await pidOf(where), env);
      const { whyCopied } = attachment;
      attachment.closePageTables();
      if (whyCopied === null) return ok("read anew through the switch's page tables, by a program in the kernel");
      const [why = '', ...rest] = whyCopied.split('; ');
      const remedy = rest.length > 0 ? { remedy: rest.join('; ') } : {};
      return { verdict: 'ok', found: `read anew by copying, which costs more: ${why}`, ...remedy };
    },
  },
];

async function pidOf(where: SwitchOptions): Promise<number> {
  const { pid } = await findSwitch(where);
  if (pid === null) throw notVisible();
  return pid;
}

function howToMakeLayout(): string {
  const make = 'ctinspector layout make --debug-info FILE, FILE being its debug file or the same sources built with -g';
  try {
    layoutMaker();
    return make;
  } catch (error) {
    return `${(error as Error).message}; then ${make}`;
  }
}

function failure(thrown: unknown, where: SwitchOptions): Finding {
  const error = fromNative(thrown);
  if (error instanceof CtiError) {
    // Where rights are missing the message ends with which and what to do: better than the code's own sentence.
    const [found = '', ...rest] = error.code === 'NO_RIGHTS' ? error.message.split('; ') : [error.message];
    return { verdict: 'fail', found, remedy: rest.join('; ') || ERROR_DOCS[error.code] };
  }
  const { code } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'EACCES' || code === 'EPERM'
      ? ERROR_DOCS.NO_RIGHTS
      : code === 'ENOENT'
        ? `is Open vSwitch installed and running? Another run directory: --rundir (now ${resolveSwitch(where).rundir})`
        : undefined;
  return {
    verdict: 'fail',
    found: systemReason(error as NodeJS.ErrnoException),
    ...(remedy === undefined ? {} : { remedy }),
  };
}

async function examine(check: Check, facts: Facts): Promise<Finding> {
  const missing = check.needs.find((need) => facts.failed.has(need));
  if (missing !== undefined) return { verdict: 'not checked', found: `needs '${missing}' to be ok first` };
  const limits = (finding: Finding): Finding =>
    check.forMemory && finding.verdict === 'fail' ? { ...finding, verdict: 'limited' } : finding;
  try {
    return limits(await check.run(facts));
  } catch (error) {
    if (facts.where.signal.aborted) throw error;
    return limits(failure(error, facts.where));
  }
}

export async function run(context: Context, _args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const { env } = context;
  const facts: Facts = { where: { ...switchOptions(options), signal: context.signal }, env, failed: new Set() };
  resolveSwitch(facts.where); // a wrong option is an error, not a finding
  const rows: Cell[][] = [];
  const cell = (text: string): Cell => ({ text, json: text });
  for (const check of CHECKS) {
    const { verdict, found, remedy } = await examine(check, facts);
    if (verdict !== 'ok') facts.failed.add(check.name);
    rows.push([cell(check.name), cell(verdict), cell(found), remedy ? cell(remedy) : { text: '', json: null }]);
  }
  const nOk = rows.length - facts.failed.size;
  const nNeeded = CHECKS.filter(({ name, forMemory }) => !forMemory && facts.failed.has(name)).length;
  const sentence =
    nNeeded === 0
      ? facts.failed.size === 0
        ? 'Questions can be asked of this switch.'
        : 'Questions can be asked of this switch; its control socket answers them, because its memory cannot be read.'
      : facts.failed.has('addon')
        ? 'Nothing can be asked until the addon loads.'
        : 'This switch cannot be asked; a saved dump can: --from FILE.';
  await writeListing(context, format, {
    columns: ['check', 'is', 'found', 'what to do'].map((name) => ({ name })),
    rows,
    footer: [
      `${rows.length} checks, ${nOk} ok. This was run as ${process.getuid?.() === 0 ? 'root' : `uid ${process.getuid?.()}`}. ${sentence}`,
    ],
    facts: { checks: rows.length, ok: nOk, memory: facts.failed.size === 0, uid: process.getuid?.() ?? null },
  });
  return nNeeded === 0 ? 0 : 1;
}
