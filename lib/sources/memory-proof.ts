/** Whether a reading of memory agrees with what the switch says of itself. */
import { CtiError } from '../errors.js';
import type { TableSnapshot } from '../tables/snapshot.js';
import type { DatapathFacts, MemoryCapture } from './memory.js';

export interface Agreement {
  /** Whether attributes of matches stand in the order that the switch prints them in. */
  readonly inOrder: boolean;
  readonly datapaths: number;
  readonly flowCounts: readonly { readonly datapath: string; readonly memory: number; readonly unixctl: number }[];
  readonly flowsCompared: number;
}

export type Ask = (command: string, ...args: string[]) => Promise<string>;

/** What of a row's text does not change while traffic flows. */
const steady = (row: string): string =>
  row
    .replace(/^ufid:[^,]+, /, '')
    .replace(/, packets:\d+, bytes:\d+, used:[^,]+(, flags:[^,]+)?/, '')
    .replace(/, offloaded:\w+|, dp:\w+/g, '');

/** The attributes of a match as they stand, those of no encap(...): 'recirc_id(0)', 'dp_hash(0/0)', ... */
function attributesOf(row: string): string[] {
  const end = row.indexOf(', actions:');
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < end; at++) {
    if (row[at] === '(') depth++;
    else if (row[at] === ')') depth--;
    else if (row[at] === ',' && depth === 0) {
      parts.push(row.slice(from, at));
      from = at + 1;
    }
  }
  parts.push(row.slice(from, Math.max(from, end)));
  return parts;
}

/** The row with its match's attributes in one order, whatever they have. */
const ordered = (row: string): string =>
  attributesOf(row).sort().join() + row.slice(Math.max(0, row.indexOf(', actions:')));

/** Whether the attributes that both have stand in one order. */
export function sameOrder(ours: string, theirs: string): boolean {
  const names = (row: string) => attributesOf(row).map((part) => part.slice(0, part.indexOf('(')));
  const [a, b] = [names(ours), names(theirs)];
  return a.filter((name) => b.includes(name)).join() === b.filter((name) => a.includes(name)).join();
}

/** The parts of a match, 'ipv4' -> 'src=10.0.0.1', 'proto=17', ...; without ports, which are names or numbers as the command likes. */
function partsOf(row: string): Map<string, Set<string>> {
  const match = row.slice(0, row.indexOf(', actions:'));
  const parts = [...match.matchAll(/(\w+)\(([^()]*)\)/g)].filter(([, name]) => name !== 'in_port');
  return new Map(parts.map(([, name = '', inside = '']) => [name, new Set(inside.split(','))]));
}

/** What 'theirs', without wildcards, says of the match that 'ours' does not. */
function lackingIn(ours: string, theirs: string): string | null {
  const has = partsOf(ours);
  for (const [name, inside] of partsOf(theirs)) {
    for (const part of inside) if (!has.get(name)?.has(part)) return `${name}(${part})`;
  }
  return null;
}

/** packets and bytes, which only grow. */
function counters(row: string): { packets: bigint; bytes: bigint } {
  const found = /, packets:(\d+), bytes:(\d+),/.exec(row);
  return { packets: BigInt(found?.[1] ?? -1), bytes: BigInt(found?.[2] ?? -1) };
}

/** dpctl/get-flow takes -m or a datapath, not both: with several datapaths it prints no wildcards, and less can be compared. */
async function compareFlow(
  snapshot: TableSnapshot,
  row: number,
  ask: Ask,
  datapath: string | null,
): Promise<{ readonly differed: string } | { readonly inOrder: boolean }> {
  const ours = snapshot.rowText(row);
  const ufid = /^ufid:([0-9a-f-]+)/.exec(ours)?.[1] ?? '';
  let theirs: string;
  try {
    theirs = (await ask('dpctl/get-flow', datapath ?? '-m', `ufid:${ufid}`)).trim();
  } catch (error) {
    if (!(error instanceof CtiError) || error.code !== 'SWITCH_REFUSED') throw error;
    return { differed: `the switch does not know flow ufid:${ufid} (${error.message})` };
  }
  const [a, b] = [steady(ours), steady(theirs)];
  const lacking = lackingIn(ours, theirs);
  if (datapath === null ? ordered(a) !== ordered(b) : lacking !== null) {
    return { differed: `flow ufid:${ufid} is '${a}' in memory and '${b}' by dpctl/get-flow` };
  }
  const [ourCounts, theirCounts] = [counters(ours), counters(theirs)];
  if (ourCounts.packets > theirCounts.packets || ourCounts.bytes > theirCounts.bytes) {
    return {
      differed: `flow ufid:${ufid} has more packets or bytes in memory (${ourCounts.packets}, ${ourCounts.bytes}) than by dpctl/get-flow (${theirCounts.packets}, ${theirCounts.bytes})`,
    };
  }
  return { inOrder: sameOrder(a, b) };
}

