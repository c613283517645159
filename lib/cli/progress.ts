/** A progress line on standard error, only on a terminal and only for what takes over a second. */
import type { Context } from './context.js';

export interface Progress {
  /** Shows `text` and, where the total is known, how far along it is. */
  update(text: string, done?: number, total?: number): void;
  stop(): void;
}

const SILENT: Progress = { update: () => {}, stop: () => {} };

export async function startProgress(context: Context, afterMs = 1000): Promise<Progress> {
  if (!context.stderrIsTerminal) return SILENT;
  const { default: cliProgress } = await import('cli-progress');
  const begin = performance.now();
  const bar = new cliProgress.SingleBar({
    format: '{text} {bar} {percentage}%',
    stream: context.stderr,
    hideCursor: true,
    clearOnComplete: true,
    barsize: 24,
    fps: 8,
  });
  let started = false;
  return {
    update(text, done = 0, total = 0) {
      if (performance.now() - begin < afterMs) return;
      if (!started) {
        started = true;
        bar.start(1, 0, { text });
      }
      bar.setTotal(Math.max(total, 1));
      bar.update(Math.min(done, Math.max(total, 1)), { text });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
