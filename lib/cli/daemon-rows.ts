/**
 * The commands of ctinspectord: one row each. `ovs-appctl -t ctinspectord`, `ctinspector ctl`, list-commands, completion and the manual pages come
 * from the rows; a row's `part` has its handler (lib/daemon/handlers-*.ts), and the compiler misses it if there is none.
 *
 * Names follow Open vSwitch: noun/verb, arguments as key=value. No argument is the name of a file that the daemon would read.
 */
export type ParamKind = 'text' | 'count' | 'seconds' | 'size';

export interface ParamRow {
  readonly name: string;
  readonly doc: string;
  /** `name=value`, anywhere before the rest; else by its place. */
  readonly isKey?: true;
  readonly required?: true;
  /** Takes all words that are left, joined by spaces. */
  readonly rest?: true;
  readonly kind?: ParamKind;
  readonly values?: readonly string[];
  /** Whole numbers from the first to the second. */
  readonly range?: readonly [number, number];
}

export type PartName = 'supervisor' | 'control' | 'collector' | 'executor';

export interface DaemonExample {
  readonly command: string;
  readonly says: string;
}

export interface DaemonRow {
  readonly name: string;
  readonly part: PartName;
  readonly doc: string;
  readonly params: readonly ParamRow[];
  /** Asked once more if its part ends while it answers: it changes nothing. */
  readonly repeats: boolean;
  readonly example?: DaemonExample;
}

const MAX_AGE: ParamRow = {
  name: 'max-age',
  isKey: true,
  kind: 'seconds',
  doc: 'how old a snapshot may be that answers; 0: read now',
};
const LIMIT: ParamRow = { name: 'limit', isKey: true, kind: 'count', doc: 'rows of the reply' };
const MAX: ParamRow = { name: 'max', isKey: true, kind: 'count', doc: 'rows of the reply' };
const CONDITION: ParamRow = {
  name: 'CONDITION',
  rest: true,
  doc: "for example 'tcp and tp_dst = 443'; all flows without one",
};
const QUESTION: ParamRow = {
  name: 'QUESTION',
  rest: true,
  required: true,
  doc: "for example 'dp_flows | where tcp | top 10 by packets'",
};
const ID: ParamRow = {
  name: 'ID',
  required: true,
  doc: 'of program/load or program/list; its first digits do, if no other has them',
};

