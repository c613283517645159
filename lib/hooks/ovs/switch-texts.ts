/** What the switch's own reports say: ports and lookups of dpctl/show, pressure of upcall/show. */
import { CtiError } from '../../errors.js';

export interface DatapathPort {
  readonly datapath: string;
  readonly number: number;
  readonly name: string;
}

export interface UpcallFacts {
  readonly flows: bigint;
  readonly flowLimit: bigint;
  readonly flowsMax: bigint;
  readonly dumpMs: bigint;
  readonly hit: bigint;
  readonly missed: bigint;
  readonly lost: bigint;
}

const sectionsOf = (text: string): { name: string; lines: string[] }[] => {
  const sections: { name: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    if (/^\S.*:$/.test(line)) sections.push({ name: line.slice(0, -1), lines: [] });
    else sections.at(-1)?.lines.push(line);
  }
  return sections;
};

/** `  port 3: vxlan_sys_4789 (vxlan: packet_type=ptap)` */
export function parsePorts(dpctlShow: string): DatapathPort[] {
  return sectionsOf(dpctlShow).flatMap(({ name: datapath, lines }) =>
    lines.flatMap((line) => {
      const match = /^\s+port (\d+): (.+?)(?: \(.*\))?$/.exec(line);
      return match ? [{ datapath, number: Number(match[1]), name: match[2]! }] : [];
    }),
  );
}

const sum = (text: string, pattern: RegExp): bigint =>
  [...text.matchAll(pattern)].reduce((total, [, number = '0']) => total + BigInt(number), 0n);

/** Of all datapaths together. */
export function parseUpcalls(dpctlShow: string, upcallShow: string): UpcallFacts {
  const flows = [...upcallShow.matchAll(/^\s*flows\s*:\s*\(current (\d+)\).*\(max (\d+)\) \(limit (\d+)\)/gm)];
  if (sectionsOf(dpctlShow).length > 0 && flows.length === 0) {
    throw new CtiError(
      'PROTOCOL',
      "upcall/show: expected a line 'flows : (current N) (avg N) (max N) (limit N)' of a datapath",
    );
  }
  const add = (at: number): bigint => flows.reduce((total, match) => total + BigInt(match[at] ?? 0), 0n);
  return {
    flows: add(1),
    flowsMax: add(2),
    flowLimit: add(3),
    dumpMs: sum(upcallShow, /^\s*dump duration\s*:\s*(\d+)ms/gm),
    hit: sum(dpctlShow, /^\s*lookups:.*\bhit:(\d+)/gm),
    missed: sum(dpctlShow, /^\s*lookups:.*\bmissed:(\d+)/gm),
    lost: sum(dpctlShow, /^\s*lookups:.*\blost:(\d+)/gm),
  };
}
