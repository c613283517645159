/** `ctinspector disasm FILE`: the instructions of a raw eBPF program. */
import { readFile } from 'node:fs/promises';
import { CtiError, fileError } from '../../errors.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../../generated/kernel-functions.js';
import { Program } from '../../runner/program.js';
import type { Context } from '../context.js';
import type { Options, Status } from '../registry.js';

const MAX_BYTES = 8 * 1_048_576;

async function readProgram(file: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    if (file !== '-') return await readFile(file);
    for await (const chunk of process.stdin) {
      chunks.push(chunk as Buffer);
      size += (chunk as Buffer).length;
      if (size > MAX_BYTES) break; // Program.load says what is too large
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw fileError(file === '-' ? 'standard input' : file, error as Error, '; expected a file of 8-byte eBPF slots');
  }
}

export async function run(context: Context, args: readonly string[], options: Options): Promise<Status> {
  const set = options.kernelFunctions ?? 'ctinspector';
  if (typeof set !== 'string' || !Object.hasOwn(KERNEL_FUNCTIONS, set)) {
    throw new CtiError(
      'INVALID_ARGUMENT',
      `--kernel-functions: expected ${Object.keys(KERNEL_FUNCTIONS).join(', ')}, received '${String(set)}'`,
    );
  }
  const file = args[0] ?? '';
  const code = await readProgram(file);
  try {
    const program = Program.load({ code, kernelFunctions: set as KernelFunctionSet });
    context.stdout.write(program.disassemble().trimEnd().concat('\n'));
    return 0;
  } catch (error) {
    if (error instanceof CtiError) throw new CtiError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
