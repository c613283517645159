/**
 * The commands of the command line: one row each. Help, argument checks, completion and manual pages come from the rows.
 * A row's code is loaded only when its command runs, so that `--help` stays fast.
 */
import type { Context } from './context.js';

/** What a word may be, for completion; `tables`: a table's name. Absent: anything, or a file. */
export type Words = readonly string[] | 'tables';

export interface ArgumentRow {
  readonly name: string;
  readonly doc: string;
  readonly values?: Words;
  readonly required: boolean;
  /** Takes the rest of the words, joined by spaces: a question may be typed without quotes. */
  readonly rest?: boolean;
  /** Takes the rest of the words, each by itself: file names. */
  readonly list?: boolean;
}

export interface OptionRow {
  /** In commander's form: '--limit <n>'. */
  readonly flags: string;
  readonly doc: string;
  readonly values?: Words;
  /** May be given several times; its value is an array then. */
  readonly repeats?: boolean;
}

export interface Example {
  readonly command: string;
  readonly says: string;
}

/** Exit status: 0 rows, 1 none, 2 error. */
export type Status = 0 | 1 | 2;

export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface CommandCode {
  run(context: Context, args: readonly string[], options: Options): Promise<Status>;
}

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly doc: string;
  readonly args: readonly ArgumentRow[];
  readonly options: readonly OptionRow[];
  readonly examples: readonly Example[];
  /** With --daemon: the command of ctinspectord (daemon-rows.ts), and its words; undefined: it needs no switch. */
  readonly daemon?: (args: readonly string[]) => readonly string[] | undefined;
  /** ... or the daemon hands over its snapshot, and the command runs here. */
  readonly takesSnapshot?: true;
  readonly load: () => Promise<CommandCode>;
}

const SOURCE_OPTIONS: readonly OptionRow[] = [
  {
    flags: '--from <path>',
    doc: "answer from files, without a switch: of `snapshot save`, or what dpctl/dump-flows, dpctl/dump-conntrack, conntrack -L or ovs-ofctl dump-flows printed (plain, gzip, xz; '-': standard input), or a directory or tar archive of such files (a sosreport)",
  },
  {
    flags: '--source <name>',
    values: ['auto', 'memory', 'unixctl'],
    doc: 'how to get at the switch: memory, unixctl, or auto: memory where it can be proved, else unixctl, and why (default: auto)',
  },
  {
    flags: '--fast',
    doc: 'read megaflows from memory with two threads, and on any CPU, also on those of the PMD threads and isolated ones (default: one thread, which keeps off these)',
  },
  { flags: '--rundir <dir>', doc: "the switch's run directory (default: $OVS_RUNDIR, else /var/run/openvswitch)" },
  { flags: '--target <name>', doc: 'daemon name or absolute path of its control socket (default: ovs-vswitchd)' },
  {
    flags: '--pid <n>',
    doc: "the switch's process, instead of --rundir and --target; also one in a container, from its host",
  },
  { flags: '--timeout <seconds>', doc: 'give up on the switch after this long (default: 60)' },
];

/** Of questions that compare two samples: rates, and what changed. */
const SAMPLE_OPTIONS: readonly OptionRow[] = [
  { flags: '--interval <time>', doc: 'for rates: how long between the two samples, 500ms, 10s or 1m (default: 2s)' },
  {
    flags: '--before <file>',
    doc: 'for rates: the earlier sample, of `snapshot save`, or a saved dump with --interval',
  },
];

/** Of what can only be asked of a running switch. */
const SWITCH_OPTIONS: readonly OptionRow[] = SOURCE_OPTIONS.filter(
  ({ flags }) => !/^--(from |source |fast$)/.test(flags),
);

const FAST_OPTION: readonly OptionRow[] = SOURCE_OPTIONS.filter(({ flags }) => flags === '--fast');

const DAEMON_OPTION: OptionRow = {
  flags: '--daemon [how]',
  values: ['answer', 'snapshot'],
  doc: 'ask ctinspectord (docs/daemon.md). answer: it answers, which is the default; snapshot: it hands over its snapshot in shared memory, and the question runs here',
};

