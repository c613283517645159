/**
 * An action list's tree (native/text/action_tree.h) with other ids of ports. Numbers of actions and where each has a port are that file's; an
 * attribute is u16 size, u16 type, and its payload, padded to 4.
 */

const OUTPUT = 1;
const USERSPACE = 2;
const TUNNEL_PUSH = 26;
const TUNNEL_POP = 27;

/** Bytes of the payload at which an action has ports. */
const PORTS_AT: Readonly<Record<number, readonly number[]>> = {
  [OUTPUT]: [0],
  [TUNNEL_PUSH]: [0, 4],
  [TUNNEL_POP]: [0],
};
/** Actions that have lists inside: of themselves ('list'), or in these attributes. */
const LISTS: Readonly<Record<number, readonly number[] | 'list'>> = { 6: [2], 20: 'list', 21: [2, 3], 23: [1] };
/** Attributes of userspace that have a port, and at which byte: the tunnel's, flow_sample's and ipfix's output. */
const USERSPACE_PORT_AT: Readonly<Record<number, number>> = { 3: 0, 16131: 16, 16132: 0 };

function attributes(
  view: DataView,
  from: number,
  to: number,
  visit: (type: number, at: number, end: number) => void,
): void {
  for (let at = from; at + 4 <= to; ) {
    const size = view.getUint16(at, true);
    if (size < 4 || at + size > to) return;
    visit(view.getUint16(at + 2, true), at + 4, at + size);
    at += (size + 3) & ~3;
  }
}

/** A copy in which every port's id is `id(port)`. */
export function remapPorts(tree: Uint8Array, id: (port: number) => number): Uint8Array {
  const copy = tree.slice();
  const view = new DataView(copy.buffer);
  const replace = (at: number, end: number): void => {
    if (at + 4 <= end) view.setUint32(at, id(view.getUint32(at, true)), true);
  };
  const list = (from: number, to: number): void =>
    attributes(view, from, to, (type, at, end) => {
      for (const place of PORTS_AT[type] ?? []) replace(at + place, end);
      const lists = LISTS[type];
      if (lists === 'list') list(at, end);
      else if (lists) attributes(view, at, end, (inner, from, to) => lists.includes(inner) && list(from, to));
      else if (type === USERSPACE)
        attributes(view, at, end, (inner, from, to) => {
          const place = USERSPACE_PORT_AT[inner];
          if (place !== undefined) replace(from + place, to);
        });
    });
  list(0, copy.length);
  return copy;
}
