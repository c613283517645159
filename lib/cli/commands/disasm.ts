/** `ctinspector disasm FILE`: the instructions of a raw eBPF program, or of an object file with its functions and source lines. */
import { readFile } from 'node:fs/promises';
import { CtiError, fileError } from '../../errors.js';
import { escapeText } from '../../escape.js';
import { KERNEL_FUNCTIONS, type KernelFunctionSet } from '../../generated/kernel-functions.js';
import type { DebugTable } from '../../linker/debug-table.js';
import { link } from '../../linker/link.js';
import { loadObject } from '../../loader/load-object.js';
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

const isElf = (bytes: Uint8Array): boolean =>
  Buffer.from(bytes.subarray(0, 4)).equals(Buffer.from('\x7fELF', 'latin1'));

/** A disassembly, one line a slot, with a line above where a function begins and where the source line changes. */
function annotated(disassembly: string, debug: DebugTable): string {
  let lastFunction: string | undefined;
  let lastPlace: string | undefined;
  let text = '';
  for (const [pc, line] of disassembly.trimEnd().split('\n').entries()) {
    const name = debug.functionAt(pc);
    if (name !== lastFunction) text += `${pc === 0 ? '' : '\n'}${escapeText(name ?? '?')}:\n`;
    lastFunction = name;
    const source = debug.locate(pc);
    const place = source && `${source.file}:${source.line}`;
    if (place && place !== lastPlace) text += `; ${escapeText(place)}\n`;
    lastPlace = place ?? lastPlace;
    text += `${line}\n`;
  }
  return text;
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
  const kernelFunctions = set as KernelFunctionSet;
  if (isElf(code)) {
    const object = loadObject(code, file);
    const globals = object.symbols.filter(
      ({ binding, kind, place }) => binding !== 'local' && kind === 'function' && place === 'section',
    );
    // Where it starts does not show here, so any function will do; without one the linker says what is missing.
    const entry = (globals.find(({ name }) => name === 'vm_main') ?? globals[0])?.name;
    const linked = link([object], { kernelFunctions, ...(entry === undefined ? {} : { entry }) });
    context.stdout.write(annotated(Program.load(linked.spec).disassemble(), linked.debug));
    return 0;
  }
  try {
    const program = Program.load({ code, kernelFunctions });
    context.stdout.write(program.disassemble().trimEnd().concat('\n'));
    return 0;
  } catch (error) {
    if (error instanceof CtiError) throw new CtiError(error.code, `${file}: ${error.message}`, { cause: error });
    throw error;
  }
}
