/**
 * The keys of ctinspectord's configuration file: one row each. docs/daemon.md is made from the rows, config.ts checks files by them; a new key is
 * a row here and its use.
 */
import { SOURCE_NAMES } from '../sources/registry.js';

export interface KeyRow<T> {
  readonly fallback: T;
  readonly doc: string;
  /** In words, for messages and the page. */
  readonly expected: string;
  /** The value as the daemon uses it, or undefined: it is none. */
  readonly read: (value: unknown) => T | undefined;
  /** As the file writes the fallback. */
  readonly shown: string;
  /** Needs a restart: config/reload says so and keeps the old value. */
  readonly atStart?: true;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds; the file has seconds, or a text with a unit. */
function time(shown: string, min: number, max: number, doc: string): KeyRow<number> {
  const parse = (value: unknown): number | undefined => {
    const [, number = '', unit = 's'] = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)?$/.exec(String(value)) ?? [];
    const result = typeof value === 'number' || typeof value === 'string' ? Number(number) * UNITS[unit]! : Number.NaN;
    return number !== '' && result >= min && result <= max ? Math.round(result) : undefined;
  };
  const expected = `a time from ${min} ms to ${max / 1000} s, in seconds or with a unit: 0.5, 500ms, 30s, 5m, 2h`;
  return { fallback: parse(shown)!, doc, expected, read: parse, shown };
}

function size(shown: string, min: number, max: number, doc: string): KeyRow<number> {
  const parse = (value: unknown): number | undefined => {
    if (typeof value !== 'number' && typeof value !== 'string') return undefined;
    const [, number = '', unit = ''] = /^(\d{1,15})([KMG]?)$/.exec(String(value)) ?? [];
    const bytes = Number(number) * { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }[unit]!;
    return number !== '' && bytes >= min && bytes <= max ? bytes : undefined;
  };
  return {
    fallback: parse(shown)!,
    doc,
    expected: `bytes from ${min} to ${max}: 4096, 64K, 16M or 1G`,
    read: parse,
    shown,
  };
}

function integer(fallback: number, min: number, max: number, doc: string): KeyRow<number> {
  const read = (value: unknown) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined;
  return { fallback, doc, expected: `a whole number from ${min} to ${max}`, read, shown: String(fallback) };
}

function share(fallback: number, doc: string): KeyRow<number> {
  const read = (value: unknown) => (typeof value === 'number' && value > 0 && value <= 1 ? value : undefined);
  return { fallback, doc, expected: 'a number above 0, at most 1', read, shown: String(fallback) };
}

function flag(fallback: boolean, doc: string): KeyRow<boolean> {
  const read = (value: unknown) => (typeof value === 'boolean' ? value : undefined);
  return { fallback, doc, expected: 'true or false', read, shown: String(fallback) };
}

function choice<T extends string>(fallback: T, values: readonly T[], doc: string): KeyRow<T> {
  const read = (value: unknown) => values.find((one) => one === value);
  return { fallback, doc, expected: `one of ${values.join(', ')}`, read, shown: fallback };
}

/** A path, absolute. */
function path(doc: string): KeyRow<string | null> {
  const read = (value: unknown) =>
    value === null ? null : typeof value === 'string' && /^\/[^\0\n]{1,4000}$/.test(value) ? value : undefined;
  return { fallback: null, doc, expected: 'an absolute path, or null', read, shown: 'null' };
}

function name(fallback: string | null, pattern: RegExp, expected: string, doc: string): KeyRow<string | null> {
  const read = (value: unknown) =>
    value === null ? null : typeof value === 'string' && pattern.test(value) ? value : undefined;
  return { fallback, doc, expected: `${expected}, or null`, read, shown: fallback ?? 'null' };
}