/** What the programs of `run` have of their host. */
const MAP_OPTIONS: readonly OptionRow[] = [
  {
    flags: '--map <region>',
    doc: "NAME=FILE[:rw|:copy]: a region for mmap, repeatable. FILE is a memfd that cannot shrink, /proc/PID/fd/N; :rw to write there too; :copy: any file's bytes as they are now. NAME@2: in address space 2",
    repeats: true,
  },
  { flags: '--allow-raw', doc: "let the programs copy ranges of ovs-vswitchd's memory (raw_copy); off unless given" },
];

const NAMES_OPTION: OptionRow = {
  flags: '--names <file>',
  doc: 'names of your own, a line each: let web = tp_dst in {80, 443} (default: ~/.config/ctinspector/names)',
};

const FORMAT_OPTION: OptionRow = {
  flags: '--format <form>',
  values: ['table', 'json', 'ndjson', 'csv'],
  doc: 'table, json, ndjson or csv (default: table)',
};

/** Of what asks a running switch again and again. */
const LIVE_OPTIONS: readonly OptionRow[] = [
  { flags: '--interval <time>', doc: 'how often the switch is read, and over how long rates are (default: 2s)' },
  { flags: '--times <n>', doc: 'end after so many answers, as plain blocks' },
  ...SOURCE_OPTIONS.filter(({ flags }) => !flags.startsWith('--from ')),
  NAMES_OPTION,
  {
    flags: '--daemon',
    doc: 'let ctinspectord read the switch (docs/daemon.md) and hand over its snapshots; questions run here',
  },
];

