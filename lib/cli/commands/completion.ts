/** `ctinspector completion SHELL`: scripts made from the rows of the registries. */
import { CtiError } from '../../errors.js';
import { TABLES } from '../../tables/generated/tables.js';
import type { Context } from '../context.js';
import { DAEMON_ROWS, type DaemonRow } from '../daemon-rows.js';
import { COMMANDS, type Options, type Status } from '../registry.js';

const longOf = (flags: string): string => /--[a-z-]+/.exec(flags)?.[0] ?? '';
const optionsOf = (name: string): string =>
  [...(COMMANDS.find((row) => row.name === name)?.options ?? []).map(({ flags }) => longOf(flags)), '--help'].join(' ');
const keysOf = ({ params }: DaemonRow): string =>
  params
    .filter(({ isKey }) => isKey)
    .flatMap(({ name, values }) => values?.map((value) => `${name}=${value}`) ?? [`${name}=`])
    .join(' ');
const tables = TABLES.map(({ name }) => name).join(' ');
const names = COMMANDS.map(({ name }) => name).join(' ');
const daemonNames = DAEMON_ROWS.map(({ name }) => name).join(' ');
const takesTable = (row: DaemonRow): boolean => row.params.some(({ name }) => name === 'TABLE');

function bash(): string {
  const options = COMMANDS.map(({ name }) => `    ${name}) words="${optionsOf(name)}" ;;`);
  const rows = (DAEMON_ROWS as readonly DaemonRow[])
    .map((row) => [row.name, `${keysOf(row)}${takesTable(row) ? ` ${tables}` : ''}`.trim()])
    .filter(([, words]) => words !== '')
    .map(([name, words]) => `      ${name}) words="${words}" ;;`);
  return `# Completion of ctinspector for bash, made from its registry of commands.
_ctinspector() {
  local current=\${COMP_WORDS[COMP_CWORD]} command=\${COMP_WORDS[1]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names} --help --version" -- "$current"))
    return
  fi
  case $command in
${options.join('\n')}
  esac
  if [ "$command" = tables ]; then words="$words ${tables}"; fi
  if [ "$command" = ctl ] && [ "$COMP_CWORD" -eq 2 ]; then
    words="$words ${daemonNames}"
  elif [ "$command" = ctl ]; then
    case \${COMP_WORDS[2]} in
${rows.join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _ctinspector ctinspector
`;
}

function zsh(): string {
  const quoted = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(':', '\\:');
  const commands = COMMANDS.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`);
  const rows = DAEMON_ROWS.map(({ name, doc }) => `    '${name}:${quoted(doc.split('. ')[0] ?? '')}'`);
  const options = COMMANDS.map(({ name }) => `    ${name}) compadd -- ${optionsOf(name)} ;;`);
  return `#compdef ctinspector
# Completion of ctinspector for zsh, made from its registry of commands.
_ctinspector() {
  local -a commands rows
  commands=(
${commands.join('\n')}
  )
  rows=(
${rows.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  if [[ $words[2] == ctl && CURRENT -eq 3 ]]; then _describe command rows; return; fi
  if [[ $words[2] == tables ]]; then compadd -- ${tables}; fi
  case $words[2] in
${options.join('\n')}
  esac
}
compdef _ctinspector ctinspector
`;
}

export async function run(context: Context, args: readonly string[], _options: Options): Promise<Status> {
  const shells: Readonly<Record<string, () => string>> = { bash, zsh };
  const make = shells[args[0] ?? ''];
  if (!make) throw new CtiError('INVALID_ARGUMENT', `completion: expected bash or zsh, received '${args[0] ?? ''}'`);
  context.stdout.write(make());
  return 0;
}
