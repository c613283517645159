/** The commands that the supervisor answers: those of the daemon as a whole. */
import { boundedListing, cellOf } from '../cli/bounded-text.js';
import { timeArg } from '../cli/daemon-args.js';
import type { NamesOf } from '../cli/daemon-rows.js';
import { bytesText, ms } from '../cli/figures.js';
import type { Listing } from '../cli/output.js';
import { CtiError } from '../errors.js';
import { KEYS, type Key, type KeyRow } from './config-keys.js';
import { pssOf } from './own-facts.js';
import type { CommandCall, CommandReply } from './parts.js';
import type { Supervisor } from './supervisor.js';

/** Its answer is empty; `afterwards` when it is on its way. */
interface Last {
  readonly afterwards: () => void;
}
type Given = string | Listing | Last;
type Run = (supervisor: Supervisor, args: CommandCall['args'], signal: AbortSignal) => Given | Promise<Given>;

function shownValue(key: Key, value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return String(value);
  if (key === 'socket.mode') return `0${(value as number).toString(8)}`;
  const { expected } = KEYS[key] as KeyRow<unknown>;
  return expected.startsWith('a time')
    ? `${value} ms`
    : expected.startsWith('bytes')
      ? `${value} bytes`
      : String(value);
}

const COMMANDS: { readonly [N in NamesOf<'supervisor'>]: Run } = {
  'vlog/list': ({ log }) => log.list(),
  'vlog/set': ({ log }, { SPEC = '' }) => {
    log.set(SPEC);
    return '';
  },
  'vlog/reopen': ({ log }) => {
    log.reopen();
    return '';
  },
  'vlog/close': ({ log }) => {
    log.close();
    return '';
  },
  'coverage/show': async (supervisor) => {
    const rows = (await supervisor.facts()).flatMap(({ part, facts }) =>
      Object.entries(facts?.counters ?? {})
        .sort()
        .map(([name, n]) => [cellOf(part), cellOf(name), cellOf(n)]),
    );
    const seconds = Math.round((Date.now() - supervisor.startedMs) / 1000);
    return {
      columns: [{ name: 'part' }, { name: 'event' }, { name: 'count', align: 'right' }],
      rows,
      footer: [`since the part started; ctinspectord runs for ${seconds} s`],
      facts: { seconds },
    };
  },
  'memory/show': async (supervisor, { collect }) => {
    const all = await supervisor.facts(collect === 'yes');
    const states = supervisor.parts;
    const rows = all.map(({ part, facts }) => {
      const restarts = part === 'supervisor' ? 0 : states[part].restarts;
      const {
        pid = null,
        rssBytes = null,
        pssBytes = null,
        heapBytes = null,
        externalBytes = null,
        fds = null,
        threads = null,
        cpuMs = null,
      } = facts ?? {};
      return [
        part,
        pid,
        rssBytes,
        pssBytes,
        heapBytes,
        externalBytes,
        fds,
        threads,
        cpuMs === null ? null : Math.round(cpuMs),
        restarts,
      ].map(cellOf);
    });
    // They do nothing yet: what they hold is all there is to say of them.
    const standbys = supervisor.standbys.map(({ part, pid }) => ({ part, pid, pss: pssOf(pid) }));
    for (const { part, pid, pss } of standbys)
      rows.push([`${part} standby`, pid, null, pss, null, null, null, null, null, null].map(cellOf));
    const known = [...all.map(({ facts }) => facts?.pssBytes ?? null), ...standbys.map((one) => one.pss ?? 0)];
    const sum = known.includes(null) ? null : known.reduce<number>((a, b) => a + (b ?? 0), 0);
    const hidden = standbys.some((one) => one.pss === null) ? ', without the standbys, of which it is not visible' : '';
    return {
      columns: ['part', 'pid', 'rss', 'pss', 'heap', 'external', 'fds', 'threads', 'cpu_ms', 'restarts'].map(
        (name, i) => ({ name, align: i === 0 ? ('left' as const) : ('right' as const) }),
      ),
      rows,
      footer: [
        `bytes; sum of pss: ${sum === null ? 'not visible' : bytesText(sum)}${hidden}. cost/show and snapshot/list have the snapshots.`,
      ],
      facts: { pssBytes: sum },
    };
  },
  exit: (supervisor) => ({ afterwards: () => void supervisor.stop('exit was asked for') }),
  'config/show': ({ config, options }) => ({
    columns: [{ name: 'key' }, { name: 'value' }, { name: 'by default' }],
    rows: (Object.keys(KEYS) as Key[]).map((key) => [
      cellOf(key),
      { text: shownValue(key, config[key]), json: config[key] },
      { text: shownValue(key, KEYS[key].fallback), json: KEYS[key].fallback },
    ]),
    footer: [options.configFile === null ? 'no configuration file' : `from ${options.configFile}`],
    facts: { file: options.configFile },
  }),
  'config/reload': async (supervisor) => {
    const kept = await supervisor.reload();
    return kept.length === 0
      ? 'the configuration is in force\n'
      : `the configuration is in force, but for what needs a restart: ${kept.join(', ')}\n`;
  },
  'limits/show': async (supervisor, _args, signal) => {
    const { config } = supervisor;
    const used = await Promise.all(
      (['collector', 'executor', 'control'] as const).map(async (part) => {
        try {
          return (await supervisor.ask(part, 'usage', null, AbortSignal.any([signal, AbortSignal.timeout(5000)])))
            .data as Record<string, number>;
        } catch {
          return {};
        }
      }),
    );
    const all: Record<string, number> = Object.assign({}, ...used);
    const keys: readonly Key[] = [
      'snapshots.bytes',
      'questions.at_once',
      'questions.waiting',
      'programs.at_once',
      'unixctl.clients',
    ];
    const bounds: readonly Key[] = [
      'reply.rows',
      'reply.bytes',
      'questions.timeout',
      'programs.memory',
      'programs.lifetime',
      'pace.period',
      'pace.share',
    ];
    return {
      columns: [{ name: 'limit' }, { name: 'used', align: 'right' }, { name: 'at most', align: 'right' }],
      rows: [
        ...keys.map((key) => [
          cellOf(key),
          cellOf(all[key] ?? null),
          { text: shownValue(key, config[key]), json: config[key] },
        ]),
        ...bounds.map((key) => [
          cellOf(key),
          { text: '', json: null },
          { text: shownValue(key, config[key]), json: config[key] },
        ]),
      ],
      footer: [
        supervisor.pause ? `reading is paused: ${supervisor.pause.reason}` : 'reading is not paused',
        `runs on CPUs ${supervisor.cpus.now.join(',')} out of ${supervisor.cpus.started.join(',')}`,
      ],
      facts: { pause: supervisor.pause, cpus: supervisor.cpus.now },
    };
  },
  pause: (supervisor, { SECONDS }) => {
    const length = SECONDS === undefined ? null : timeArg(SECONDS, 0);
    if (length !== null && (length < 1 || length > 7 * 86_400_000))
      throw new CtiError(
        'INVALID_ARGUMENT',
        `pause: SECONDS: expected more than 0 and at most a week, received '${SECONDS}'`,
      );
    supervisor.pauseReading({ until: length === null ? null : Date.now() + length, reason: 'someone asked for it' });
    return length === null ? 'reading is paused until resume\n' : `reading is paused for ${ms(length)}\n`;
  },
  resume: (supervisor) =>
    supervisor.resume('resume was asked for') ? 'reading goes on\n' : 'reading was not paused\n',
};

export async function runSupervisorCommand(
  supervisor: Supervisor,
  { name, args, format }: CommandCall,
  signal: AbortSignal,
): Promise<{ readonly data: CommandReply; readonly afterwards?: () => void }> {
  if (!Object.hasOwn(COMMANDS, name)) throw new CtiError('INTERNAL', `the supervisor has no command ${name}`);
  const given = await COMMANDS[name as keyof typeof COMMANDS](supervisor, args, signal);
  if (typeof given === 'string') return { data: { body: given, isJson: false } };
  if ('afterwards' in given) return { data: { body: '', isJson: false }, ...given };
  const bounds = { rows: 10_000, bytes: supervisor.config['reply.bytes'], more: 'nothing' };
  return { data: await boundedListing(given, format, bounds) };
}