export const COMMANDS: readonly CommandRow[] = [
  {
    name: 'query',
    summary: 'ask a question',
    doc: 'Answers a question about a table: a pipeline of stages, each compiled to eBPF that runs over the snapshot in shared memory. docs/questions.md has the language.',
    args: [
      {
        name: 'question',
        doc: "for example 'dp_flows | where tcp and not hw | top 10 by packets'",
        required: true,
        rest: true,
      },
    ],
    options: [...SOURCE_OPTIONS, ...SAMPLE_OPTIONS, NAMES_OPTION, DAEMON_OPTION, FORMAT_OPTION],
    examples: [
      {
        command:
          "ctinspector query 'dp_flows | where tcp and nw_dst within 10.0.0.0/8 | top 10 by packets | show in_port, nw_src, nw_dst, tp_dst, packets'",
        says: 'the ten busiest TCP megaflows into 10/8',
      },
      {
        command: "ctinspector query 'dp_flows | where ct_state = +new or recirc_id = 0 | count by in_port'",
        says: 'flows per port, first pass or new connections',
      },
      {
        command: "ctinspector query 'dp_flows | where drop | count by drop_reason'",
        says: 'why flows drop, where the switch says',
      },
      {
        command:
          "ctinspector query 'dp_flows | count, sum(bytes) as b, count(distinct nw_dst) as peers by nw_src | top 10 by b'",
        says: 'the top talkers, each packet counted once',
      },
      {
        command: "ctinspector query --from flows.txt.gz 'dp_flows | where covers(nw_dst=10.1.2.3, tp_dst=443)'",
        says: 'what would match such a packet, from a saved dump, without OVS',
      },
      {
        command: "ctinspector query 'dp_flows | where pps > 0 | top 10 by bps | show in_port, nw_dst, pps, bps'",
        says: 'the flows that move most now: two samples, 2 s apart',
      },
      {
        command: "ctinspector query 'dp_flows | changes since before.cti | where change = gone or changed = +actions'",
        says: 'what is gone or forwarded otherwise since a snapshot was saved',
      },
      {
        command:
          "ctinspector query --from sosreport-h1.tar.xz 'ct | where tcp and not state = ESTABLISHED | count by zone, state'",
        says: 'connections of a sosreport, by zone',
      },
    ],
    daemon: ([question = '']) => ['query', question],
    takesSnapshot: true,
    load: () => import('./commands/query.js'),
  },
  {
    name: 'flows',
    summary: 'list megaflows, those that meet a condition',
    doc: "Lists megaflows as the switch prints them. The same as query 'dp_flows | where CONDITION'.",
    args: [
      {
        name: 'condition',
        doc: "for example 'udp and tp_dst = 53'; all flows without one",
        required: false,
        rest: true,
      },
    ],
    options: [...SOURCE_OPTIONS, ...SAMPLE_OPTIONS, NAMES_OPTION, DAEMON_OPTION, FORMAT_OPTION],
    examples: [
      {
        command: "ctinspector flows 'arp or icmp6'",
        says: 'neighbour traffic of both kinds: an OR, which dump-flows filters cannot say',
      },
      {
        command: "ctinspector flows 'recirc_id(0),in_port(2),eth_type(0x0800),ipv4(dst=10.0.0.0/8,frag=no)'",
        says: 'the flow of a line of dump-flows, pasted: exactly this key',
      },
      { command: "ctinspector flows 'not (tp_dst in {80, 443}) and packets > 10k' --format json", says: 'for scripts' },
    ],
    daemon: ([condition = '']) => ['flow/show', ...(condition === '' ? [] : [condition])],
    takesSnapshot: true,
    load: () => import('./commands/flows.js'),
  },
  {
    name: 'top',
    summary: 'the megaflows that move most, live',
    doc: 'Shows the megaflows of a running switch by packets a second, again and again, on a terminal: keys order, filter, pause (h: help). The switch is read at most as often as --interval says, less often where that costs it more than a tenth of a core. Into a pipe, or with --times, plain blocks.',
    args: [
      {
        name: 'condition',
        doc: "for example 'tcp and tp_dst = 443'; all flows without one",
        required: false,
        rest: true,
      },
    ],
    options: LIVE_OPTIONS,
    examples: [
      { command: 'ctinspector top', says: 'what does the switch do now?' },
      { command: "ctinspector top 'in_port = vm1'", says: 'what does a port send?' },
    ],
    load: () => import('./commands/top.js'),
  },
  {
    name: 'watch',
    summary: 'the answer to a question, live',
    doc: 'Answers a question again and again, on a terminal with keys as in top; into a pipe, or with --times, as plain blocks.',
    args: [{ name: 'question', doc: 'as for query', required: true, rest: true }],
    options: LIVE_OPTIONS,
    examples: [
      { command: "ctinspector watch 'dp_flows | where does drop | count by in_port'", says: 'drops by port' },
      {
        command: "ctinspector watch 'dp_flows | changes since 5s | where change = new | count by in_port'",
        says: 'how many flows come up where',
      },
    ],
    load: () => import('./commands/watch.js'),
  },
  {
    name: 'tables',
    summary: 'which tables there are, where they come from, their fields',
    doc: 'Lists the tables, their sources, which source is in use and why. With the name of a table: every name a question can use of it; that needs no switch. With --from: the files there that a table is read from, and what each has.',
    args: [{ name: 'table', values: 'tables', doc: 'for example dp_flows; all tables without one', required: false }],
    options: [
      { flags: '--from <path>', doc: 'list the files of tables in this directory, archive or file' },
      ...SWITCH_OPTIONS,
      DAEMON_OPTION,
      FORMAT_OPTION,
    ],
    examples: [
      { command: 'ctinspector tables', says: 'what can be asked here' },
      { command: 'ctinspector tables --from sosreport-h1.tar.xz', says: 'what can be asked of a sosreport' },
      { command: 'ctinspector tables dp_flows', says: 'the fields and words of a table' },
    ],
    daemon: ([table = '']) => (table === '' ? ['table/list'] : undefined),
    load: () => import('./commands/tables.js'),
  },
  {
    name: 'explain',
    summary: 'show the plan and the eBPF of a question, or what each stage took',
    doc: 'Compiles a question without running it: its plan, and the program that would run. Needs no switch. With --analyze it is run, each stage in a loop of its own, and rows in, rows out and time of each are shown; the other options go with it.',
    args: [{ name: 'question', doc: 'as for query', required: true, rest: true }],
    options: [
      { flags: '--analyze', doc: 'run it, and show what each stage did and how long it took' },
      ...SOURCE_OPTIONS,
      ...SAMPLE_OPTIONS,
      NAMES_OPTION,
      FORMAT_OPTION,
    ],
    examples: [
      { command: "ctinspector explain 'dp_flows | where tcp | count'", says: 'a small one' },
      {
        command: "ctinspector explain --analyze 'dp_flows | where tcp | sum(bytes) as b by nw_dst | top 5 by b'",
        says: 'where the rows go and the time',
      },
    ],
    load: () => import('./commands/explain.js'),
  },
  {
    name: 'disasm',
    summary: 'disassemble an eBPF program',
    doc: "Prints the instructions of an object file, linked, with functions and source lines, or of a file of 8-byte eBPF slots ('-': standard input). A program that would be refused is refused here too, with the reason.",
    args: [{ name: 'file', doc: 'an object file, or raw eBPF with its entry at 0', required: true }],
    options: [
      {
        flags: '--kernel-functions <set>',
        values: ['conformance', 'upstream', 'ctinspector'],
        doc: 'conformance, upstream or ctinspector (default: ctinspector)',
      },
    ],
    examples: [{ command: 'ctinspector disasm prog.bin', says: 'one line a slot' }],
    load: () => import('./commands/disasm.js'),
  },
  {
    name: 'compile',
    summary: 'compile a C program to eBPF',
    doc: 'Compiles a program in C (docs/programs.md) to an object file with the newest clang that is installed, 19 to 14. Its diagnostics are shown as they are; status 2 if it refuses.',
    args: [{ name: 'file', doc: 'the program, for example busiest.c', required: true }],
    options: [
      { flags: '-o, --output <file>', doc: "the object file (default: the program's name with .o, in this directory)" },
    ],
    examples: [
      {
        command: 'ctinspector compile busiest_per_port.c -o busiest.o',
        says: 'once, on a machine that has clang; the object runs on any',
      },
    ],
    load: () => import('./commands/compile.js'),
  },
  {
    name: 'run',
    summary: 'run C programs or object files over the tables',
    doc: 'Links object files (those ending in .c are compiled first) into one program and runs it in a sandbox; a + between files begins another program, which runs beside it. A program that calls table_open gets dp_flows, or the tables of --table, read before it starts. Shows what it prints and its result; with --format json also the records it emits, and where it stopped.',
    args: [{ name: 'file', doc: 'x.c or x.o, one or more a program; + between programs', required: false, list: true }],
    options: [
      {
        flags: '--arg <number>',
        doc: 'an argument of the program, up to five times: 7, -1, 0xff, or the name of a region',
        repeats: true,
      },
      { flags: '--entry <symbol>', doc: 'where it starts (default: vm_main, else the only global function)' },
      {
        flags: '--table <name>',
        values: 'tables',
        doc: 'a table the program opens, may be given several times (default: dp_flows)',
        repeats: true,
      },
      {
        flags: '--kernel-functions <set>',
        values: ['conformance', 'upstream', 'ctinspector'],
        doc: 'conformance, upstream or ctinspector (default: what the object says, else ctinspector)',
      },
      {
        flags: '--nodes <nodes>',
        doc: 'run on several nodes in this process: how many (local://1, local://2, ...), or their URLs with commas between; programs start on the first',
      },
      { flags: '--fuel <n>', doc: 'how much it may do, about an instruction each (default: 1000000000)' },
      {
        flags: '--budget <limits>',
        doc: 'what each may use: fuel=N,memory=BYTES,forks=N,lifetime=TIME (default: memory=256M,forks=100,lifetime=24h)',
      },
      {
        flags: '--priority <n>',
        doc: 'share of CPU, 1 to 1000, for all or once a program (default: 100)',
        repeats: true,
      },
      { flags: '--workers <n>', doc: 'threads that run programs (default: 0, the main one)' },
      {
        flags: '--state <dir>',
        doc: 'keep images here, so that programs survive a crash; goes on with those that are there',
      },
      { flags: '--salvage', doc: 'with --state: go on with what is intact of a damaged journal' },
      ...MAP_OPTIONS,
      ...SOURCE_OPTIONS.filter(({ flags }) => !flags.startsWith('--timeout ')),
      {
        flags: '--timeout <seconds>',
        doc: 'give up on the switch, and end programs, after this long (default: 60 for the switch, none for programs)',
      },
      { flags: '--format <form>', values: ['text', 'json'], doc: 'text or json (default: text)' },
    ],
    examples: [
      { command: 'ctinspector run busiest_per_port.c', says: 'the busiest megaflow of each port' },
      { command: 'ctinspector run mask_shapes.o --from flows.txt.gz', says: 'an object file, over a saved dump' },
      { command: 'ctinspector run a.c + b.c --budget fuel=10000000,lifetime=30s', says: 'two programs at once' },
    ],
    load: () => import('./commands/run.js'),
  },
  {
    name: 'image',
    summary: 'programs that have stopped, as files',
    doc: 'show: every field of an image. save: runs a program until it waits at a call that suspends, or its fuel is used up, and writes its image. resume: goes on with one, on any engine. Tables and regions of an image that are not here are stale: an access to one traps.',
    args: [
      { name: 'action', values: ['show', 'save', 'resume'], doc: 'show, save or resume', required: true },
      { name: 'file', doc: 'an image; for save the files of a program, x.c or x.o', required: true, list: true },
    ],
    options: [
      {
        flags: '-o, --output <file>',
        doc: "for save: the image (default: the program's name with .img, in this directory)",
      },
      {
        flags: '--at <call>',
        doc: 'for save: stop at this kernel function; others are answered as for run (default: at any that suspends)',
      },
      { flags: '--arg <number>', doc: 'for save: an argument of the program, up to five times', repeats: true },
      { flags: '--entry <symbol>', doc: 'for save: where it starts (default: vm_main, else the only global function)' },
      { flags: '--fuel <n>', doc: 'how much it may do (default: 1000000000)' },
      {
        flags: '--budget <limits>',
        doc: 'for resume: fuel=N,memory=BYTES,forks=N,lifetime=TIME (default: what the image has left of each, else as for run)',
      },
      {
        flags: '--engine <name>',
        values: ['auto', 'jit', 'interpreter'],
        doc: 'auto, jit or interpreter (default: auto)',
      },
      ...MAP_OPTIONS,
      ...SOURCE_OPTIONS,
      { flags: '--format <form>', values: ['text', 'json'], doc: 'text or json (default: text)' },
    ],
    examples: [
      { command: 'ctinspector image save nap.c --at sleep -o nap.img', says: 'stopped at its call of sleep' },
      { command: 'ctinspector image show nap.img', says: 'registers, memory, budget, the call it waits at' },
      { command: 'ctinspector image resume nap.img --engine interpreter', says: 'to its end' },
    ],
    load: () => import('./commands/image.js'),
  },
  {
    name: 'diff',
    summary: 'what changed between two files',
    doc: "Compares two snapshot files, or saved dumps: rows that are new, gone, or changed, and in which fields; further stages work on that. The same as query --from B 'TABLE | changes since A | STAGES'.",
    args: [
      { name: 'earlier', doc: 'a file of `snapshot save`, or a saved dump', required: true },
      { name: 'later', doc: 'another one', required: true },
      {
        name: 'stages',
        doc: "for example 'where change = gone | count by in_port'",
        required: false,
        rest: true,
      },
    ],
    options: [
      {
        flags: '--table <name>',
        values: 'tables',
        doc: 'which table of the files (default: dp_flows, or the only one)',
      },
      { flags: '--interval <time>', doc: 'for rates between saved dumps: how long lies between them' },
      NAMES_OPTION,
      FORMAT_OPTION,
    ],
    examples: [
      { command: 'ctinspector diff before.cti after.cti', says: 'every row that is not as it was' },
      {
        command:
          "ctinspector diff before.cti after.cti 'where change != changed or changed = +actions | count by change, in_port'",
        says: 'flows that came, went, or are forwarded otherwise, by port',
      },
    ],
    load: () => import('./commands/diff.js'),
  },
  {
    name: 'snapshot',
    summary: 'tables as files, which every question works on',
    doc: 'save FILE: reads tables (all there are, or those of --table) and writes them into a file that answers with --from on any machine, without OVS or root. load FILE: reads one through and checks every byte. show FILE: what is in it, how it was read. list [DIR]: the snapshot files there.',
    args: [
      { name: 'action', values: ['save', 'load', 'show', 'list'], doc: 'save, load, show or list', required: true },
      { name: 'file', doc: 'a snapshot file; for list a directory (default: this one)', required: false, list: true },
    ],
    options: [
      {
        flags: '--table <name>',
        values: 'tables',
        doc: 'for save: a table, may be given several times (default: all that the source has)',
        repeats: true,
      },
      ...SOURCE_OPTIONS,
      FORMAT_OPTION,
    ],
    examples: [
      { command: 'ctinspector snapshot save before.cti', says: 'every table of the switch, now' },
      { command: "ctinspector flows 'tcp and tp_dst = 443' --from before.cti", says: 'a question about it, anywhere' },
    ],
    load: () => import('./commands/snapshot.js'),
  },
  {
    name: 'doctor',
    summary: 'what works here, what does not, and what to do',
    doc: 'Looks at everything a question needs: Node, the addon, the run directory, the switch, rights. Works without root and says what it could not look at. Status 0 if questions can be answered, 1 if not.',
    args: [],
    options: [...SWITCH_OPTIONS, DAEMON_OPTION, FORMAT_OPTION],
    examples: [{ command: 'ctinspector doctor', says: 'run it first when something does not work' }],
    daemon: () => ['doctor'],
    load: () => import('./commands/doctor.js'),
  },
  {
    name: 'attach',
    summary: "attach to the switch's memory and say how it went",
    doc: 'Attaches to ovs-vswitchd by its memory as a question would, and reports each step: its build, the layout, its datapaths, the proof against what the switch says of itself, a reading of all megaflows and what it cost; with --fast one more, by two threads. Nothing is written to the switch. docs/attach.md says what is read and how it is proved.',
    args: [],
    options: [...SWITCH_OPTIONS, ...FAST_OPTION, DAEMON_OPTION, FORMAT_OPTION],
    examples: [{ command: 'ctinspector attach', says: 'can questions be answered from memory here, and how fast?' }],
    daemon: () => ['attach/show'],
    load: () => import('./commands/attach.js'),
  },
  {
    name: 'layout',
    summary: "layouts of ovs-vswitchd's structures: list, check, make",
    doc: "A layout says where a build of ovs-vswitchd keeps what is read out of its memory. 'list' shows those at hand; 'check' looks whether the running switch has one that fits, and proves it; 'make' makes one from the debug information of its executable, or of --debug-info FILE, and keeps it for this host.",
    args: [{ name: 'action', values: ['list', 'check', 'make'], doc: 'list, check or make', required: true }],
    options: [
      {
        flags: '--debug-info <file>',
        doc: "make: an ovs-vswitchd built with -g, or its debug file (default: the running switch's own executable)",
      },
      {
        flags: '--build-id <hex>',
        doc: 'make: the build it is for, where the file is another build of the same sources (default: the one in the file)',
      },
      ...SWITCH_OPTIONS,
      FORMAT_OPTION,
    ],
    examples: [
      { command: 'ctinspector layout check', says: 'does a layout fit the running switch?' },
      {
        command: 'ctinspector layout make --debug-info /usr/lib/debug/.build-id/c7/8946.debug',
        says: 'from a debug package',
      },
    ],
    load: () => import('./commands/layout.js'),
  },
  {
    name: 'ctl',
    summary: 'a command of ctinspectord',
    doc: 'Asks ctinspectord, as ovs-appctl -t ctinspectord does, over its own socket: replies may be larger, and program/load takes a FILE, which is opened here. `ctinspector ctl list-commands` has the commands; docs/daemon.md explains them.',
    args: [{ name: 'command', doc: 'for example flow/top by=bytes n=5 tcp', required: true, list: true }],
    options: [
      {
        flags: '--rundir <dir>',
        doc: "ctinspectord's run directory (default: $OVS_RUNDIR, else /var/run/openvswitch)",
      },
      FORMAT_OPTION,
    ],
    examples: [
      { command: 'ctinspector ctl memory/show', says: 'what each part of the daemon holds' },
      { command: 'ctinspector ctl program/load name=busiest busiest.o', says: 'a program that the daemon runs' },
    ],
    load: () => import('./commands/ctl.js'),
  },
  {
    name: 'completion',
    summary: 'completion for a shell: bash or zsh',
    doc: 'Prints a script that completes commands, options and names of tables: `. <(ctinspector completion bash)`.',
    args: [{ name: 'shell', values: ['bash', 'zsh'], doc: 'bash or zsh', required: true }],
    options: [],
    examples: [{ command: 'ctinspector completion bash', says: 'to be sourced, or put into /etc/bash_completion.d' }],
    load: () => import('./commands/completion.js'),
  },
];
