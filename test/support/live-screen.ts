/** What tests of live screens share: a switch with flows that stay, a question about them, and a screen's lines without what changes from run to run. */
import type { Test } from 'tap';
import { widthOf } from '../../lib/cli/screen/text.js';
import { type PrivateSwitch, startPrivateSwitch } from './private-switch.js';
import type { Tmux } from './tmux.js';

export interface ScreenSwitch extends PrivateSwitch {
  /** Packets of a flow of this destination, from p1 unless told. */
  send(dst: number, n?: number, from?: string): void;
}

/** 30 flows from p1 (destinations 10 to 39) and 5 from p2 (50 to 54). */
export async function startScreenSwitch(): Promise<ScreenSwitch> {
  const ovs = await startPrivateSwitch();
  ovs.addBridge({ ports: ['p1', 'p2'] });
  const send = (dst: number, n = 1, from = 'p1') => {
    for (let i = 0; i < n; i++)
      ovs.appctl(
        'netdev-dummy/receive',
        from,
        `in_port(1),eth(src=02:00:00:00:00:0${from.slice(1)},dst=02:00:00:00:00:${String(dst).padStart(2, '0')}),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)`,
      );
  };
  // They stay, however long a test takes.
  ovs.vsctl('set', 'Open_vSwitch', '.', 'other_config:max-idle=3600000');
  for (let dst = 10; dst < 40; dst++) send(dst);
  for (let dst = 50; dst < 55; dst++) send(dst, 1, 'p2');
  return Object.assign(ovs, { send });
}

export const SCREEN_QUESTION =
  'dp_flows | where in_port in {p1, p2} | sort by eth_dst | show eth_dst, in_port, packets, actions';

/** What changes from run to run made the same. */
export const still = (lines: readonly string[]): string[] =>
  lines.map((line) =>
    line
      .replace(/memory:\d+|unixctl:\S+/, 'SOURCE')
      .replace(/\d\d:\d\d:\d\d UTC/, 'TIME UTC')
      .replace(/over \d+ ms/, 'over N ms')
      .replace(/cost [\d.]+ ms/, 'cost N ms')
      .replace(/every \d+ ms/, 'every N ms')
      .replace(/of \d+ flows/, 'of N flows'),
  );

/** Each size is followed: the screen has as many lines, from its title to its last, none wider. */
export async function followsSizes(t: Test, tmux: Tmux, sizes: readonly (readonly [number, number])[]): Promise<void> {
  for (const [columns, rows] of sizes) {
    tmux.resize(columns, rows);
    const lines = await tmux.until(
      `${columns} by ${rows}`,
      (text, lines) =>
        lines.length === rows && text.includes('ctinspector') && (lines.at(-1) ?? '').startsWith('q quit'),
    );
    t.ok(
      lines.every((line) => widthOf(line) <= columns),
      `${columns} by ${rows}`,
    );
  }
}
