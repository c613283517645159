/**
 * What a file's name says of the text in it, as sos (the plugins openvswitch and networking) names the output of a command: blanks and signs
 * of the command become `_`, and `/` becomes `.`. Where a name says nothing, nothing is assumed.
 */

export interface NamedDump {
  /** Full name of a datapath, name of a bridge; empty: the name does not say. */
  readonly datapath: string;
  /** Of two dumps of one datapath or bridge the higher one says more. */
  readonly rank: number;
  /** Why it has a part of the rows only; undefined: it has all. */
  readonly part?: string;
}

const UNNAMED: NamedDump = { datapath: '', rank: 0 };

/** sos makes `_` of the `@` in netdev@ovs-netdev; a datapath's type has none. */
const fullName = (mangled: string): string => mangled.replace(/^(system|netdev|dummy|windows|hyper-v)_/, '$1@');

const PATTERNS: Readonly<Record<string, readonly [RegExp, (found: RegExpExecArray) => NamedDump][]>> = {
  dp_flows: [
    [/(?:dump-flows).*_type[_=](\w+)/, ([, type]) => ({ datapath: '', rank: 0, part: `flows of type=${type} alone` })],
    [/^ovs-appctl_dpctl\.dump-flows_-m_(.+)$/, ([, name]) => ({ datapath: fullName(name!), rank: 2 })],
    [/^ovs-appctl_dpctl\.dump-flows_([^-].*)$/, ([, name]) => ({ datapath: fullName(name!), rank: 1 })],
  ],
  ct: [
    [/^ovs-appctl_dpctl\.dump-conntrack_-m_(.+)$/, ([, name]) => ({ datapath: fullName(name!), rank: 2 })],
    [/^ovs-appctl_dpctl\.dump-conntrack_([^-].*)$/, ([, name]) => ({ datapath: fullName(name!), rank: 1 })],
  ],
  of_rules: [
    [
      /^ovs-ofctl_-O_OpenFlow(\d+)_dump-flows_(.+)$/,
      ([, version, name]) => ({ datapath: name!, rank: Number(version) }),
    ],
    [/^ovs-ofctl_dump-flows_(.+)$/, ([, name]) => ({ datapath: name!, rank: 9 })],
    [/^ovs-appctl_bridge\.dump-flows(?:_--offload-stats)?_(.+)$/, ([, name]) => ({ datapath: name!, rank: 1 })],
  ],
};

/** What the name of a file with a text of `table` says. */
export function namedDump(table: string, path: string): NamedDump {
  const name = path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.(?:gz|xz)$/, '')
    .replace(/\.txt$/, '');
  for (const [pattern, read] of PATTERNS[table] ?? []) {
    const found = pattern.exec(name);
    if (found) return read(found);
  }
  return UNNAMED;
}
