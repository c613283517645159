/**
 * Kernel functions in TypeScript with the types of their rows: arguments by name, numbers as bigint, buffers that are read as bytes; and for an
 * answer r0, or r0 and bytes for the buffers that are written. A row of schema/kernel-functions/ is the only place where a signature stands.
 *
 *     const functions = handlersOf('ctinspector', {
 *       region_info: async ({ name }, call) => ({ r0: 0n, out: { info: bytes } }),
 *     });
 */
import { SIGNATURES } from '../generated/signatures.js';
import type { Answer, KernelCall, KernelFunctionHandler, Verdict } from '../scheduler/kernel-call.js';

type Signatures = typeof SIGNATURES;
type Set = keyof Signatures;
type NamesOf<Row, Kind> = { [K in keyof Row]: Row[K] extends Kind ? K : never }[keyof Row];

/** What a function of this row gets. */
export type ArgsOf<Row> = { readonly [K in NamesOf<Row, 'number'>]: bigint } & {
  readonly [K in NamesOf<Row, 'in' | 'inout'>]: Uint8Array;
};
/** What it may give back for its buffers. */
export type OutputsOf<Row> = { readonly [K in NamesOf<Row, 'out' | 'inout'>]?: Uint8Array };

/** r0; r0 and outputs; or an answer of the scheduler's. */
export type ResultOf<Row> = bigint | { readonly r0: bigint; readonly out: OutputsOf<Row> } | Verdict;

export type TypedFunction<S extends Set, Name extends keyof Signatures[S]> = (
  args: ArgsOf<Signatures[S][Name]>,
  call: KernelCall,
) => ResultOf<Signatures[S][Name]> | Promise<ResultOf<Signatures[S][Name]>>;

export type TypedFunctions<S extends Set> = { readonly [Name in keyof Signatures[S]]?: TypedFunction<S, Name> };

type AnyResult =
  | bigint
  | { readonly r0: bigint; readonly out: Readonly<Record<string, Uint8Array | undefined>> }
  | Verdict;

/** Bytes for arguments by name, as an answer has them by number. */
function outputsOf(
  kinds: Readonly<Record<string, string>>,
  out: Readonly<Record<string, Uint8Array | undefined>>,
): { arg: number; bytes: Uint8Array }[] {
  return Object.keys(kinds).flatMap((name, arg) => {
    const bytes = out[name];
    return bytes ? [{ arg, bytes }] : [];
  });
}

function verdictOf(kinds: Readonly<Record<string, string>>, result: AnyResult): Verdict {
  if (typeof result === 'bigint') return { kind: 'value', r0: result };
  if ('kind' in result) return result;
  return { kind: 'value', r0: result.r0, outputs: outputsOf(kinds, result.out) } satisfies Answer;
}

/** One function as the scheduler calls it. */
function handlerOf(
  kinds: Readonly<Record<string, string>>,
  fn: (args: never, call: KernelCall) => AnyResult | Promise<AnyResult>,
): KernelFunctionHandler {
  return (call) => {
    const args: Record<string, bigint | Uint8Array> = {};
    for (const [at, [name, kind]] of Object.entries(kinds).entries()) {
      if (kind === 'number') args[name] = call.args[at]!;
      else if (kind !== 'out') args[name] = call.input(at);
    }
    const result = fn(args as never, call);
    return result instanceof Promise ? result.then((value) => verdictOf(kinds, value)) : verdictOf(kinds, result);
  };
}

/** The functions as the scheduler calls them. */
export function handlersOf<S extends Set>(
  set: S,
  functions: TypedFunctions<S>,
): Readonly<Record<string, KernelFunctionHandler>> {
  const rows = SIGNATURES[set] as Readonly<Record<string, Readonly<Record<string, string>>>>;
  return Object.fromEntries(
    Object.entries(functions).map(([name, fn]) => [name, handlerOf(rows[name]!, fn as never)] as const),
  );
}
