/** Derived columns by the text of a dump, for the tests to compare with; shares nothing with lib/tables/derived.ts. */
import { actionFacts, expectedMatch, items } from './second-reader.js';

export interface ExpectedDerived {
  readonly outPorts: readonly string[];
  readonly drop: boolean;
  readonly dst: readonly string[];
  readonly vni: readonly number[];
}

const assigned = (text: string, name: string): string | undefined =>
  items(text)
    .map((item) => item.name)
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1);

export function expectedDerived(actions: string): ExpectedDerived {
  const dst = new Set<string>();
  const vni = new Set<number>();
  const drop = items(actions).some(({ name }) => name === 'drop');
  const list = (text: string): void => {
    for (const { name, inside } of items(text)) {
      if (inside === undefined) continue;
      if (name === 'set' && inside.startsWith('tunnel(')) {
        const tunnel = items(inside)[0]!.inside!;
        for (const part of ['dst', 'ipv6_dst']) {
          const to = assigned(tunnel, part);
          if (to !== undefined) dst.add(to);
        }
        const id = assigned(tunnel, 'tun_id');
        if (id !== undefined) vni.add(Number(id));
      }
      if (name === 'tnl_push') {
        const header = items(inside).find((part) => part.name === 'header')!.inside!;
        for (const part of items(header)) {
          if (part.name === 'ipv4' || part.name === 'ipv6') dst.add(assigned(part.inside!, 'dst')!);
          const key = /(?:vni|key|teid)=(0x[0-9a-f]+|[0-9]+)/.exec(part.inside ?? '');
          if (['vxlan', 'geneve', 'gre', 'gtpu'].includes(part.name) && key) vni.add(Number(key[1]));
        }
      }
      if (['clone', 'sample', 'check_pkt_len', 'dec_ttl', 'actions', 'gt', 'le'].includes(name)) list(inside);
    }
  };
  list(actions);
  const ascending = [...vni].sort((a, b) => a - b);
  return { outPorts: [...actionFacts(actions).outPorts].sort(), drop, dst: [...dst].sort(), vni: ascending };
}

/** What a flow looks at, as one text: equal texts, equal masks. */
export function expectedShape(match: string): string {
  const { fields, geneve, inPort } = expectedMatch(match);
  const masks = [...fields].filter(([, { mask }]) => mask !== 0n).map(([name, { mask }]) => `${name}/${mask}`);
  return [...masks.sort(), /[1-9a-f]/.test(geneve.mask) ? geneve.mask : '', inPort === undefined].join(' ');
}
