/** Public API of the package. */
export { CtiError, type ErrorCode } from './errors.js';
export { TRAPS, type TrapKind } from './generated/traps.js';
export * from './runner/program.js';
