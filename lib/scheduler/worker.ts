/** The thread of a WorkerExecutor: owns windows, and answers one message after another. */
import { parentPort } from 'node:worker_threads';
import type { Request } from './executor.js';
import { Windows } from './windows.js';

const windows = new Windows();
const port = parentPort;
if (!port) throw new Error('worker.ts is for worker_threads; worker-executor.ts starts it');
port.on('message', (request: Request | 'end') => {
  if (request !== 'end') return port.postMessage(windows.handle(request));
  windows.close();
  process.exit(); // of this thread
});
