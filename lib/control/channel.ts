/**
 * A connected Unix socket that carries frames of bytes with descriptors beside them (native/bind/channel.cc): between the parts of the daemon,
 * and between the command line and the daemon. Frames come whole and in order, or the channel ends.
 */
import { addon } from '../addon.js';
import { fromNative } from '../errors.js';

interface ChannelAddon {
  channelOpen(
    fd: number,
    maxFrame: number,
    callback: (payload: Buffer | null, routeOrReason: number | string, epoch: number, fds: number[]) => void,
  ): object;
  channelSend(handle: object, payload: Uint8Array, route: number, epoch: number, fds: readonly number[]): number;
  channelClose(handle: object): void;
  channelRef(handle: object, isRef: boolean): void;
  socketPair(): [number, number];
  connectUnix(path: string): number;
  dupFd(fd: number): number;
  peerOf(fd: number): { pid: number; uid: number; gid: number };
}

const native = () => addon<ChannelAddon>();

function call<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fromNative(error);
  }
}

/** What goes over a channel at once: payload, and two bytes of whom it is for (lib/daemon/route.ts). */
export interface Frame {
  readonly payload: Uint8Array;
  readonly route: number;
  readonly epoch: number;
  /** Of the sender, who keeps them; the receiver gets its own, which are its to close. */
  readonly fds: readonly number[];
}

export interface ChannelEvents {
  frame(frame: Frame): void;
  /** Once, last. */
  end(reason: string): void;
}

/** Largest payload. Replies are bounded far below (`reply.max_bytes`). */
const MAX_FRAME_BYTES = 64 << 20;

export class Channel {
  readonly #handle: object;
  #ended = false;

  /** Takes over the descriptor. */
  constructor(fd: number, events: ChannelEvents, maxFrameBytes = MAX_FRAME_BYTES) {
    this.#handle = call(() =>
      native().channelOpen(fd, maxFrameBytes, (payload, routeOrReason, epoch, fds) => {
        if (payload) events.frame({ payload, route: routeOrReason as number, epoch, fds });
        else {
          this.#ended = true;
          events.end(routeOrReason as string);
        }
      }),
    );
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that wait to be sent, these included; 0 if the channel has ended and they were dropped. */
  send(payload: Uint8Array, { route = 0, epoch = 0, fds = [] }: Partial<Omit<Frame, 'payload'>> = {}): number {
    return call(() => native().channelSend(this.#handle, payload, route, epoch, fds));
  }

  /** Ends it when what was sent has gone out, or after a second. */
  close(): void {
    native().channelClose(this.#handle);
  }

  /** Whether it keeps the process alive. */
  ref(isRef: boolean): void {
    native().channelRef(this.#handle, isRef);
  }
}

export const socketPair = (): [number, number] => call(() => native().socketPair());
/** NO_DAEMON if nobody listens there. */
export const connectUnix = (path: string): number => call(() => native().connectUnix(path));
export const dupFd = (fd: number): number => call(() => native().dupFd(fd));
export const peerOf = (fd: number): { pid: number; uid: number; gid: number } => call(() => native().peerOf(fd));
