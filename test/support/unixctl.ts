/** Many commands over one connection to a daemon's control socket: ovs-appctl would start a process for each. */
import { connect, type Socket } from 'node:net';

export class Unixctl {
  private buffer = '';
  private next = 0;
  private readonly waiting = new Map<number, (reply: { result: string | null; error: string | null }) => void>();

  private constructor(private readonly socket: Socket) {
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.buffer += text;
      this.take();
    });
  }

  static open(path: string): Promise<Unixctl> {
    return new Promise((resolve, reject) => {
      const socket = connect(path, () => resolve(new Unixctl(socket)));
      socket.once('error', reject);
    });
  }

  /** The reply's text, or what the daemon says is wrong. */
  call(method: string, ...params: string[]): Promise<{ result: string | null; error: string | null }> {
    const id = this.next++;
    this.socket.write(JSON.stringify({ id, method, params }));
    return new Promise((resolve) => this.waiting.set(id, resolve));
  }

  close(): void {
    this.socket.destroy();
  }

  /** Replies stand one behind the other: an object ends at the brace that closes it. */
  private take(): void {
    let depth = 0;
    let inString = false;
    let from = 0;
    for (let i = 0; i < this.buffer.length; i++) {
      const c = this.buffer[i];
      if (inString) {
        if (c === '\\') i++;
        else if (c === '"') inString = false;
      } else if (c === '"') inString = true;
      else if (c === '{') depth++;
      else if (c === '}' && --depth === 0) {
        const reply = JSON.parse(this.buffer.slice(from, i + 1)) as { id: number; result: string; error: string };
        from = i + 1;
        this.waiting.get(reply.id)?.(reply);
        this.waiting.delete(reply.id);
      }
    }
    this.buffer = this.buffer.slice(from);
  }
}