export const DAEMON_ROWS = [
  { name: 'list-commands', part: 'control', doc: 'These commands and their arguments.', params: [], repeats: true },
  { name: 'version', part: 'control', doc: 'The version of ctinspectord.', params: [], repeats: true },
  {
    name: 'set-options',
    part: 'control',
    doc: 'Of this connection: --format text or --format json. ovs-appctl 3.4 and later send it.',
    params: [{ name: 'OPTION', rest: true, doc: '--format FORMAT' }],
    repeats: true,
  },
  {
    name: 'vlog/list',
    part: 'supervisor',
    doc: 'The level of each module, for the console and the file.',
    params: [],
    repeats: true,
  },
  {
    name: 'vlog/set',
    part: 'supervisor',
    doc: 'Sets levels: [MODULE][:FACILITY][:LEVEL], several with spaces or commas between; ANY is all of them. Levels: off emer err warn info dbg.',
    params: [{ name: 'SPEC', rest: true, doc: 'for example collector:file:dbg' }],
    repeats: false,
    example: { command: 'ovs-appctl -t ctinspectord vlog/set collector:dbg', says: 'more of what the collector does' },
  },
  {
    name: 'vlog/reopen',
    part: 'supervisor',
    doc: 'Opens the log file anew, after logrotate moved it.',
    params: [],
    repeats: true,
  },
  { name: 'vlog/close', part: 'supervisor', doc: 'Closes the log file until vlog/reopen.', params: [], repeats: true },
  {
    name: 'coverage/show',
    part: 'supervisor',
    doc: 'How often what happened, in each part.',
    params: [],
    repeats: true,
  },
  {
    name: 'memory/show',
    part: 'supervisor',
    doc: 'Memory, descriptors and threads of each part.',
    params: [{ name: 'collect', isKey: true, values: ['yes', 'no'], doc: 'collect garbage first (default: no)' }],
    repeats: true,
  },
  { name: 'exit', part: 'supervisor', doc: 'Ends ctinspectord in order.', params: [], repeats: false },
  { name: 'config/show', part: 'supervisor', doc: 'The configuration that is in force.', params: [], repeats: true },
  {
    name: 'config/reload',
    part: 'supervisor',
    doc: 'Reads the configuration file that the daemon was started with again. A file with a fault is refused whole.',
    params: [],
    repeats: false,
  },
  {
    name: 'limits/show',
    part: 'supervisor',
    doc: 'What is bounded, and how much of it is used.',
    params: [],
    repeats: true,
  },
  {
    name: 'pause',
    part: 'supervisor',
    doc: 'Stops all reading of the switch at once, for SECONDS or until resume. Snapshots at hand still answer.',
    params: [{ name: 'SECONDS', kind: 'seconds', doc: 'how long' }],
    repeats: false,
  },
  { name: 'resume', part: 'supervisor', doc: 'Ends a pause.', params: [], repeats: false },
  {
    name: 'table/list',
    part: 'collector',
    doc: 'The tables, their sources, which one is in use, and why.',
    params: [],
    repeats: true,
  },
  {
    name: 'attach/show',
    part: 'collector',
    doc: 'How ctinspectord gets at the switch: process, build, layout, proof.',
    params: [],
    repeats: true,
  },
  {
    name: 'layout/list',
    part: 'collector',
    doc: "The layouts of ovs-vswitchd's structures at hand.",
    params: [],
    repeats: true,
  },
  {
    name: 'cost/show',
    part: 'collector',
    doc: 'What readings have cost the switch and us since the collector started.',
    params: [],
    repeats: true,
  },
  { name: 'snapshot/list', part: 'collector', doc: 'The snapshots that are held.', params: [], repeats: true },
  {
    name: 'snapshot/take',
    part: 'collector',
    doc: 'Reads a table now.',
    params: [{ name: 'TABLE', required: true, doc: 'for example dp_flows' }],
    repeats: true,
  },
  {
    name: 'snapshot/show',
    part: 'collector',
    doc: 'When the newest snapshot of a table was read, from where, and what was not understood.',
    params: [{ name: 'TABLE', required: true, doc: 'for example dp_flows' }],
    repeats: true,
  },
  {
    name: 'doctor',
    part: 'collector',
    doc: 'What works here, what does not, and what to do.',
    params: [],
    repeats: true,
  },
  {
    name: 'table/show',
    part: 'executor',
    doc: 'The rows of a table.',
    params: [{ name: 'TABLE', required: true, doc: 'for example ports' }, MAX, MAX_AGE],
    repeats: true,
    example: { command: 'ovs-appctl -t ctinspectord table/show ports max=20', says: 'twenty rows' },
  },
  {
    name: 'query',
    part: 'executor',
    doc: 'Answers a question (docs/questions.md).',
    params: [MAX_AGE, LIMIT, QUESTION],
    repeats: true,
    example: {
      command: "ovs-appctl -t ctinspectord query max-age=1 'dp_flows | where udp | count by in_port'",
      says: 'of rows at most a second old',
    },
  },
  { name: 'explain', part: 'executor', doc: 'The plan and the eBPF of a question.', params: [QUESTION], repeats: true },
  {
    name: 'flow/show',
    part: 'executor',
    doc: 'Megaflows as the switch prints them, those that meet a condition.',
    params: [MAX, MAX_AGE, CONDITION],
    repeats: true,
  },
  {
    name: 'flow/top',
    part: 'executor',
    doc: 'The busiest megaflows.',
    params: [
      {
        name: 'by',
        isKey: true,
        values: ['packets', 'bytes', 'pps', 'bps'],
        doc: 'what counts (default: packets); pps and bps take two samples',
      },
      { name: 'n', isKey: true, kind: 'count', doc: 'how many (default: 10)' },
      MAX_AGE,
      CONDITION,
    ],
    repeats: true,
    example: { command: 'ovs-appctl -t ctinspectord flow/top by=bytes n=5 tcp', says: 'the five biggest of TCP' },
  },
  {
    name: 'flow/masks',
    part: 'executor',
    doc: 'The distinct masks of megaflows, by how many flows have each.',
    params: [MAX, MAX_AGE],
    repeats: true,
  },
  {
    name: 'ct/show',
    part: 'executor',
    doc: 'Connections that the datapaths track (dpctl/dump-conntrack of each), of a zone or of all.',
    params: [
      { name: 'zone', isKey: true, range: [0, 0xffff], doc: 'the conntrack zone; all without it' },
      MAX,
      MAX_AGE,
    ],
    repeats: true,
    example: { command: 'ovs-appctl -t ctinspectord ct/show zone=7 max=20', says: 'twenty connections of zone 7' },
  },
  { name: 'port/show', part: 'executor', doc: "The datapaths' ports.", params: [MAX, MAX_AGE], repeats: true },
  {
    name: 'pmd/show',
    part: 'executor',
    doc: 'The threads of userspace datapaths and their counters.',
    params: [MAX, MAX_AGE],
    repeats: true,
  },
  {
    name: 'program/load',
    part: 'executor',
    doc: 'Runs a program: an eBPF object file, in base64, or as a descriptor beside the request (ctinspector ctl does that with a FILE).',
    params: [
      { name: 'name', isKey: true, doc: 'for people (default: program)' },
      { name: 'tables', isKey: true, doc: 'what it opens with table_open, with commas between (default: dp_flows)' },
      { name: 'args', isKey: true, doc: 'up to five numbers, with commas between' },
      { name: 'fuel', isKey: true, kind: 'count', doc: 'how much it may do (default: 1000000000)' },
      { name: 'memory', isKey: true, kind: 'size', doc: 'bytes (default: programs.memory)' },
      { name: 'lifetime', isKey: true, kind: 'seconds', doc: 'how long (default: programs.lifetime)' },
      {
        name: 'durable',
        isKey: true,
        values: ['yes', 'no'],
        doc: 'yes: it outlives the executor and the daemon, by images in programs.state (default: no)',
      },
      { name: 'CONTENT', doc: 'the object file in base64' },
    ],
    repeats: false,
  },
  {
    name: 'program/list',
    part: 'executor',
    doc: 'Programs that run, wait, or have ended lately.',
    params: [],
    repeats: true,
  },
  { name: 'program/show', part: 'executor', doc: 'Everything about a program.', params: [ID], repeats: true },
  {
    name: 'program/wait',
    part: 'executor',
    doc: 'Answers when a program has ended, or after timeout= seconds (default: 30) says that it has not.',
    params: [{ name: 'timeout', isKey: true, kind: 'seconds', doc: 'at most questions.timeout' }, ID],
    repeats: false,
  },
  { name: 'program/kill', part: 'executor', doc: 'Ends a program.', params: [ID], repeats: false },
  { name: 'program/log', part: 'executor', doc: 'The newest of what a program printed.', params: [ID], repeats: true },
] as const satisfies readonly DaemonRow[];

export type NamesOf<P extends PartName> = Extract<(typeof DAEMON_ROWS)[number], { readonly part: P }>['name'];

export const findRow = (name: string): DaemonRow | undefined => DAEMON_ROWS.find((row) => row.name === name);

export function usageOf({ params }: DaemonRow): string {
  return params
    .map(({ name, isKey, required, kind, values, range }) => {
      const value =
        values?.join('|') ??
        range?.join('..') ??
        (kind === 'seconds' ? 'S' : kind === 'size' ? 'BYTES' : kind === 'count' ? 'N' : 'TEXT');
      const form = isKey ? `${name}=${value}` : name;
      return required ? form : `[${form}]`;
    })
    .join(' ');
}
