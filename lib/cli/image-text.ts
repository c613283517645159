/** An image's every field, a line or a few each, for people. */
import { escapeText } from '../escape.js';
import type { ImageFacts } from '../runner/program.js';

const hex = (value: number | bigint, width = 0): string => `0x${value.toString(16).padStart(width, '0')}`;

type Line = readonly [name: string, value: string | number | bigint | boolean | undefined];

/** Name, colon, value; what is absent has no line. */
export function imageText(facts: ImageFacts, size: number): string {
  const { memory, tables, regions, frames, imports, monitors, pending, regs } = facts;
  const lines: Line[] = [
    ['image', `${facts.id}, epoch ${facts.epoch}, ${size} bytes`],
    ['name', facts.name],
    ['parent', facts.parent],
    ['root', facts.root],
    ['child', facts.childIndex],
    ['home', facts.home],
    ['meeting', facts.meeting],
    ['place in the meeting', facts.meetingSlot],
    ['home of the meeting', facts.meetingHome],
    ['durable', facts.durable],
    ['priority', facts.priority],
    ['fuel used', facts.fuelUsed],
    ['fuel left', facts.fuelLeft],
    ['memory limit', facts.memoryLimit],
    ['forks left', facts.forksLeft],
    ['hops left', facts.hopsLeft],
    ['lifetime left', facts.lifetimeLeftNs === undefined ? undefined : `${Number(facts.lifetimeLeftNs) / 1e9} s`],
    ['address space', facts.addressSpace],
    ['program', `${facts.nSlots} slots of set ${facts.set}, sha256 ${facts.codeHash}`],
    ...imports.map((item, i): Line => [`import ${i}`, `${item.name}, version ${item.version}`]),
    ['calls that suspended', facts.callNumber],
    ['waits at', pending ? `${pending.name}(${pending.args.map((arg) => hex(arg)).join(', ')})` : undefined],
    ['pc', facts.pc],
    ['depth', facts.depth],
    ...regs.map((value, i): Line => [`r${i}`, hex(value, 16)]),
    ...frames.map(
      (frame, i): Line => [
        `frame ${i}`,
        `returns to ${frame.returnPc}, r6 to r9 ${frame.saved.map((value) => hex(value)).join(' ')}`,
      ],
    ),
    ...memory.map(
      (item): Line => [
        `memory ${item.name}`,
        `${hex(item.address, 8)}, ${item.size} bytes, ${item.stored} stored${item.writable ? '' : ', read-only'}`,
      ],
    ),
    ...tables.flatMap((table): Line[] => [
      [
        `table ${table.table}`,
        `generation ${table.generation}, schema ${table.schemaHash}, ${table.nRows} rows, node '${table.node}'${table.isStale ? ', stale' : ''}`,
      ],
      ...table.segments.map(
        (segment, i): Line => [
          `  segment ${i}`,
          `${hex(segment.address, 8)}, ${segment.size} bytes, ${segment.nRecords} records of ${segment.stride}`,
        ],
      ),
    ]),
    ...regions.map(
      (region): Line => [
        `region ${region.name}`,
        `${hex(region.address, 8)}, ${region.size} bytes, address space ${region.asid}, node '${region.node}'${region.writable ? '' : ', read-only'}${region.isStale ? ', stale' : ''}`,
      ],
    ),
    ...monitors.map(
      (item, i): Line => [
        `monitor ${i}`,
        `${hex(item.address, 8)} ${['>', '<', '=', '!='][item.type] ?? '?'} ${item.value}, tag ${item.tag}`,
      ],
    ),
  ];
  return lines
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${escapeText(name)}: ${escapeText(String(value))}\n`)
    .join('');
}
