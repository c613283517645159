/** Manual pages from the rows of the registries of commands (lib/cli/registry.ts, daemon-rows.ts, lib/daemon/config-keys.ts). */
import { DAEMON_ROWS, type DaemonRow, usageOf } from '../../lib/cli/daemon-rows.js';
import { COMMANDS } from '../../lib/cli/registry.js';
import { KEYS, type KeyRow } from '../../lib/daemon/config-keys.js';
import { OPTIONS } from '../../lib/daemon/options.js';

/** Text that roff takes as it is. */
const plain = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/^([.'])/gm, '\\&$1');

const item = (head: string, text: string): string => `.TP\n.B ${plain(head)}\n${plain(text)}`;

const head = (name: string, section: number, summary: string): string =>
  `.\\" Made by npm run generate from the registries of commands; do not edit.\n.TH ${name.toUpperCase()} ${section} "" "CTinspector for Open vSwitch"\n.SH NAME\n${name} \\- ${plain(summary)}`;

const items = (rows: Readonly<Record<string, string>>): string =>
  Object.entries(rows)
    .map(([name, doc]) => item(name, doc))
    .join('\n');

function cliPage(): string {
  const commands = COMMANDS.flatMap(({ name, args, doc, options, examples }) => [
    `.SS ${plain([name, ...args.map((arg) => (arg.required ? arg.name : `[${arg.name}]`))].join(' '))}`,
    plain(doc),
    ...args.map((arg) => item(arg.name, arg.doc)),
    ...options.map(({ flags, doc: what }) => item(flags, what)),
    ...examples.map(({ command, says }) => `.PP\n${plain(says)}:\n.PP\n.EX\n${plain(command)}\n.EE`),
  ]);
  return [
    head('ctinspector', 1, 'ask a running Open vSwitch questions its own tools cannot answer'),
    '.SH SYNOPSIS\n.B ctinspector\n.I COMMAND\n[options]',
    '.SH COMMANDS',
    ...commands,
    '.SH EXIT STATUS\n0 there are rows, 1 there are none, 2 an error.',
    `.SH ENVIRONMENT\n${items({
      OVS_RUNDIR: 'the run directory of the switch, unless --rundir names it',
      CTINSPECTOR_JIT: 'off: programs run in the interpreter',
      CTINSPECTOR_LAYOUTS:
        'where `ctinspector layout make` writes, and where layouts are looked for before those that are shipped',
      CTINSPECTOR_PAGE_TABLES:
        'off: memory is copied by process_vm_readv alone, and no program is loaded into the kernel',
      NO_COLOR: 'no colours on a terminal',
    })}`,
    `.SH FILES\n${items({
      '~/.config/ctinspector/names': 'names of your own for questions; below $XDG_CONFIG_HOME where that is set',
      '~/.local/share/ctinspector/layouts':
        'layouts that `ctinspector layout make` made; below $XDG_DATA_HOME where that is set. Root: /var/lib/ctinspector/layouts',
    })}`,
    '.SH SEE ALSO\n.BR ctinspectord (8),\n.BR ovs\\-appctl (8)\n',
  ].join('\n');
}

function daemonPage(): string {
  const rows = ([...DAEMON_ROWS] as DaemonRow[]).map((row) =>
    [
      item(`${row.name} ${usageOf(row)}`.trim(), row.doc),
      ...row.params.map((param) => `.RS\n${item(param.name, param.doc)}\n.RE`),
      ...(row.example
        ? [`.RS\n.PP\n${plain(row.example.says)}:\n.PP\n.EX\n${plain(row.example.command)}\n.EE\n.RE`]
        : []),
    ].join('\n'),
  );
  const keys = Object.entries(KEYS as Readonly<Record<string, KeyRow<unknown>>>).map(([key, row]) =>
    item(`${key}: ${row.shown}`, `${row.doc}. ${row.expected}${row.atStart ? '. Takes effect at a restart' : ''}.`),
  );
  return [
    head('ctinspectord', 8, 'answer questions about the Open vSwitch of this host'),
    '.SH SYNOPSIS\n.B ctinspectord\n[options]',
    `.SH OPTIONS\n${items(Object.fromEntries(OPTIONS.map(({ flags, doc }) => [flags, doc])))}`,
    '.SH COMMANDS\nBy ovs\\-appctl \\-t ctinspectord, or ctinspector ctl.',
    ...rows,
    '.SH CONFIGURATION\nYAML: groups of keys. A file with a fault is refused whole.',
    ...keys,
    '.SH SIGNALS\n.TP\n.B SIGHUP\nreads the configuration file again.\n.TP\n.B SIGTERM, SIGINT\nend it in order.',
    '.SH EXIT STATUS\n0 it was ended in order, 2 it could not start, and says why on standard error.',
    `.SH FILES\n${items({
      '/etc/ctinspector/ctinspectord.yaml': 'the configuration, unless --config names another',
      'RUNDIR/ctinspectord.pid': 'the pidfile, locked as long as it runs',
      'RUNDIR/ctinspectord.PID.ctl': 'the control socket, for ovs-appctl',
      'RUNDIR/ctinspectord.PID.cti': 'the socket of `ctinspector ctl` and of --daemon',
    })}`,
    '.SH SEE ALSO\n.BR ctinspector (1),\n.BR ovs\\-appctl (8)\n',
  ].join('\n');
}

export const generateManPages = (): Map<string, string> =>
  new Map([
    ['docs/man/ctinspector.1', cliPage()],
    ['docs/man/ctinspectord.8', daemonPage()],
  ]);
