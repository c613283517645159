/** `ctinspector ctl COMMAND [ARGS]`: a command of ctinspectord, over its framed socket. */
import { CtiError } from '../../errors.js';
import { askDaemon, loadProgram } from '../ask-daemon.js';
import type { Context } from '../context.js';
import { findRow } from '../daemon-rows.js';
import type { Options, Status } from '../registry.js';

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const [command = '', ...words] = args;
  if (!findRow(command))
    throw new CtiError(
      'INVALID_ARGUMENT',
      `ctinspectord has no command '${command}'; ctinspector ctl list-commands has those there are`,
    );
  // A file is opened here; its bytes in base64 are taken as ovs-appctl would send them.
  const last = words.at(-1) ?? '';
  if (command === 'program/load' && /[./]/.test(last) && !last.includes('='))
    return loadProgram(context, words, options);
  return askDaemon(context, command, words, options);
}
