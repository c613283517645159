/**
 * The log, in OVS's terms: a level a module and facility (`vlog/list`, `vlog/set`), in pino's form: a JSON object a line. All parts log through
 * the supervisor, which has the only descriptor of the file, so that `vlog/reopen` is one act.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { CtiError } from '../errors.js';
import { escapeText } from '../escape.js';

export const LEVELS = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof LEVELS)[number];
export const MODULES = [
  'supervisor',
  'parts',
  'config',
  'unixctl',
  'socket',
  'collector',
  'executor',
  'programs',
] as const;
export const FACILITIES = ['console', 'syslog', 'file'] as const;
type Facility = (typeof FACILITIES)[number];

const PINO: Readonly<Record<Exclude<Level, 'off'>, 'fatal' | 'error' | 'warn' | 'info' | 'debug'>> = {
  emer: 'fatal',
  err: 'error',
  warn: 'warn',
  info: 'info',
  dbg: 'debug',
};

const isOneOf = <T extends string>(values: readonly T[], text: string): text is T =>
  (values as readonly string[]).includes(text);

interface Change {
  modules: readonly string[];
  facilities: readonly Facility[];
  level: Level;
}

/** One word of vlog/set: module, facility and level in any order, each at most once, `ANY` or absent for all; no level is dbg. */
function parseSpec(word: string): Change {
  const change: { modules?: readonly string[]; facilities?: readonly Facility[]; level?: Level } = {};
  for (const part of word.split(':')) {
    const text = part.toLowerCase();
    if (text === 'any' || text === '') continue;
    if (isOneOf(LEVELS, text)) change.level = text;
    else if (isOneOf(FACILITIES, text)) change.facilities = [text];
    else if (isOneOf(MODULES, text)) change.modules = [text];
    else
      throw new CtiError(
        'INVALID_ARGUMENT',
        `vlog/set: '${part}' of '${word}' is no module (${MODULES.join(', ')}), facility (${FACILITIES.join(', ')}) or level (${LEVELS.join(', ')})`,
      );
  }
  const { level = 'dbg', modules = MODULES, facilities } = change;
  if (facilities?.[0] === 'syslog' && level !== 'off')
    throw new CtiError(
      'INVALID_ARGUMENT',
      'vlog/set: there is no syslog here; journald takes what goes to the console',
    );
  return { level, modules, facilities: facilities ?? ['console', 'file'] };
}

type LogStream = DestinationStream & { reopen(): void; flushSync(): void; end(): void };

export interface LogOptions {
  readonly file: string | null;
  readonly console: boolean;
  readonly level: Level;
}

export class Log {
  readonly #levels = new Map<string, Record<Facility, Level>>();
  readonly #console: Logger;
  readonly #path: string | null;
  #file: { readonly logger: Logger; readonly stream: LogStream } | undefined;
  /** Lines that could not be written. */
  nLost = 0;

  constructor({ file, console, level }: LogOptions) {
    this.#path = file;
    this.#console = pino(OPTIONS, this.#stream(2));
    for (const module of MODULES)
      this.#levels.set(module, { console: console ? level : 'off', syslog: 'off', file: level });
    this.reopen();
  }

  #stream(dest: number | string) {
    // Synchronous: a line is out before what it tells of can end us.
    const stream = destination({ dest, sync: true, append: true });
    stream.on('error', () => {
      this.nLost++;
    });
    return stream;
  }

  /** `level` of all modules, as the configuration says. */
  setAll(level: Level, console: boolean): void {
    for (const levels of this.#levels.values())
      Object.assign(levels, { console: console ? level : 'off', file: level });
  }

  set(spec: string): void {
    const words = spec.split(/[\s,]+/).filter((word) => word !== '');
    const changes = (words.length === 0 ? ['any:any:dbg'] : words).map(parseSpec);
    for (const { modules, facilities, level } of changes)
      for (const module of modules) for (const facility of facilities) this.#levels.get(module)![facility] = level;
  }

  list(): string {
    const row = (cells: readonly string[]) =>
      cells
        .map((text, i) => (i === 0 ? text.padEnd(16) : text.padStart(10)))
        .join('')
        .trimEnd();
    const lines = [...this.#levels].map(([module, levels]) =>
      row([module, ...FACILITIES.map((one) => levels[one].toUpperCase())]),
    );
    return `${[row(['', ...FACILITIES]), ...lines].join('\n')}\n`;
  }

  /** Opens the file anew: its old name may have been given to another. SYSTEM if that fails. Without a file there is nothing to do. */
  reopen(): void {
    if (this.#path === null) return;
    this.close();
    try {
      const stream = this.#stream(this.#path) as unknown as LogStream;
      this.#file = { logger: pino(OPTIONS, stream), stream };
    } catch (error) {
      throw new CtiError('SYSTEM', `the log file ${this.#path} cannot be opened: ${(error as Error).message}`);
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = undefined;
    try {
      file?.stream.flushSync();
      file?.stream.end();
    } catch {
      this.nLost++;
    }
  }

  write(level: Level, module: string, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    if (level === 'off') return;
    const levels = this.#levels.get(module) ?? this.#levels.get('supervisor')!;
    const rank = LEVELS.indexOf(level);
    const line = { module, ...facts };
    const text = escapeText(message.length > 4000 ? `${message.slice(0, 4000)}...` : message);
    if (rank <= LEVELS.indexOf(levels.console)) this.#console[PINO[level]](line, text);
    if (rank <= LEVELS.indexOf(levels.file)) this.#file?.logger[PINO[level]](line, text);
  }
}

const OPTIONS = {
  level: 'debug',
  base: { name: 'ctinspectord' },
  timestamp: () => `,"time":"${new Date().toISOString()}"`,
  formatters: { level: (label: string) => ({ level: label }) },
};
