/**
 * Upcalls that a real switch loses: VXLAN packets with a VNI that no tunnel port of it has. The datapath takes them off their tunnel, and ovs-vswitchd
 * finds no port that they could have come in by.
 */
import { type PrivateSwitch, startPrivateSwitch } from './private-switch.js';

const LOCAL = '1.1.2.88';
const REMOTE = '1.1.2.92';
const MAC = 'aa:55:aa:55:00:00';
const VNI = 123;
const PER_CALL = 50;

const bytesOf = (address: string): number[] => address.split('.').map(Number);

function checksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** The frame, in hexadecimal, as netdev-dummy/receive takes it. */
function vxlanFrame(vni: number): string {
  const inner = Buffer.from(`ffffffffffff001b213cab640800${'00'.repeat(84)}`, 'hex');
  inner.set([0x45, 0, 0, 84, 0, 0, 0, 0, 64, 1], 14); // an IPv4 header as far as anybody looks
  const vxlan = Buffer.alloc(8);
  vxlan[0] = 8;
  vxlan.writeUInt32BE(vni << 8, 4);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(57_423, 0);
  udp.writeUInt16BE(4789, 2);
  udp.writeUInt16BE(8 + vxlan.length + inner.length, 4);
  const ip = Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, ...bytesOf(REMOTE), ...bytesOf(LOCAL)]);
  ip.writeUInt16BE(20 + 8 + vxlan.length + inner.length, 2);
  ip.writeUInt16BE(checksum(ip), 10);
  const ethernet = Buffer.from(`${MAC.replaceAll(':', '')}f8bc124434b60800`, 'hex');
  return Buffer.concat([ethernet, ip, udp, vxlan, inner]).toString('hex');
}

export interface LossySwitch {
  readonly sw: PrivateSwitch;
  /** Has it lose 50 upcalls. */
  lose(): void;
  nLost(): number;
}

export async function startLossySwitch(): Promise<LossySwitch> {
  const sw = await startPrivateSwitch();
  const bridge = (name: string, ...more: string[]) => [
    'add-br',
    name,
    '--',
    'set',
    'bridge',
    name,
    'datapath_type=dummy',
    ...more,
  ];
  const port = (on: string, name: string, ...options: string[]) => [
    'add-port',
    on,
    name,
    '--',
    'set',
    'Interface',
    name,
    ...options,
  ];
  sw.vsctl(...bridge('br0', `other_config:hwaddr="${MAC}"`), '--', ...port('br0', 'p0', 'type=dummy'));
  sw.vsctl(
    ...bridge('br1'),
    '--',
    ...port('br1', 'vx0', 'type=vxlan', `options:remote_ip=${REMOTE}`, `options:key=${VNI}`),
  );
  sw.appctl('netdev-dummy/ip4addr', 'br0', `${LOCAL}/24`);
  sw.appctl('ovs/route/add', `${REMOTE}/24`, 'br0');
  const frames = Array.from({ length: PER_CALL }, () => vxlanFrame(VNI + 1));
  return {
    sw,
    lose: () => void sw.appctl('netdev-dummy/receive', 'p0', ...frames),
    nLost: () => Number(/\blost:(\d+)/.exec(sw.appctl('dpctl/show'))?.[1]),
  };
}
