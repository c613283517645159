/** `ctinspector attach`: attaches to the switch's memory and reports every step. */

import { CtiError } from '../../errors.js';
import { MemoryAttachment, prove } from '../../sources/memory.js';
import { findSwitch } from '../../sources/unixctl.js';
import { type Context, formatOf, switchOptions } from '../context.js';
import { type Cell, writeListing } from '../output.js';
import type { Options, Status } from '../registry.js';

const integer = new Intl.NumberFormat('en-US');

export async function run(context: Context, _args: readonly string[], options: Options): Promise<Status> {
  const format = formatOf(options);
  const where = { ...switchOptions(options), signal: context.signal };
  const { pid, version } = await findSwitch(where);
  if (pid === null) {
    throw new CtiError(
      'NO_RIGHTS',
      "ovs-vswitchd's process is not visible from this pid namespace; run on the host, or with --pid=host",
    );
  }
  const attachment = MemoryAttachment.open(pid);
  const proof = await prove(attachment, where);
  proof.capture.snapshot.close();
  // The second reading is what a question pays.
  const { snapshot, datapaths, reading } = await attachment.capture(context.signal);
  const { facts } = snapshot;
  snapshot.close();
  const rows: Cell[][] = [];
  const row = (what: string, text: string, json: unknown = text) =>
    rows.push([
      { text: what, json: what },
      { text, json },
    ]);
  row('process', `${pid}, ${version}`);
  row('executable', attachment.executable);
  row('build id', attachment.buildId);
  row('layout', `${attachment.layout.name} (${attachment.layout.file})`);
  for (const { name, pmds, nPorts } of datapaths) {
    const threads = pmds.map(
      ({ core, nFlows }) => `${core < 0 ? 'main thread' : `core ${core}`} ${integer.format(nFlows)}`,
    );
    row('datapath', `${name}: ${nPorts} ports; flows of ${threads.join(', ')}`, { name, nPorts, pmds });
  }
  const counts = proof.flowCounts.map(
    ({ datapath, memory, unixctl }) =>
      `${datapath} ${integer.format(memory)} flows, dpctl/show ${integer.format(unixctl)}`,
  );
  row(
    'proof',
    `${proof.datapaths} datapaths by name, ${counts.join('; ')}, ${proof.flowsCompared} flows by ufid: all agree`,
    {
      datapaths: proof.datapaths,
      flowCounts: proof.flowCounts,
      flowsCompared: proof.flowsCompared,
    },
  );
  const ms = Number(facts.endNs - facts.beginNs) / 1e6;
  row(
    'reading',
    `${integer.format(facts.nRows)} flows in ${ms.toFixed(1)} ms (${reading.cpuMs.toFixed(1)} ms CPU), ${integer.format(Math.round(reading.bytes / 1e6))} MB copied in ${integer.format(reading.calls)} calls`,
    { ms, ...reading },
  );
  const dropped = facts.rejected.map(({ what, count }) => `${integer.format(count)} ${what}`).join(', ') || 'none';
  row('dropped', `${dropped}; ${integer.format(reading.nRetried)} read again`, {
    rejected: facts.rejected,
    nRetried: reading.nRetried,
  });
  await writeListing(context, format, {
    columns: [{ name: 'what' }, { name: 'found' }],
    rows,
    footer: [
      `Nothing was written to the switch. It was asked ${proof.requests.length} small things for the proof, none for the reading.`,
    ],
    facts: { buildId: attachment.buildId, layout: attachment.layout.file, requests: proof.requests },
  });
  return 0;
}
