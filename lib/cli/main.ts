/** The command `ctinspector`: rows of registry.ts made into commander commands; every failure is one sentence and status 2. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { packageRoot } from '../addon.js';
import { CtiError, fromNative } from '../errors.js';
import { escapeText } from '../escape.js';
import type { Context } from './context.js';
import { OutputClosed } from './output.js';
import { COMMANDS, type CommandRow, type Options, type Status } from './registry.js';

const HEADER = 'Ask a running Open vSwitch questions its own tools cannot answer.';

const examplesOf = (rows: readonly CommandRow[]): string =>
  `\nExamples:\n${rows.flatMap((row) => row.examples.map((example) => `  # ${example.says}\n  ${example.command}\n`)).join('')}`;

function version(): string {
  const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  return manifest.version;
}

/** Builds the command tree; `finish` receives the status of the command that ran. */
export function buildProgram(context: Context, finish: (status: Status) => void): Command {
  const program = new Command('ctinspector');
  const output = {
    writeOut: (text: string) => void context.stdout.write(text),
    writeErr: (text: string) => void context.stderr.write(text),
    outputError: (text: string, write: (text: string) => void) =>
      write(
        escapeText(text.trimEnd())
          .replace(/^error: /, 'ctinspector: ')
          .concat('\n'),
      ),
  };
  program
    .description(HEADER)
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help; `ctinspector COMMAND --help` for more')
    .exitOverride()
    .configureOutput(output)
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
      .configureOutput(output)
      .helpOption('-h, --help', 'print this help')
      .addHelpText('after', examplesOf([row]));
    for (const arg of row.args) {
      const form = arg.rest ? `${arg.name}...` : arg.name;
      command.argument(arg.required ? `<${form}>` : `[${form}]`, arg.doc);
    }
    for (const option of row.options) command.option(option.flags, option.doc);
    command.action(async (...values: unknown[]) => {
      const args = values
        .slice(0, row.args.length)
        .map((value) => (Array.isArray(value) ? value.join(' ') : ((value as string | undefined) ?? '')));
      const options = values[row.args.length] as Options;
      finish(await (await row.load()).run(context, args, options));
    });
  }
  return program;
}

/** Runs one command line (without node and script) and returns its status. Nothing is thrown. */
export async function runCli(argv: readonly string[], context: Context): Promise<Status> {
  let status: Status = 0;
  const program = buildProgram(context, (ended) => {
    status = ended;
  });
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
    if (error instanceof CtiError) {
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
