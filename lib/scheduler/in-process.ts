/** Programs on the control thread itself: a stop costs no message, so a kernel function in TypeScript is answered in microseconds. */
import type { Executor, Reply, Request } from './executor.js';
import { Windows } from './windows.js';

export class InProcessExecutor implements Executor {
  readonly name = 'in process';
  readonly depth = 1;
  onDeath: Executor['onDeath'];
  readonly #windows = new Windows();

  request(request: Request): Reply {
    return this.#windows.handle(request);
  }

  async close(): Promise<void> {
    this.#windows.close();
  }
}
