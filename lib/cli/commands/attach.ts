/** `ctinspector attach`: attaches to the switch's memory and reports every step, and what reading it again and again would cost. */
import { availableParallelism } from 'node:os';
import { allOf } from '../../sources/cpus.js';
import type { CaptureOptions } from '../../sources/dp-flows.js';
import { MemoryAttachment, type MemoryCapture, notVisible, type Proof, prove } from '../../sources/memory.js';
import { DEFAULT_MANNERS, periodFor } from '../../sources/pace.js';
import { findSwitch } from '../../sources/unixctl.js';
import { type Context, formatOf, switchOptions } from '../context.js';
import { bytesText, count, integer, ms } from '../figures.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

/** A line of the report: what, in words, and for scripts. */
type Line = readonly [what: string, text: string, json?: unknown];

function switchLines(attachment: MemoryAttachment, version: string, { datapaths }: MemoryCapture): Line[] {
  const { pid, executable, buildId, layout } = attachment;
  return [
    ['process', `${pid}, ${version}`],
    ['executable', executable],
    ['build id', buildId],
    ['layout', `${layout.name} (${layout.file})`],
    ...datapaths.map(({ name, pmds, nPorts }): Line => {
      const flows = pmds.map(
        (pmd) => `${pmd.core < 0 ? 'main thread' : `core ${pmd.core}`} ${integer.format(pmd.nFlows)}`,
      );
      return ['datapath', `${name}: ${nPorts} ports; flows of ${flows.join(', ')}`, { name, nPorts, pmds }];
    }),
  ];
}

function proofLine({ datapaths, flowCounts, flowsCompared }: Proof): Line {
  const counts = flowCounts.map(
    ({ datapath, memory, unixctl }) =>
      `${datapath} ${integer.format(memory)} flows, dpctl/show ${integer.format(unixctl)}`,
  );
  const text = `${count(datapaths, 'datapath')} by name, ${counts.join('; ')}, ${flowsCompared} flows by ufid: all agree`;
  return ['proof', text, { datapaths, flowCounts, flowsCompared }];
}

const cpuText = ({ cpuMs, nThreads }: MemoryCapture['reading']): string =>
  `${cpuMs.toFixed(1)} ms CPU${nThreads > 1 ? ` of ${nThreads} threads` : ''}`;

/** What a question with --fast pays, if it is asked for. */
async function fastLines(attachment: MemoryAttachment, context: Context, options: Options): Promise<Line[]> {
  if (options.fast !== true) return [];
  const { snapshot, reading } = await attachment.capture(context.signal, true);
  const { nRows, beginNs, endNs } = snapshot.facts;
  snapshot.close();
  const wallMs = Number(endNs - beginNs) / 1e6;
  const text = `${integer.format(nRows)} flows in ${wallMs.toFixed(1)} ms (${cpuText(reading)})`;
  return [['fast reading', text, { ms: wallMs, ...reading }]];
}

function readingLines({ snapshot: { facts }, reading }: MemoryCapture): Line[] {
  const wallMs = Number(facts.endNs - facts.beginNs) / 1e6;
  const copied = `${bytesText(reading.bytes)} copied in ${integer.format(reading.calls)} calls`;
  const dropped = facts.rejected.map(({ what, count }) => `${integer.format(count)} ${what}`).join(', ') || 'none';
  return [
    [
      'reading',
      `${integer.format(facts.nRows)} flows in ${wallMs.toFixed(1)} ms (${cpuText(reading)}), ${copied}`,
      { ms: wallMs, ...reading },
    ],
    [
      'dropped',
      `${dropped}; ${integer.format(reading.nRetried)} read again`,
      { rejected: facts.rejected, nRetried: reading.nRetried },
    ],
  ];
}

