/** The command `ctinspector`: rows of registry.ts made into commander commands; every failure is one sentence and status 2. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';
import { escapeText } from '../escape.js';
import type { Context } from './context.js';
import { OutputClosed, toJson } from './output.js';
import { COMMANDS, type CommandRow, type Options, type Status } from './registry.js';

const HEADER = 'Ask a running Open vSwitch questions its own tools cannot answer.';

const examplesOf = (rows: readonly CommandRow[]): string =>
  `\nExamples:\n${rows.flatMap((row) => row.examples.map((example) => `  # ${example.says}\n  ${example.command}\n`)).join('')}`;

function version(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

/** For scripts that asked for JSON: one line on standard error, like the message for people. */
const errorJson = ({ code, message, details }: CtiError): string =>
  `${toJson({ error: { code, message, ...(details && { details }) } })}\n`;

/** Builds the command tree; `begin` receives the options of the command that runs, `finish` its status. */
function buildProgram(context: Context, begin: (options: Options) => void, finish: (status: Status) => void): Command {
  const program = new Command('ctinspector');
  const outputOf = (words: string) => ({
    writeOut: (text: string) => void context.stdout.write(text),
    writeErr: (text: string) => void context.stderr.write(text),
    outputError: (text: string, write: (text: string) => void) => {
      const sentence = escapeText(text.trimEnd().replaceAll('\n', ' ')).replace(/^error: /, 'ctinspector: ');
      write(`${sentence}${/\(Did you mean/.test(sentence) ? '' : `; \`${words} --help\` has what it takes`}\n`);
    },
  });
  program
    .description(HEADER)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help; `ctinspector COMMAND --help` for more')
    .exitOverride()
    .configureOutput(outputOf('ctinspector'))
    .showSuggestionAfterError(true)
    .addHelpText('after', examplesOf(COMMANDS.slice(0, 2)))
    .addHelpText(
      'after',
      '\nStatus: 0 there are rows, 1 there are none, 2 an error. docs/questions.md has the language of questions.',
    );
  for (const row of COMMANDS) {
    const command = program
      .command(row.name)
      .summary(row.summary)
      .description(row.doc)
      .exitOverride()
      .configureOutput(outputOf(`ctinspector ${row.name}`))
      .helpOption('-h, --help', 'print this help')
      .addHelpText('after', examplesOf([row]));
    for (const arg of row.args) {
      const form = arg.rest || arg.list ? `${arg.name}...` : arg.name;
      command.argument(arg.required ? `<${form}>` : `[${form}]`, arg.doc);
    }
    for (const option of row.options) {
      if (option.repeats) command.option(option.flags, option.doc, collect);
      else command.option(option.flags, option.doc);
    }
    command.action(async (...values: unknown[]) => {
      const args = row.args.flatMap((arg, i) => {
        const value = values[i] as string | string[] | undefined;
        if (!Array.isArray(value)) return [value ?? ''];
        return arg.list ? value : [value.join(' ')];
      });
      const options = values[row.args.length] as Options;
      begin(options);
      if (row.daemon) {
        const { askDaemon, daemonOption } = await import('./ask-daemon.js');
        const how = daemonOption(options);
        if (how === 'snapshot' && !row.takesSnapshot)
          throw new CtiError(
            'INVALID_ARGUMENT',
            `--daemon: ${row.name} is answered by ctinspectord as a whole; snapshot is for query and flows`,
          );
        const [name, ...words] = row.daemon(args) ?? [];
        if (how === 'answer' && name !== undefined) return finish(await askDaemon(context, name, words, options));
      }
      finish(await (await row.load()).run(context, args, options));
    });
  }
  // commander's own prints the help of all, and no sentence, for a command that it does not know.
  program
    .helpCommand(false)
    .command('help')
    .summary('print what a command takes')
    .argument('[command]')
    .action((name?: string) => {
      const found = name === undefined ? program : program.commands.find((command) => command.name() === name);
      if (found) found.outputHelp();
      else program.error(`error: unknown command '${name}'`);
    });
  return program;
}

/** Runs one command line (without node and script) and returns its status. Nothing is thrown. */
export async function runCli(argv: readonly string[], context: Context): Promise<Status> {
  let status: Status = 0;
  let format: Options[string];
  const program = buildProgram(
    context,
    (options) => {
      format = options.format;
    },
    (ended) => {
      status = ended;
    },
  );
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return 2;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (thrown) {
    if (thrown instanceof OutputClosed) return 0;
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2; // commander has said what is wrong
    const error = fromNative(thrown);
    if (error instanceof CtiError && (format === 'json' || format === 'ndjson')) {
      context.stderr.write(errorJson(error));
    } else if (error instanceof CtiError) {
      context.stderr.write(`ctinspector: ${error.message.split('\n').map(escapeText).join('\n')}\n`);
    } else {
      context.stderr.write(
        `ctinspector: a fault of ours, please report it: ${escapeText(String((error as Error)?.stack ?? error)).replaceAll('\\x0a', '\n')}\n`,
      );
    }
    return 2;
  }
}

export async function main(): Promise<void> {
  const abort = new AbortController();
  const stop = (signal: NodeJS.Signals) => {
    if (abort.signal.aborted) process.exit(130); // asked twice
    abort.abort(new CtiError('CANCELLED', `stopped by ${signal} before it was done`));
    // A read of a pipe that nobody writes to cannot be called off. There is nothing to lose here but the cursor.
    setTimeout(() => {
      process.stderr.write(
        `${process.stderr.isTTY ? '\u001b[?25h' : ''}ctinspector: stopped by ${signal} before it was done\n`,
      );
      process.exit(2);
    }, 500).unref();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await runCli(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    env: process.env,
    signal: abort.signal,
  });
}
