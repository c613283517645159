/** `ctinspector layout list|check|make`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CtiError } from '../../errors.js';
import { LAYOUT_MAKER, layoutMaker, listLayouts, parseLayout, saveLayout } from '../../sources/layouts.js';
import { MemoryAttachment, notVisible, prove } from '../../sources/memory.js';
import { findSwitch } from '../../sources/unixctl.js';
import { type Context, formatOf, switchOptions } from '../context.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

const cell = (text: string): Cell => ({ text, json: text });

async function list(context: Context, options: Options): Promise<Status> {
  const layouts = listLayouts(context.env);
  await writeListing(context, formatOf(options), {
    columns: ['build id', 'of', 'file'].map((name) => ({ name })),
    rows: layouts.map(({ buildId, name, file }) => [cell(buildId), cell(name), cell(file)]),
    footer: [`${layouts.length} layouts. The running switch's build id: ctinspector attach.`],
    facts: { layouts: layouts.length },
  });
  return layouts.length > 0 ? 0 : 1;
}

async function pidOf(context: Context, options: Options): Promise<number> {
  const { pid } = await findSwitch({ ...switchOptions(options), signal: context.signal });
  if (pid !== null) return pid;
  throw notVisible();
}

async function check(context: Context, options: Options): Promise<Status> {
  const where = { ...switchOptions(options), signal: context.signal };
  const attachment = MemoryAttachment.open(await pidOf(context, options), context.env);
  const proof = await prove(attachment, where);
  proof.capture.snapshot.close();
  await writeListing(context, formatOf(options), {
    columns: ['build id', 'of', 'file', 'fits'].map((name) => ({ name })),
    rows: [
      [
        cell(attachment.buildId),
        cell(attachment.layout.name),
        cell(attachment.layout.file),
        { text: 'yes', json: true },
      ],
    ],
    footer: [
      `Proved against process ${attachment.pid}: datapaths by name, flow counts, ${proof.flowsCompared} flows by ufid.`,
    ],
    facts: { pid: attachment.pid, flowsCompared: proof.flowsCompared },
  });
  return 0;
}

async function make(context: Context, options: Options): Promise<Status> {
  const given = typeof options.debugInfo === 'string' ? options.debugInfo : undefined;
  const file = given ?? `/proc/${await pidOf(context, options)}/exe`;
  const args = [
    ...(typeof options.buildId === 'string' ? ['--build-id', options.buildId] : []),
    '--name',
    given ?? 'the running ovs-vswitchd',
    '--',
    file,
  ];
  let text: string;
  try {
    text = (
      await promisify(execFile)(layoutMaker(), args, { maxBuffer: 4 << 20, signal: context.signal, timeout: 120_000 })
    ).stdout;
  } catch (error) {
    if (error instanceof CtiError) throw error;
    const said = String((error as { stderr?: string }).stderr ?? '')
      .trim()
      .replace(/^layout-maker: /, '');
    throw new CtiError('FILE', said === '' ? `${LAYOUT_MAKER} failed: ${(error as Error).message}` : said, {
      cause: error,
    });
  }
  const path = saveLayout(text, context.env);
  const { buildId, name } = parseLayout(text, path);
  await writeListing(context, formatOf(options), {
    columns: ['build id', 'of', 'file'].map((name) => ({ name })),
    rows: [[cell(buildId), cell(name), cell(path)]],
    footer: ['It is used for a switch of that build once it is proved: ctinspector layout check.'],
    facts: { file: path },
  });
  return 0;
}

const ACTIONS: Readonly<Record<string, (context: Context, options: Options) => Promise<Status>>> = {
  list,
  check,
  make,
};

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const action = Object.hasOwn(ACTIONS, args[0] ?? '') ? ACTIONS[args[0] ?? ''] : undefined;
  if (!action)
    throw new CtiError(
      'INVALID_ARGUMENT',
      `expected an action out of ${Object.keys(ACTIONS).join(', ')} but received '${args[0]}'`,
    );
  return action(context, options);
}
