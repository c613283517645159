/** Public API of the package. */
export { CtiError, type ErrorCode } from './errors.js';
