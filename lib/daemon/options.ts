/** The options of ctinspectord, for its help and its manual page. */

export interface DaemonOption {
  readonly flags: string;
  readonly doc: string;
}

export const OPTIONS: readonly DaemonOption[] = [
  { flags: '--config FILE', doc: 'configuration (default: /etc/ctinspector/ctinspectord.yaml if there is one)' },
  { flags: '--rundir DIR', doc: 'pidfile and sockets (default: $OVS_RUNDIR, else /var/run/openvswitch)' },
  {
    flags: '--part collector --connect DIR',
    doc: 'only the collector, for the ctinspectord of that run directory (docs/daemon.md, "systemd, and without")',
  },
  { flags: '--check-config', doc: 'check the configuration file and end' },
  { flags: '-V, --version', doc: 'print the version' },
  { flags: '-h, --help', doc: 'print this help' },
];

/** Lines for --help. */
export const helpOfOptions = (): string =>
  OPTIONS.map(({ flags, doc }) =>
    flags.length > 16 ? `  ${flags}\n${' '.repeat(19)}${doc}` : `  ${flags.padEnd(17)}${doc}`,
  ).join('\n');
