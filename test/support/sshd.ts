/**
 * A real sshd of a test's own: a host key, one user's key, a port of 127.0.0.1, all in a scratch directory; the host's own sshd and its configuration
 * are not touched. Needs root and Debian's openssh-server.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childrenOf } from './processes.js';
import { until } from './until.js';

export interface Sshd {
  readonly port: number;
  /** Words of a shell that run a command here as root: `ssh -tt ... root@127.0.0.1`. The command goes behind them. */
  client(...options: string[]): string;
  /** The process of each connection. */
  sessions(): number[];
  /** Processes that a connection started and that still run, whoever their parent is by now. */
  processes(): number[];
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export async function startSshd(): Promise<Sshd> {
  const dir = mkdtempSync(join(tmpdir(), 'cti-sshd-'));
  const key = (name: string): string => {
    const file = join(dir, name);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', file]);
    return file;
  };
  const host = key('host');
  const user = key('user');
  const log = join(dir, 'log');
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }); // sshd wants it, and a machine whose own sshd never ran has none
  const port = await freePort();
  const config = join(dir, 'sshd_config');
  writeFileSync(
    config,
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${host}`,
      `AuthorizedKeysFile ${user}.pub`,
      'PermitRootLogin prohibit-password',
      'PasswordAuthentication no',
      'UsePAM no',
      'StrictModes no', // the scratch directory is below /tmp
      `PidFile ${join(dir, 'pid')}`,
      'AcceptEnv LC_ALL NO_COLOR',
      'PrintMotd no',
      'PrintLastLog no',
      '',
    ].join('\n'),
  );
  const known = join(dir, 'known_hosts');
  writeFileSync(known, `[127.0.0.1]:${port} ${readFileSync(`${host}.pub`, 'utf8')}`);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '/usr/sbin/sshd', '-D', '-f', config, '-E', log], {
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  try {
    await until('sshd to listen', () => {
      const said = readFileSync(log, { encoding: 'utf8', flag: 'a+' });
      if (child.exitCode !== null) throw new Error(`sshd ended with ${child.exitCode}: ${said}`);
      return said.includes('Server listening');
    });
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
  const sessions = () => childrenOf(child.pid!);
  /** What sshd sets for all that it starts; nobody else has this port in it. */
  const mark = new RegExp(`(^|\\0)SSH_CONNECTION=127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${port}(\\0|$)`);
  const processes = () =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return mark.test(readFileSync(`/proc/${pid}/environ`, 'latin1'));
        } catch {
          return false; // it has ended
        }
      });
  return {
    port,
    client: (...options) =>
      [
        ...['ssh', '-F', '/dev/null', '-p', port, '-i', user, '-o', `UserKnownHostsFile=${known}`],
        ...[
          '-o',
          'IdentitiesOnly=yes',
          '-o',
          'BatchMode=yes',
          '-o',
          'SendEnv="LC_ALL NO_COLOR"',
          '-o',
          'LogLevel=ERROR',
        ],
        ...[...options, 'root@127.0.0.1'],
      ].join(' '),
    sessions,
    processes,
    async stop() {
      const last = sessions();
      child.kill('SIGTERM');
      await ended;
      for (const pid of last) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // it has ended
        }
      }
      for (const pid of processes()) process.kill(pid, 'SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
