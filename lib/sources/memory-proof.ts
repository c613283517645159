/** Whether a reading of memory agrees with what the switch says of itself. */
import type { TableSnapshot } from '../tables/snapshot.js';
import type { MemoryCapture } from './memory.js';

export interface Agreement {
  readonly datapaths: number;
  readonly flowCounts: readonly { readonly datapath: string; readonly memory: number; readonly unixctl: number }[];
  readonly flowsCompared: number;
}

export type Ask = (command: string, ...args: string[]) => Promise<string>;

/** What of a row's text does not change while traffic flows. */
const steady = (row: string): string =>
  row.replace(/, packets:\d+, bytes:\d+, used:[^,]+(, flags:[^,]+)?/, '').replace(/, offloaded:\w+|, dp:\w+/g, '');

/** packets and bytes, which only grow. */
function counters(row: string): { packets: bigint; bytes: bigint } {
  const found = /, packets:(\d+), bytes:(\d+),/.exec(row);
  return { packets: BigInt(found?.[1] ?? -1), bytes: BigInt(found?.[2] ?? -1) };
}

async function flowDiffers(snapshot: TableSnapshot, row: number, ask: Ask, datapath: string): Promise<string | null> {
  const ours = snapshot.rowText(row);
  const ufid = /^ufid:([0-9a-f-]+)/.exec(ours)?.[1] ?? '';
  let theirs: string;
  try {
    theirs = (await ask('dpctl/get-flow', '-m', datapath, `ufid:${ufid}`)).trim();
  } catch (error) {
    return `the switch does not know flow ufid:${ufid} (${(error as Error).message})`;
  }
  // get-flow prints neither ufid nor the port's name on some versions: what it prints must be in ours.
  const [a, b] = [steady(ours), steady(theirs)];
  if (a !== b) return `flow ufid:${ufid} is '${a}' in memory and '${b}' by dpctl/get-flow`;
  const [ourCounts, theirCounts] = [counters(ours), counters(theirs)];
  if (ourCounts.packets > theirCounts.packets || ourCounts.bytes > theirCounts.bytes) {
    return `flow ufid:${ufid} has more packets or bytes in memory (${ourCounts.packets}, ${ourCounts.bytes}) than by dpctl/get-flow (${theirCounts.packets}, ${theirCounts.bytes})`;
  }
  return null;
}

export async function agreement(capture: MemoryCapture, ask: Ask, nFlows: number): Promise<Agreement | { differed: string }> {
  const { snapshot } = capture;
  const theirs = (await ask('dpctl/dump-dps')).split('\n').filter((line) => line !== '');
  const ours = capture.datapaths.map(({ name }) => name);
  const missing = ours.filter((name) => !theirs.includes(name));
  if (missing.length > 0) return { differed: `datapath ${missing.join(', ')} is in memory but not in dpctl/dump-dps (${theirs.join(', ')})` };

  const flowCounts: { datapath: string; memory: number; unixctl: number }[] = [];
  for (const { name, pmds } of capture.datapaths) {
    const shown = /^\s*flows: (\d+)$/m.exec(await ask('dpctl/show', name));
    const unixctl = Number(shown?.[1] ?? Number.NaN);
    const memory = pmds.reduce((sum, pmd) => sum + pmd.nFlows, 0);
    flowCounts.push({ datapath: name, memory, unixctl });
    // A busy switch changes between the two; one part in ten, and a few, is taken for that.
    if (!(Math.abs(memory - unixctl) <= 64 + Math.max(memory, unixctl) / 10)) {
      return { differed: `datapath ${name} has ${memory} flows in memory and ${unixctl} by dpctl/show` };
    }
  }
  const inTables = flowCounts.reduce((sum, { memory }) => sum + memory, 0);
  if (snapshot.facts.nRows < inTables * 0.8 - 64) {
    return { differed: `${snapshot.facts.nRows} of ${inTables} flows in memory could be read and proved` };
  }

  const rows = snapshot.facts.nRows;
  const sample = [...new Set(Array.from({ length: Math.min(nFlows, rows) }, (_, i) => Math.floor(((i + 0.5) * rows) / Math.min(nFlows, rows))))];
  const datapathOf = new DataView(snapshot.segment('rows').buffer);
  const stride = snapshot.segment('rows').stride;
  const offset = snapshot.schema.segments.find(({ name }) => name === 'rows')?.fields.find(({ name }) => name === 'datapath')?.offset ?? 0;
  for (const row of sample) {
    const datapath = ours[datapathOf.getUint32(row * stride + offset, true)] ?? '';
    const differed = await flowDiffers(snapshot, row, ask, datapath);
    if (differed !== null) return { differed };
  }
  return { datapaths: ours.length, flowCounts, flowsCompared: sample.length };
}
