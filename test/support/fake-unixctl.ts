/**
 * A fake control socket, for what a real daemon does not do. It answers the requests of a real client with the bytes a test gives.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface FakeUnixctl {
  readonly path: string;
  readonly rundir: string;
  /** Requests received. */
  readonly requests: { id: number; method: string; params: string[] }[];
  close(): Promise<void>;
}

type Answer = (request: { id: number; method: string; params: string[] }, socket: Socket) => void;

export const result = (id: number, text: string) => JSON.stringify({ id, result: text, error: null });
export const IS_SWITCH = 'ovs-vswitchd (Open vSwitch) 3.1.0\n';

/** Answers `version` as ovs-vswitchd does and all else as `answer` says. */
export const asSwitch =
  (answer: Answer): Answer =>
  (request, socket) => {
    if (request.method === 'version') socket.write(result(request.id, IS_SWITCH));
    else answer(request, socket);
  };

export async function fakeUnixctl(answer: Answer): Promise<FakeUnixctl> {
  const rundir = mkdtempSync(join(tmpdir(), 'cti-fake-'));
  const path = join(rundir, 'fake.ctl');
  const requests: FakeUnixctl['requests'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // the client going away is what many tests are about
    // The client sends one request and waits; each arrives whole, because it is small.
    socket.on('data', (data) => {
      const request = JSON.parse(data.toString());
      requests.push(request);
      answer(request, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    rundir,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(rundir, { recursive: true, force: true });
    },
  };
}