/** What `top` and `watch` do most of the time. */
async function countersLine(attachment: MemoryAttachment, before: MemoryCapture, context: Context): Promise<Line> {
  const { snapshot, reading } = await attachment.refresh(before.snapshot, context.signal);
  const { beginNs, endNs } = snapshot.facts;
  snapshot.close();
  const wallMs = Number(endNs - beginNs) / 1e6;
  const { whyCopied } = attachment;
  const isCopied = reading.nRefreshed > 0 && reading.nByPageTables === 0;
  const how =
    whyCopied !== null
      ? `copied: ${whyCopied}`
      : isCopied
        ? 'copied: the program in the kernel read nothing'
        : 'through page tables, by a program in the kernel';
  const periodMs = periodFor(reading, DEFAULT_MANNERS);
  const text = `${integer.format(reading.nRefreshed)} flows in ${wallMs.toFixed(1)} ms (${reading.cpuMs.toFixed(1)} ms CPU), every ${ms(periodMs)}: ${how}`;
  return ['counters alone', text, { ms: wallMs, ...reading, periodMs, whyCopied }];
}

const list = (cpus: readonly number[]): string => cpus.join(',');

function mannersLines(attachment: MemoryAttachment, { reading }: MemoryCapture): Line[] {
  const { avoided } = attachment;
  const { share, bytesPerSecond } = DEFAULT_MANNERS;
  const periodMs = periodFor(reading, DEFAULT_MANNERS);
  const why = `at most ${share * 100} % of a core and ${bytesText(bytesPerSecond)} a second`;
  const reasons = [
    ...(avoided.pmd.length > 0 ? [`${list(avoided.pmd)} of PMD threads or pmd-cpu-mask`] : []),
    ...(avoided.isolated.length > 0 ? [`${list(avoided.isolated)} isolated`] : []),
  ];
  const kept = allOf(avoided).some((cpu) => reading.cpus.includes(cpu));
  const cpus =
    reasons.length === 0
      ? 'none need be'
      : kept
        ? `${reasons.join(', ')}, but no other CPU is left to this process: it uses ${list(reading.cpus)}`
        : `${reasons.join(', ')}; used: ${list(reading.cpus)}`;
  return [
    [
      'repeated reading',
      `one thread, every ${ms(periodMs)}: ${why}`,
      { periodMs, share, bytesPerSecond, cpuShare: reading.cpuMs / periodMs },
    ],
    ['CPUs avoided', cpus, { ...avoided, used: reading.cpus, of: availableParallelism() }],
  ];
}

async function examine(
  attachment: MemoryAttachment,
  version: string,
  where: CaptureOptions,
  context: Context,
  options: Options,
): Promise<{ lines: Line[]; proof: Proof }> {
  const proof = await prove(attachment, where);
  proof.capture.snapshot.close();
  // The second reading is what a question pays.
  const capture = await attachment.capture(context.signal);
  const counters = await countersLine(attachment, capture, context).finally(() => capture.snapshot.close());
  const lines = [
    ...switchLines(attachment, version, capture),
    proofLine(proof),
    ...readingLines(capture),
    counters,
    ...(await fastLines(attachment, context, options)),
    ...mannersLines(attachment, capture),
  ];
  return { lines, proof };
}

export async function run(context: Context, _args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const where = { ...switchOptions(options), signal: context.signal };
  const { pid, version } = await findSwitch(where);
  if (pid === null) throw notVisible();
  const attachment = MemoryAttachment.open(pid, context.env);
  const examined = examine(attachment, version, where, context, options);
  const { lines, proof } = await examined.finally(() => attachment.closePageTables());
  await writeListing(context, format, {
    columns: [{ name: 'what' }, { name: 'found' }],
    rows: lines.map(([what, text, json = text]): Cell[] => [
      { text: what, json: what },
      { text, json },
    ]),
    footer: [
      `Nothing was written to the switch. It was asked ${proof.requests.length} small things for the proof, none for the reading.`,
    ],
    facts: { buildId: attachment.buildId, layout: attachment.layout.file, requests: proof.requests },
  });
  return 0;
}
