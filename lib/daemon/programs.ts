/**
 * Programs that were loaded into the daemon: on a scheduler with threads of its own, over the collector's snapshots, each with a budget and a log. Those
 * that are durable have images in a journal (remote-journal.ts) and go on from there when this process is another; of the others the names are kept, so
 * that it can be said which are lost.
 */
import { fstat, read, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { cellOf } from '../cli/bounded-text.js';
import { timeArg } from '../cli/daemon-args.js';
import { parseSize } from '../cli/numbers.js';
import type { Listing } from '../cli/output.js';
import { CtiError } from '../errors.js';
import { mapperFunctions, upstreamMapperFunctions } from '../kernel-functions/mapper.js';
import { link } from '../linker/link.js';
import { loadObject } from '../loader/load-object.js';
import { MemoryMapper } from '../mapper/mapper.js';
import { type Held, SnapshotStore } from '../mapper/snapshot-store.js';
import { tableMapping } from '../mapper/table-mapping.js';
import type { Output } from '../runner/program.js';
import { Scheduler } from '../scheduler/scheduler.js';
import type { Task, TaskEnd } from '../scheduler/task.js';
import { TABLES } from '../tables/generated/tables.js';
import type { Executor } from './executor.js';
import { RemoteJournal } from './remote-journal.js';

const MAX_OBJECT_BYTES = 32 << 20;
const DEFAULT_FUEL = 1_000_000_000n;
/** Programs that have ended and are still shown. */
const MAX_ENDED = 100;
/** Lost programs that are still named. */
const MAX_LOST = 100;

export interface LostProgram {
  readonly id: string;
  readonly name: string;
  readonly reason: string;
}

interface Loaded {
  readonly task: Task;
  log: string;
  nDropped: number;
  nRecords: number;
}

function endText(task: Task, end: TaskEnd | undefined): string {
  if (!end) return `${task.id} has not ended: it is ${task.state}`;
  switch (end.kind) {
    case 'exited':
      return `exited, result ${end.r0}`;
    case 'trapped':
      return `trapped: ${end.trap} at pc ${end.pc}${end.address === undefined ? '' : `, address 0x${end.address.toString(16)}`}`;
    case 'budget':
      return `ended: it used up ${end.of === 'program' ? 'its' : "its lineage's"} ${end.resource}`;
    case 'failed':
      return `failed: ${end.error.message}`;
    case 'killed':
      return `killed: ${end.reason}`;
    case 'not_started':
      return `not started: ${end.reason}`;
    default:
      return end.kind;
  }
}

export class Programs {
  readonly #executor: Executor;
  readonly #loaded = new Map<string, Loaded>();
  #host: { readonly scheduler: Scheduler; readonly store: SnapshotStore } | undefined;

  readonly #journal: RemoteJournal;
  #lost: readonly LostProgram[] = [];
  #recovering: Promise<void> | undefined;
  #fault: CtiError | undefined;

  constructor(executor: Executor) {
    this.#executor = executor;
    this.#journal = new RemoteJournal(
      async (method, data) => (await executor.part.ask('control', method, data, { repeats: true })).data,
    );
  }

  /** Looks for what the executor before left. */
  begin(): void {
    void this.#recover().catch(() => {}); // said in the log, by program/list, and to who wants a durable one
  }

  /** When what was under way before is here again, or cannot be. */
  async settled(): Promise<void> {
    await this.#recovering?.catch(() => {});
  }

  controlEnded(): void {
    this.#journal.noteAgain();
  }

  /** Programs of the executor before that have ended with it. */
  get lost(): readonly LostProgram[] {
    return this.#lost;
  }

  /** Why programs of before, if there are any, are not here, a sentence. */
  get faults(): readonly string[] {
    return this.#fault ? [`programs of before were not looked for: ${this.#fault.message}`] : [];
  }

  /** Rejects as Journal.open() throws; asked again, it tries again. */
  #recover(): Promise<void> {
    if (this.#journal.isOpen) return Promise.resolve();
    this.#recovering ??= this.#recoverNow().finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  async #recoverNow(): Promise<void> {
    const { part } = this.#executor;
    try {
      await this.#journal.open();
    } catch (error) {
      this.#fault = error as CtiError;
      part.log('err', 'programs', this.faults[0]!);
      throw error;
    }
    this.#fault = undefined;
    const { durable, lost: gone } = this.#journal.recovered;
    if (durable.length + gone.length === 0) return;
    this.#host ??= this.#makeHost();
    const { tasks, lost } = this.#host.scheduler.recover({
      onOutput: (output, task) => {
        const loaded = this.#loaded.get(task.id);
        if (loaded) take(loaded, output, part.config['programs.log_bytes']);
      },
    });
    for (const task of tasks) {
      this.#enter({ task, log: '', nDropped: 0, nRecords: 0 });
      part.log('info', 'programs', `${task.name} (${task.id}) goes on from its last image`);
    }
    this.#lost = [...this.#lost, ...lost].slice(-MAX_LOST);
    for (const { name, id, reason } of lost) part.log('warn', 'programs', `${name} (${id}) is lost: ${reason}`);
  }

  #enter(loaded: Loaded): void {
    const { task } = loaded;
    this.#loaded.set(task.id, loaded);
    const ended = [...this.#loaded.values()].filter((one) => one.task.end);
    for (const one of ended.slice(0, Math.max(0, ended.length - MAX_ENDED))) this.#loaded.delete(one.task.id);
    void task.done.then((end) =>
      this.#executor.part.log('info', 'programs', `${task.name} (${task.id}): ${endText(task, end)}`),
    );
  }

  get nLive(): number {
    return [...this.#loaded.values()].filter(({ task }) => !task.end).length;
  }

  list(): { readonly task: Task; readonly logBytes: number }[] {
    return [...this.#loaded.values()].map(({ task, log }) => ({ task, logBytes: log.length }));
  }

  /** By its id, or the first digits of it. */
  find(id: string): Loaded {
    const exact = this.#loaded.get(id);
    if (exact) return exact;
    const found = /^[0-9a-f]{4,32}$/.test(id)
      ? [...this.#loaded.values()].filter(({ task }) => task.id.startsWith(id))
      : [];
    if (found.length === 1) return found[0]!;
    const lost = id.length >= 4 ? this.#lost.find((one) => one.id.startsWith(id)) : undefined;
    if (found.length === 0 && lost)
      throw new CtiError('INVALID_ARGUMENT', `${lost.name} (${lost.id}) is lost: ${lost.reason}; load it again`);
    throw new CtiError(
      'INVALID_ARGUMENT',
      found.length > 1
        ? `${found.length} programs begin with '${id}'`
        : `there is no program '${id}' here; program/list has those there are`,
    );
  }

  /** Throws CtiError OBJECT_MALFORMED, LINK, PROGRAM_MALFORMED, BUSY, INVALID_ARGUMENT. */
  async load(args: Readonly<Record<string, string>>, fds: readonly number[], signal: AbortSignal): Promise<Task> {
    const { config } = this.#executor.part;
    const limit = config['programs.at_once'];
    if (this.nLive >= limit)
      throw new CtiError(
        'BUSY',
        `${this.nLive} programs run or wait (programs.at_once is ${limit}); end one with program/kill`,
      );
    const durable = args.durable === 'yes';
    if (durable && config['programs.state'] === null)
      throw new CtiError(
        'INVALID_ARGUMENT',
        'program/load: durable=yes: there is no directory for its images; name one in the configuration (programs.state) and restart ctinspectord',
      );
    if (durable) await this.#recover();
    const content = await contentOf(args.CONTENT, fds);
    const { spec } = link([loadObject(content, args.name ?? 'program')]);
    const numbers = args.args === undefined ? [] : args.args.split(',').map(argument);
    if (numbers.length > 5)
      throw new CtiError(
        'INVALID_ARGUMENT',
        `program/load: args: expected at most five numbers, received ${numbers.length}`,
      );
    const memory =
      args.memory === undefined
        ? config['programs.memory']
        : Math.min(parseSize('memory', args.memory), config['programs.memory']);
    const lifetimeMs = Math.min(timeArg(args.lifetime, config['programs.lifetime']), config['programs.lifetime']);
    const keep = config['programs.log_bytes'];
    let loaded: Loaded | undefined;
    const early: Output[] = [];
    const onOutput = (output: readonly Output[]) => {
      if (!loaded) early.push(...output);
      else take(loaded, output, keep);
    };
    this.#host ??= this.#makeHost();
    const { scheduler, store } = this.#host;
    const opens = (spec.imports ?? []).some(({ name }) => name === 'table_open');
    const held = await this.#tables(store, opens ? tablesOf(args.tables) : [], signal);
    const release = () => {
      for (const one of held) one.release();
    };
    let task: Task;
    try {
      task = scheduler.submit(spec, {
        name: args.name ?? 'program',
        args: numbers,
        durable,
        tables: held.map(({ snapshot }) => tableMapping(snapshot)),
        budget: {
          fuel: args.fuel === undefined ? DEFAULT_FUEL : BigInt(args.fuel),
          memory,
          forks: 0,
          lifetimeNs: BigInt(Math.max(1, Math.round(lifetimeMs))) * 1_000_000n,
        },
        onOutput,
      });
    } catch (error) {
      release();
      throw error;
    }
    void task.done.then(release);
    const kept = durable ? this.#journal.firstKept(task.id) : undefined;
    loaded = { task, log: '', nDropped: 0, nRecords: 0 };
    take(loaded, early, keep);
    this.#enter(loaded);
    this.#executor.part.log('info', 'programs', `${task.name} was loaded as ${task.id}`);
    // Who is told its id may rely on it: then it is on disk.
    if (kept) await Promise.race([kept, task.done]);
    return task;
  }

  async wait(id: string, timeoutMs: number, signal: AbortSignal): Promise<string> {
    const { task } = this.find(id);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
      signal.addEventListener('abort', () => resolve(undefined), { once: true });
    });
    const end = await Promise.race([task.done, late]);
    clearTimeout(timer);
    return endText(task, end);
  }

  log(id: string): string {
    const { log, nDropped, nRecords, task } = this.find(id);
    const lines = [
      ...(nDropped > 0 ? [`(${nDropped} characters before this are not kept)`] : []),
      log.trimEnd(),
      ...(nRecords > 0 ? [`(${nRecords} records emitted)`] : []),
    ].filter((line) => line !== '');
    return lines.length === 0 ? `${task.name} has printed nothing\n` : `${lines.join('\n')}\n`;
  }

  show(id: string): Listing {
    const { task, log, nRecords } = this.find(id);
    const { budgetLeft: left } = task;
    const facts: readonly [string, string | number | bigint | null][] = [
      ['id', task.id],
      ['name', task.name],
      ['state', task.state],
      ['end', task.end ? endText(task, task.end) : null],
      [
        'waits for',
        task.wait
          ? JSON.stringify(task.wait, (_key, value) => (typeof value === 'bigint' ? String(value) : value))
          : null,
      ],
      ['pc', task.pc ?? null],
      ['durable', task.durable ? 'yes' : 'no'],
      ['priority', task.priority],
      ['fuel used', task.fuelUsed],
      ['fuel left', left.fuel],
      ['memory', task.memory],
      ['printed characters', log.length],
      ['records', nRecords],
    ];
    return {
      columns: [{ name: 'fact' }, { name: 'value' }],
      rows: facts.filter(([, value]) => value !== null).map(([name, value]) => [cellOf(name), cellOf(value)]),
      footer: [],
      facts: { id: task.id },
    };
  }

  /** What a program finds with table_open, read before it starts. */
  async #tables(store: SnapshotStore, names: readonly string[], signal: AbortSignal): Promise<Held[]> {
    const held: Held[] = [];
    try {
      for (const name of names)
        held.push(await store.get(name, this.#executor.part.config['snapshots.max_age'], signal));
      return held;
    } catch (error) {
      for (const one of held) one.release();
      throw error;
    }
  }

  /** Made when the first program comes: its threads and the mapper cost memory. */
  #makeHost(): { readonly scheduler: Scheduler; readonly store: SnapshotStore } {
    const { part } = this.#executor;
    const capture = async (table: string, signal: AbortSignal) =>
      (await this.#executor.snapshot(table, part.config['snapshots.max_age'], signal)).snapshot;
    // The collector shares, paces and bounds; this one keeps nothing that no program holds.
    const store = new SnapshotStore({
      tables: Object.fromEntries(TABLES.map(({ name }) => [name, capture])),
      limitBytes: part.config['snapshots.bytes'],
      keepMs: 1,
      pace: { minPauseMs: 0, factor: 0 },
    });
    const mapper = new MemoryMapper({ node: 'local://ctinspectord', store });
    const onProblem = (call: { name: string }, error: CtiError) =>
      part.log('warn', 'programs', `${call.name}: ${error.message}`);
    const scheduler = new Scheduler({
      workers: 1,
      mapper,
      journal: this.#journal,
      functions: {
        ctinspector: mapperFunctions({ mapper, onProblem }),
        upstream: upstreamMapperFunctions({ mapper, onProblem }),
      },
    });
    return { scheduler, store };
  }
}

function take(loaded: Loaded, output: readonly Output[], keep: number): void {
  for (const piece of output) {
    if (piece.kind === 'record') loaded.nRecords++;
    else loaded.log += piece.text;
  }
  const over = loaded.log.length - keep;
  if (over <= 0) return;
  loaded.nDropped += over;
  loaded.log = loaded.log.slice(over);
}

/** dp_flows unless told. */
function tablesOf(given = 'dp_flows'): string[] {
  const names = [...new Set(given.split(','))];
  const unknown = names.find((name) => !TABLES.some((table) => table.name === name));
  if (unknown !== undefined)
    throw new CtiError(
      'INVALID_ARGUMENT',
      `program/load: tables: expected names out of ${TABLES.map(({ name }) => name).join(', ')}, received '${unknown}'`,
    );
  return names;
}

function argument(word: string): bigint {
  if (!/^-?(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(word))
    throw new CtiError(
      'INVALID_ARGUMENT',
      `program/load: args: expected a number such as 7, -1 or 0xff, received '${word}'`,
    );
  const value = BigInt(word.replace('-', ''));
  return BigInt.asUintN(64, word.startsWith('-') ? -value : value);
}

const refuse = (what: string): never => {
  throw new CtiError('INVALID_ARGUMENT', `program/load: ${what}`);
};

/** What a descriptor is, where it is not a file. */
function kindOf(about: Stats): string {
  if (about.isFIFO()) return 'a FIFO or pipe';
  if (about.isSocket()) return 'a socket';
  if (about.isDirectory()) return 'a directory';
  return 'a device or something else that has no size';
}

/** The bytes of a file or memfd, off this thread: a slow disk keeps nobody else waiting, and what never ends is not read at all. */
async function contentOfFd(fd: number): Promise<Uint8Array> {
  const about = await promisify(fstat)(fd);
  if (!about.isFile())
    refuse(`expected the descriptor of a file or memfd but received one of ${kindOf(about)}; write it to a file first`);
  const { size } = about;
  if (size < 1 || size > MAX_OBJECT_BYTES)
    refuse(`expected an object file of 1 to ${MAX_OBJECT_BYTES} bytes but received one of ${size}`);
  const bytes = Buffer.alloc(size);
  let at = 0;
  try {
    while (at < size) {
      const { bytesRead } = await promisify(read)(fd, bytes, at, size - at, at);
      if (bytesRead === 0) break; // it has been cut since
      at += bytesRead;
    }
  } catch (error) {
    refuse(`the descriptor cannot be read: ${(error as Error).message}`);
  }
  return bytes.subarray(0, at);
}

/** The object file: of a descriptor, or of base64. No name of a file is ever opened. */
async function contentOf(base64: string | undefined, fds: readonly number[]): Promise<Uint8Array> {
  const [fd] = fds;
  if (fd !== undefined) {
    if (fds.length > 1) refuse(`expected one descriptor but received ${fds.length}`);
    if (base64 !== undefined) refuse('expected a descriptor or content in base64 but received both');
    return contentOfFd(fd);
  }
  const text = base64 ?? '';
  if (text.length < 8 || text.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(text))
    refuse(
      "expected the object file's bytes in base64 (base64 -w0 x.o) but received something else; names of files are not taken",
    );
  return Buffer.from(text, 'base64');
}
