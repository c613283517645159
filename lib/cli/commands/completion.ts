/** `ctinspector completion SHELL`: scripts made from the rows of the registries. */
import { CtiError } from '../../errors.js';
import { TABLES } from '../../tables/generated/tables.js';
import type { Context } from '../context.js';
import { DAEMON_ROWS, type DaemonRow } from '../daemon-rows.js';
import {
  type ArgumentRow,
  COMMANDS,
  type CommandRow,
  type OptionRow,
  type Options,
  type Status,
  type Words,
} from '../registry.js';

const tables = TABLES.map(({ name }) => name);
const wordsOf = (values: Words | undefined): readonly string[] => (values === 'tables' ? tables : (values ?? []));
const HELP: OptionRow = { flags: '-h, --help', doc: 'print this help' };

/** '-o, --output <file>' in its parts. */
interface Flags {
  readonly short: string | undefined;
  readonly long: string;
  /** Of its value, if it takes one. */
  readonly value: string | undefined;
  readonly isOptional: boolean;
}

function flagsOf(flags: string): Flags {
  const [names = '', value] = flags.split(/ [<[]/);
  const [long = '', short] = names.split(', ').reverse();
  return { short, long, value: value?.slice(0, -1), isOptional: flags.endsWith(']') };
}

/** Rows of the options of one command by what their values are. */
const optionsOf = (row: CommandRow) =>
  [...row.options, HELP].map((option) => ({ ...option, ...flagsOf(option.flags) }));
const isFile = (name: string): boolean => ['file', 'path', 'earlier', 'later'].includes(name);

const keysOf = ({ params }: DaemonRow): readonly string[] =>
  params
    .filter(({ isKey }) => isKey)
    .flatMap(({ name, values }) => values?.map((value) => `${name}=${value}`) ?? [`${name}=`]);
/** Words of a command of the daemon beside its name. */
const daemonWords = (row: DaemonRow): readonly string[] => [
  ...keysOf(row),
  ...(row.params.some(({ name }) => name === 'TABLE') ? tables : []),
];
const daemonRows = (DAEMON_ROWS as readonly DaemonRow[]).map((row) => ({ ...row, words: daemonWords(row) }));

function bash(): string {
  const words = (list: readonly string[]): string => `words="${list.join(' ')}"`;
  const options = COMMANDS.map(
    (row) =>
      `    ${row.name}) ${words([...optionsOf(row).map(({ long }) => long), ...row.args.flatMap(({ values }) => wordsOf(values))])} ;;`,
  );
  // What follows an option is the same for every command, but for --format.
  const values = COMMANDS.flatMap((row) =>
    optionsOf(row)
      .filter(({ value }) => value !== undefined)
      .map(({ short, long, value, values, isOptional }) => {
        const names = `${row.name}\\ ${long}${short ? ` | ${row.name}\\ ${short}` : ''}`;
        if (isOptional) return `    ${names}) words="$words ${wordsOf(values).join(' ')}" ;;`;
        if (value === 'dir') return `    ${names}) COMPREPLY=($(compgen -d -- "$current")); return ;;`;
        return `    ${names}) ${words(wordsOf(values))} ;;`;
      }),
  );
  const rows = daemonRows
    .filter((row) => row.words.length > 0)
    .map((row) => `      ${row.name}) ${words(row.words)} ;;`);
  return `# Completion of ctinspector for bash, made from its registry of commands.
_ctinspector() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} key= words
  # Bash has split KEY=VALUE into three words.
  if [ "$current" = = ]; then key=$previous= current=
  elif [ "$previous" = = ]; then key=\${COMP_WORDS[COMP_CWORD-2]}=; fi
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${COMMANDS.map(({ name }) => name).join(' ')} --help --version" -- "$current"))
    return
  fi
  case $command in
${options.join('\n')}
  esac
  case "$command $previous" in
${values.join('\n')}
  esac
  if [ "$command" = ctl ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="$words ${daemonRows.map(({ name }) => name).join(' ')}"
  elif [ "$command" = ctl ]; then
    case \${COMP_WORDS[2]} in
${rows.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$key$current"))
  if [ "\${#COMPREPLY[@]}" -eq 1 ] && [[ \${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
  COMPREPLY=("\${COMPREPLY[@]#"$key"}")
}
complete -o default -F _ctinspector ctinspector
`;
}

function zsh(): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''");
  const item = (name: string, doc: string): string => `'${name}:${quoted(doc).replaceAll(':', '\\:')}'`;
  const doc = (text: string): string => quoted(text.replaceAll(/[[\]:]/g, '\\$&'));
  /** What completes a value. */
  const action = (name: string, values: Words | undefined): string =>
    values ? `(${wordsOf(values).join(' ')})` : name === 'dir' ? '_files -/' : isFile(name) ? '_files' : '';
  const argument = (row: ArgumentRow, i: number): string =>
    `'${row.list || row.rest ? '*' : `${i + 1}`}:${row.name}:${action(row.name, row.values)}'`;
  const options = COMMANDS.map((row) => {
    const specs = optionsOf(row).map(({ short, long, value, values, isOptional, doc: text, repeats }) => {
      const rest = `[${doc(text)}]${value === undefined ? '' : `${isOptional ? '::' : ':'}${value}:${action(value, values)}`}'`;
      return short ? `{${short},${long}}'${rest}` : `'${repeats ? '*' : ''}${long}${rest}`;
    });
    const args = row.name === 'ctl' ? [] : row.args.map(argument);
    return `    ${row.name}) _arguments ${[...specs, ...args].join(' ')} ;;`;
  });
  const rows = daemonRows
    .filter((row) => row.words.length > 0)
    .map((row) => `      ${row.name}) compadd -- ${row.words.join(' ')} ;;`);
  return `#compdef ctinspector
# Completion of ctinspector for zsh, made from its registry of commands.
_ctinspector() {
  local -a commands rows
  commands=(
${COMMANDS.map(({ name, summary }) => `    ${item(name, summary)}`).join('\n')}
  )
  rows=(
${daemonRows.map((row) => `    ${item(row.name, row.doc.split('. ')[0] ?? '')}`).join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  if [[ $words[2] == ctl && CURRENT -eq 3 ]]; then _describe command rows; return; fi
  if [[ $words[2] == ctl ]]; then
    case $words[3] in
${rows.join('\n')}
    esac
  fi
  shift words; (( CURRENT-- ))
  case $words[1] in
${options.join('\n')}
  esac
}
# Sourced it registers itself; in a directory of $fpath it is called.
if [[ \${funcstack[1]-} == _ctinspector ]]; then _ctinspector "$@"; else compdef _ctinspector ctinspector; fi
`;
}

export async function run(context: Context, args: readonly string[], _options: Options): Promise<Status> {
  const shells: Readonly<Record<string, () => string>> = { bash, zsh };
  const make = shells[args[0] ?? ''];
  if (!make) throw new CtiError('INVALID_ARGUMENT', `completion: expected bash or zsh, received '${args[0] ?? ''}'`);
  context.stdout.write(make());
  return 0;
}
