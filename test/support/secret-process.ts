/** A real process with something in its memory, for what copies other processes' memory. */
import { type ChildProcess, spawn } from 'node:child_process';

/** A process that writes where its memory is, and waits. */
export async function processWithSecret(): Promise<{ child: ChildProcess; address: bigint }> {
  const program = `
import ctypes, sys, time
secret = ctypes.create_string_buffer(b"the secret of a process", 8192)
print(ctypes.addressof(secret), flush=True)
time.sleep(600)`;
  const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise<string>((done) => child.stdout!.once('data', (data) => done(String(data))));
  return { child, address: BigInt(address.trim()) };
}
