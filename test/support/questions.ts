/** Questions kept as data, and whether the program's answer is that of the reference (reference.ts). */
import type { Answer } from '../../lib/query/run.js';
import type { TableSnapshot } from '../../lib/tables/snapshot.js';
import { TableView } from '../../lib/tables/view.js';
import type { ReferenceAnswer, ReferenceQuestion } from './reference.js';

export interface KeptQuestion {
  readonly question: string;
  readonly reference: ReferenceQuestion;
}

const BITS: Readonly<Record<string, number>> = {
  in_port: 32,
  actions: 32,
  eth_type: 16,
  nw_proto: 8,
  nw_src: 32,
  nw_dst: 32,
  recirc_id: 32,
  tp_dst: 16,
};

/** An answer in the form of the reference's: groups by the text of their keys. */
export function comparable(answer: Answer, snapshot: TableSnapshot): ReferenceAnswer {
  if (answer.kind === 'rows') return { kind: 'rows', rows: [...answer.rows] };
  if (answer.kind === 'count') return { kind: 'count', count: Number(answer.count) };
  const view = new TableView(snapshot);
  const isCount = answer.aggregates.length === 1 && answer.aggregates[0] === 'count';
  const groups = answer.groups.map(({ count, keys, values }): [string, number | string] => {
    const cells = keys.map((cell, i) => {
      const name = answer.keys[i]!;
      if (cell === null) return '?';
      if (name === 'in_port') return view.port(Number(cell.value)) ?? '?';
      if (name === 'actions') return snapshot.actionsText(Number(cell.value));
      if (cell.mask === 0n) return '*';
      const full = 2n ** BigInt(BITS[name]!) - 1n;
      return cell.mask === full ? `${cell.value}` : `${cell.value}/${cell.mask}`;
    });
    const made = isCount ? Number(count) : values.map((cell) => (cell === null ? '-' : `${cell.value}`)).join(' ');
    return [cells.join(' '), made];
  });
  return { kind: 'groups', groups: new Map(groups) };
}

const text = (answer: ReferenceAnswer): string =>
  JSON.stringify(answer.kind === 'groups' ? [...answer.groups].sort(([a], [b]) => (a < b ? -1 : 1)) : answer);

export const sameAnswer = (answer: Answer, want: ReferenceAnswer, snapshot: TableSnapshot): boolean =>
  text(comparable(answer, snapshot)) === text(want);