function mode(shown: string, doc: string): KeyRow<number> {
  const read = (value: unknown) =>
    typeof value === 'string' && /^0[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined;
  return {
    fallback: read(shown)!,
    doc,
    expected: 'rights in quotes, as chmod has them: "0750"',
    read,
    shown: `"${shown}"`,
  };
}

const atStart = <T>(row: KeyRow<T>): KeyRow<T> => ({ ...row, atStart: true });

const LEVELS = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

export const KEYS = {
  'switch.rundir': path('run directory of ovs-vswitchd; null: $OVS_RUNDIR, else /var/run/openvswitch'),
  'switch.target': name(
    null,
    /^[A-Za-z0-9_./-]{1,200}$/,
    'a name or an absolute path',
    'daemon name or control socket of the switch; null: ovs-vswitchd',
  ),
  'switch.timeout': time('60s', 100, 3_600_000, 'give up on a reading of the switch after this long'),
  'switch.source': choice(
    'auto',
    SOURCE_NAMES,
    'how to get at the switch: memory where it can be proved, else unixctl',
  ),
  'socket.mode': atStart(
    mode('0750', "rights of the control socket and the command line's socket; their owner is who started the daemon"),
  ),
  'collector.external': atStart(
    flag(false, 'the collector is a unit of its own (ctinspectord-collector.service) and not started by ctinspectord'),
  ),
  'collector.page_tables': atStart(
    flag(
      false,
      'the collector keeps CAP_BPF and CAP_PERFMON, to read through page tables by a program in the kernel, which takes less CPU',
    ),
  ),
  'parts.standby': atStart(
    flag(true, 'a second process of each part is loaded and waits to take its place when it ends; some 15 MB each'),
  ),
  'unixctl.clients': integer(512, 1, 4096, 'connections to the control socket at once; more are closed at once'),
  'unixctl.stall_timeout': time(
    '30s',
    100,
    3_600_000,
    'a client that takes nothing of its reply for this long is dropped',
  ),
  'reply.rows': integer(1000, 1, 1_000_000, 'rows of a reply unless limit= or max= says otherwise'),
  'reply.bytes': size('1M', 4096, 16 << 20, 'size of a reply; what is cut off is said'),
  'snapshots.max_age': time('5s', 0, 3_600_000, 'how old a snapshot may be that answers a question without max-age='),
  'snapshots.bytes': size(
    '1G',
    1 << 20,
    2 ** 40,
    'memory of all snapshots together; a question that needs more is refused',
  ),
  'snapshots.keep': time('10s', 0, 3_600_000, 'how long the newest snapshot of a table stays when nobody uses it'),
  'pace.period': time('1s', 0, 3_600_000, 'from the end of one reading of a table to the begin of the next, at least'),
  'pace.share': share(0.1, 'share of the time that readings of a table may take'),
  'questions.at_once': integer(4, 1, 64, 'questions that run at a time'),
  'questions.waiting': integer(512, 0, 100_000, 'questions that wait for their turn; more are refused (BUSY)'),
  'questions.timeout': time('60s', 100, 3_600_000, 'a command that takes longer is stopped'),
  'questions.names': path(
    'file of names that questions may use, as --names takes it; null: none. It is read with the configuration',
  ),
  'programs.at_once': integer(64, 0, 10_000, 'programs that have not ended; more are refused (BUSY)'),
  'programs.memory': size('64M', 1 << 20, 2 ** 36, 'of one program, unless it is loaded with less'),
  'programs.lifetime': time('1h', 1000, 30 * 86_400_000, 'of one program, unless it is loaded with less'),
  'programs.log_bytes': size('64K', 1024, 16 << 20, 'what is kept of what a program prints: the newest'),
  'programs.state': atStart(
    path(
      'directory that keeps images of programs loaded with durable=yes, and the names of the others, beyond the executor and the daemon; null: none. It is of rights.user, and made if its parent is there',
    ),
  ),
  'programs.state_bytes': atStart(
    size(
      '256M',
      1 << 20,
      2 ** 40,
      'of images of durable programs together; one more is refused, and one that grows beyond ends',
    ),
  ),
  'backoff.enabled': flag(true, 'stop reading while the switch loses upcalls or its revalidators run late'),
  'backoff.period': time('10s', 1000, 3_600_000, 'how often the switch is asked how it fares, while it is read'),
  'backoff.lost_upcalls': integer(100, 1, 1_000_000_000, 'upcalls lost between two looks that are too many'),
  'backoff.dump_duration': time('2s', 10, 3_600_000, "a revalidators' round that takes longer is late"),
  'backoff.pause': time('30s', 1000, 3_600_000, 'how long reading stops then'),
  'log.level': choice('info', LEVELS, 'of what is logged, until vlog/set says otherwise'),
  'log.file': atStart(path('log file, JSON lines; null: none. vlog/reopen opens it anew')),
  'log.console': flag(true, 'log to standard error too (journald)'),
  'rights.user': atStart(
    name(
      'nobody',
      NAME,
      'a user',
      'who control and executor run as, where the daemon is started as root; null: they stay root',
    ),
  ),
} as const satisfies Record<string, KeyRow<unknown>>;

export type Key = keyof typeof KEYS;
export type Config = { readonly [K in Key]: (typeof KEYS)[K] extends KeyRow<infer T> ? T : never };

export const DEFAULTS: Config = Object.fromEntries(
  Object.entries(KEYS).map(([key, row]) => [key, row.fallback]),
) as unknown as Config;
