import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real server that a test started and must stop. */
export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** What it printed so far, for the message of a failing test. */
  output(): string;
  /** Sends a signal without waiting. */
  signal(name: NodeJS.Signals): void;
  /** Ends it (SIGTERM, after 5 s SIGKILL) and removes its directory. */
  stop(): Promise<void>;
}

/** A port of the loopback interface that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') {
    throw new Error('no free port');
  }
  return address.port;
}

/** A new directory below the system's temporary one. */
export async function temporaryDirectory(label: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `oci-package-proxy-${label}-`));
}

/** Starts `command` and waits until `port` takes connections.
 * @throws Error with the program's output when it ends before that or does not listen within 15 s, and with the
 * name of the Debian package to install when the program is not there. */
export async function startServer(options: {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly port: number;
  readonly directory: string;
  readonly debianPackage: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Keep the directory when the server stops, so that it can be started again on it. */
  readonly keepDirectory?: boolean;
}): Promise<RunningServer> {
  const child = spawn(options.command, options.arguments, {
    cwd: options.directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, HOME: options.directory, ...options.environment },
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<string>((resolve) => {
    child.once('error', () => resolve(`${options.command} is not installed: apt-get install ${options.debianPackage}`));
    child.once('exit', (code, signal) => resolve(`${options.command} ended with ${code ?? signal}\n${output}`));
  });
  const trouble = await Promise.race([listening(options.port, 15_000), ended]);
  if (trouble !== null) {
    child.kill('SIGKILL');
    throw new Error(trouble);
  }
  return {
    port: options.port,
    pid: child.pid ?? 0,
    output: () => output,
    signal: (name) => void child.kill(name),
    stop: async () => {
      await stopChild(child);
      if (options.keepDirectory !== true) {
        await rm(options.directory, { recursive: true, force: true });
      }
    },
  };
}

async function listening(port: number, withinMs: number): Promise<string | null> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) {
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return `nothing listens on port ${port} after ${withinMs} ms`;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(timer);
}
