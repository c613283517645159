/** Jobs of the addon (native/bind/job.h) as promises that an AbortSignal stops. */
import { CtiError, fromNative } from '../errors.js';

export interface NativeJob<T> {
  readonly promise: Promise<T>;
  cancel(): void;
}

/** What every reading of a table reports: bytes of text read, rows found. At most ten times a second. */
export type OnProgress = (progress: { bytes: number; rows: number }) => void;

export function cancelled(signal: AbortSignal | undefined): CtiError {
  return new CtiError('CANCELLED', 'stopped on request before it was done', { cause: signal?.reason });
}

/** Runs a job to its end. `fail` lets callbacks of the job end it: the first error given to it is what the promise rejects with. */
export async function runJob<T>(
  start: (fail: (error: unknown) => void) => NativeJob<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal?.aborted) throw cancelled(signal);
  let failure: { error: unknown } | undefined;
  const job = start((error) => {
    failure ??= { error };
    job.cancel();
  });
  const cancel = () => job.cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    return await job.promise;
  } catch (error) {
    if (failure) throw failure.error;
    const own = fromNative(error);
    throw own instanceof CtiError && own.code === 'CANCELLED' ? cancelled(signal) : own;
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
