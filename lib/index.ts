/** Public API of the package. */
export { CtiError, type ErrorCode } from './errors.js';
export { TRAPS, type TrapKind } from './generated/traps.js';
export { type LinkedProgram, type LinkOptions, link } from './linker/link.js';
export { loadObject } from './loader/load-object.js';
export type { ObjectSpec } from './loader/spec.js';
export * from './runner/program.js';