function columnOffset(snapshot: TableSnapshot, column: string): number {
  const rows = snapshot.schema.segments.find(({ name }) => name === 'rows');
  return rows?.fields.find(({ name }) => name === column)?.offset ?? 0;
}

/** Rows spread over the table, and as many of those with the most packets: a counter that is 0 proves nothing. */
function sampleRows(snapshot: TableSnapshot, nFlows: number): number[] {
  const { nRows } = snapshot.facts;
  const n = Math.min(nFlows, nRows);
  const spread = Array.from({ length: n }, (_, i) => Math.floor(((i + 0.5) * nRows) / n));
  const { buffer, stride } = snapshot.segment('rows');
  const words = new Uint32Array(buffer);
  const [step, at] = [stride / 4, columnOffset(snapshot, 'packets') / 4];
  const busiest: { row: number; packets: number }[] = [];
  for (let row = 0; row < nRows; row++) {
    const packets = words[row * step + at] ?? 0; // the low half is good enough to choose by
    if (busiest.length === n && packets <= (busiest[n - 1]?.packets ?? 0)) continue;
    busiest.push({ row, packets });
    busiest.sort((a, b) => b.packets - a.packets);
    if (busiest.length > n) busiest.pop();
  }
  return [...new Set([...spread, ...busiest.map(({ row }) => row)])];
}

export const nFlowsOf = ({ pmds }: DatapathFacts): number => pmds.reduce((sum, { nFlows }) => sum + nFlows, 0);

/** How many flows the switch says a datapath has, and whether that agrees with `memory`; `again` are the flows in memory after it was asked. */
export async function compareFlowCount(
  datapath: string,
  memory: number,
  ask: Ask,
  again: () => number = () => memory,
): Promise<{ readonly unixctl: number; readonly differed: string | null }> {
  const shown = /^\s*flows: (\d+)$/m.exec(await ask('dpctl/show', datapath));
  const unixctl = Number(shown?.[1] ?? Number.NaN);
  const later = again();
  // A busy switch fills and empties its table between the two; one part in ten, and a few, is taken for what goes both ways.
  const [least, most] = [Math.min(memory, later), Math.max(memory, later)];
  const slack = 64 + Math.max(most, unixctl) / 10;
  const agrees = unixctl >= least - slack && unixctl <= most + slack;
  const differed = agrees
    ? null
    : `datapath ${datapath} has ${memory} and then ${later} flows in memory, and ${unixctl} by dpctl/show`;
  return { unixctl, differed };
}

/** `datapathsNow`: those in memory, as they are when it is called. */
export async function agreement(
  capture: MemoryCapture,
  datapathsNow: () => readonly DatapathFacts[],
  ask: Ask,
  nFlows: number,
): Promise<Agreement | { differed: string }> {
  const { snapshot } = capture;
  const theirs = (await ask('dpctl/dump-dps')).split('\n').filter((line) => line !== '');
  const ours = capture.datapaths.map(({ name }) => name);
  const missing = ours.filter((name) => !theirs.includes(name));
  if (missing.length > 0)
    return { differed: `datapath ${missing.join(', ')} is in memory but not in dpctl/dump-dps (${theirs.join(', ')})` };

  const flowCounts: { datapath: string; memory: number; unixctl: number }[] = [];
  for (const datapath of capture.datapaths) {
    const { name } = datapath;
    const memory = nFlowsOf(datapath);
    const again = () => datapathsNow().reduce((sum, now) => sum + (now.name === name ? nFlowsOf(now) : 0), 0);
    const { unixctl, differed } = await compareFlowCount(name, memory, ask, again);
    flowCounts.push({ datapath: name, memory, unixctl });
    if (differed !== null) return { differed };
  }
  const inTables = flowCounts.reduce((sum, { memory }) => sum + memory, 0);
  if (snapshot.facts.nRows < inTables * 0.8 - 64) {
    return { differed: `${snapshot.facts.nRows} of ${inTables} flows in memory could be read and proved` };
  }

  const sample = sampleRows(snapshot, nFlows);
  const segment = snapshot.segment('rows');
  const bytes = new DataView(segment.buffer);
  const offset = columnOffset(snapshot, 'datapath');
  let inOrder = true;
  for (const row of sample) {
    const datapath = ours[bytes.getUint32(row * segment.stride + offset, true)] ?? '';
    const compared = await compareFlow(snapshot, row, ask, theirs.length === 1 ? null : datapath);
    if ('differed' in compared) return compared;
    inOrder &&= compared.inOrder;
  }
  return { datapaths: ours.length, flowCounts, flowsCompared: sample.length, inOrder };
}
