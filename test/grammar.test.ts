/**
 * The generator of flow text (native/tools/grammar) against a real switch: what it says OVS prints, OVS prints. Each flow goes into
 * the datapath with dpctl/add-flow and comes out of dpctl/dump-flows as the generator wrote it; and the dump, in all its
 * notations, is read with nothing unknown.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { readDpFlowsFile } from '../lib/sources/dp-flows.js';
import { nativeTool } from './support/native-tool.js';
import { startPrivateSwitch } from './support/private-switch.js';
import { Unixctl } from './support/unixctl.js';

const ROWS = Number(process.env.CTI_GRAMMAR_FLOWS ?? 1500);

/** Each generated flow has a recirculation id of its own. */
const idOf = (match: string) => /recirc_id\((0x[0-9a-f]+|0)\)/.exec(match)?.[1] ?? '';

t.test('a real switch prints every flow as the generator did, and its dumps are read', async (t) => {
  const tool = nativeTool('flow_grammar');
  const directory = mkdtempSync(join(tmpdir(), 'cti-grammar-'));
  const ovs = await startPrivateSwitch();
  t.teardown(async () => {
    await ovs.stop();
    rmSync(directory, { recursive: true });
  });
  ovs.addBridge({ ports: { p1: 1, p2: 2, p3: 3, p4: 4, p5: 5, p6: 6, p7: 7 } });
  ovs.appctl('revalidator/pause'); // it would remove flows that no upcall made
  const control = await Unixctl.open(ovs.socketPath);
  t.teardown(() => control.close());

  const lines = execFileSync(tool, ['20260611', String(ROWS), '--add-flow'], { encoding: 'utf8', maxBuffer: 1 << 30 })
    .trim()
    .split('\n');
  t.equal(lines.length, ROWS);
  const expected = new Map<string, string>();
  for (const line of lines) {
    const [match, actions] = line.split('\t') as [string, string];
    // A key without eth(...) would be a packet without Ethernet; where nothing of it is matched, the dump leaves it out.
    const key = /(^|,)eth\(/.test(match) ? match : match.replace('packet_type(ns=0,id=0)', '$&,eth()');
    const { error } = await control.call('dpctl/add-flow', key, actions);
    if (error) t.fail(`${error.trim()}: ${line}`);
    expected.set(idOf(match), `${match} => ${actions}`);
  }
  t.equal(expected.size, ROWS);

  const dump = async (...options: string[]) => {
    const { result, error } = await control.call('dpctl/dump-flows', ...options);
    if (result === null) throw new Error(`${error}`);
    return result;
  };
  const differ: string[] = [];
  for (const line of (await dump()).split('\n')) {
    const [, match, actions] = /^(.*?), packets:.*?, actions:(.*)$/.exec(line) ?? [];
    if (match === undefined) continue;
    const id = idOf(match);
    const text = expected.get(id);
    if (text !== `${match} => ${actions}`) differ.push(`expected ${text}\nprinted  ${match} => ${actions}`);
    expected.delete(id);
  }
  t.strictSame(differ.slice(0, 5), [], `${differ.length} differ`);
  t.equal(expected.size, 0, 'none is missing');

  for (const options of [[], ['-m'], ['--names'], ['-m', '--no-names']]) {
    const path = join(directory, `dump${options.join('')}.txt`);
    writeFileSync(path, await dump(...options));
    using snapshot = await readDpFlowsFile(path);
    t.equal(snapshot.facts.nRows, ROWS, options.join(' '));
    t.strictSame(snapshot.facts.unknown, [], `nothing unknown: ${options.join(' ')}`);
    t.strictSame(snapshot.facts.rejected, [], `nothing rejected: ${options.join(' ')}`);
    t.equal(snapshot.facts.nVerbatim, 0, `printed from fields: ${options.join(' ')}`);
  }
});
