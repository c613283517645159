/**
 * Reads action lists as they lie in a snapshot: trees of netlink attributes, described in native/text/action_tree.h (numbers of
 * OVS 3.4 and later, ports by id). Each attribute is u16 size, u16 type, payload, padded to 4 bytes. Nothing here trusts a size.
 */

/** OVS_ACTION_ATTR_*. */
const SET = 3;
const SAMPLE = 6;
const SET_MASKED = 11;
const CLONE = 20;
const CHECK_PKT_LEN = 21;
const DEC_TTL = 23;
const DROP = 24;
const TUNNEL_PUSH = 26;
/** In sample and check_pkt_len, what is no list. */
const NO_LIST = 1;
/** OVS_KEY_ATTR_TUNNEL, and of OVS_TUNNEL_KEY_ATTR_*. */
const KEY_TUNNEL = 16;
const TUN_ID = 0;
const TUN_IPV4_DST = 2;
const TUN_IPV6_DST = 13;
/** As kMaxNesting. */
const MAX_NESTING = 32;

/** OVS_VPORT_TYPE_*, by what lies behind the outer addresses. */
const VPORT = { gre: [3, 107, 108, 109], udp24: [4, 5], gtpu: [110] } as const;
const isOne = (types: readonly number[], type: number): boolean => types.includes(type);

const ETH_IPV4 = 0x0800;
const ETH_IPV6 = 0x86dd;
const ETH_SIZE = 14;
const UDP_SIZE = 8;
const GRE_CSUM = 0x8000;
const GRE_KEY = 0x2000;

/** IPv4 as ::ffff:a.b.c.d. */
export const mapped = (ipv4: number | bigint): bigint => (0xffffn << 32n) | BigInt(ipv4);

interface Attr {
  readonly type: number;
  readonly payload: DataView;
}

const part = (view: DataView, at: number, size = view.byteLength - at): DataView =>
  new DataView(view.buffer, view.byteOffset + at, size);

function* attrs(view: DataView): Generator<Attr> {
  for (let at = 0; at + 4 <= view.byteLength; ) {
    const size = view.getUint16(at, true);
    if (size < 4 || at + size > view.byteLength) return;
    yield { type: view.getUint16(at + 2, true), payload: part(view, at + 4, size - 4) };
    at += (size + 3) & ~3;
  }
}

/** What derived columns need of a list, nested lists included. */
export interface ActionFacts {
  readonly encapDst: Set<bigint>;
  readonly encapVni: Set<bigint>;
  /** The list itself, not one nested in it, has a drop action; and its reason, where it gives one. */
  drops: boolean;
  dropReason?: bigint;
}

const ipv6 = (view: DataView, at: number): bigint => (view.getBigUint64(at) << 64n) | view.getBigUint64(at + 8);

function setTunnel(tunnel: DataView, facts: ActionFacts): void {
  for (const { type, payload } of attrs(tunnel)) {
    if (type === TUN_ID && payload.byteLength >= 8) facts.encapVni.add(payload.getBigUint64(0));
    else if (type === TUN_IPV4_DST && payload.byteLength >= 4) facts.encapDst.add(mapped(payload.getUint32(0)));
    else if (type === TUN_IPV6_DST && payload.byteLength >= 16) facts.encapDst.add(ipv6(payload, 0));
  }
}

/** GRE: flags and protocol, then what the flags say there is. */
function greKey(gre: DataView): bigint | undefined {
  if (gre.byteLength < 4) return undefined;
  const flags = gre.getUint16(0);
  const at = 4 + ((flags & GRE_CSUM) !== 0 ? 4 : 0);
  return (flags & GRE_KEY) !== 0 && gre.byteLength >= at + 4 ? BigInt(gre.getUint32(at)) : undefined;
}

/** u32 tnl_port, out_port, size, vport type; then the bytes that are pushed: Ethernet, IP, UDP or GRE, tunnel header. */
function pushTunnel(push: DataView, facts: ActionFacts): void {
  if (push.byteLength < 16 + ETH_SIZE) return;
  const vport = push.getUint32(12, true);
  const frame = part(push, 16, Math.min(push.byteLength - 16, push.getUint32(8, true)));
  if (frame.byteLength < ETH_SIZE) return;
  const ethType = frame.getUint16(12);
  const size = ethType === ETH_IPV4 ? 20 : ethType === ETH_IPV6 ? 40 : 0;
  if (size === 0 || frame.byteLength < ETH_SIZE + size) return;
  const ip = part(frame, ETH_SIZE);
  facts.encapDst.add(size === 20 ? mapped(ip.getUint32(16)) : ipv6(ip, 24));
  const inner = part(ip, size);
  if (isOne(VPORT.gre, vport)) {
    const key = greKey(inner);
    if (key !== undefined) facts.encapVni.add(key);
  } else if (isOne(VPORT.udp24, vport) && inner.byteLength >= UDP_SIZE + 8) {
    // VXLAN and geneve have the VNI in the upper 24 bits of the second word.
    facts.encapVni.add(BigInt(inner.getUint32(UDP_SIZE + 4) >>> 8));
  } else if (isOne(VPORT.gtpu, vport) && inner.byteLength >= UDP_SIZE + 8) {
    facts.encapVni.add(BigInt(inner.getUint32(UDP_SIZE + 4)));
  }
}

function walk(list: DataView, facts: ActionFacts, depth: number): void {
  if (depth > MAX_NESTING) return;
  for (const { type, payload } of attrs(list)) {
    switch (type) {
      case SET:
      case SET_MASKED:
        for (const key of attrs(payload)) if (key.type === KEY_TUNNEL) setTunnel(key.payload, facts);
        break;
      case TUNNEL_PUSH:
        pushTunnel(payload, facts);
        break;
      case DROP:
        if (depth > 0) break;
        facts.drops = true;
        if (payload.byteLength >= 4) facts.dropReason = BigInt(payload.getUint32(0, true));
        break;
      case CLONE:
        walk(payload, facts, depth + 1);
        break;
      case SAMPLE:
      case CHECK_PKT_LEN:
      case DEC_TTL:
        for (const inner of attrs(payload))
          if (inner.type !== NO_LIST || type === DEC_TTL) walk(inner.payload, facts, depth + 1);
    }
  }
}

export function actionFacts(tree: DataView): ActionFacts {
  const facts: ActionFacts = { encapDst: new Set(), encapVni: new Set(), drops: false };
  walk(tree, facts, 0);
  return facts;
}
