import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

/** The root of the checkout that the tests run in. */
export const WORKSPACE_ROOT: string = join(import.meta.dirname, '../../..');

/** One of this project's apps, running as a user would run it. */
export interface RunningApp {
  readonly pid: number;
  /** Everything it printed so far, the last 200 kB of it. */
  output(): string;
  signal(name: NodeJS.Signals): void;
  /** Sends `name` (SIGTERM by default) and waits for the end. @returns the exit code, or the signal's name. */
  stop(name?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** Resident memory in bytes, as the kernel counts it now. */
  residentBytes(): Promise<number>;
  /** Resolves with the exit code or the signal when the process ends, however it ends. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

/** Starts `apps/<name>/dist/main.js` with exactly `environment` (and PATH), and waits until it answers `readyUrl`.
 * @throws Error with its output when it ends first or is not ready within 60 s: machines may be busy. */
export async function startApp(name: string, environment: Readonly<Record<string, string>>, readyUrl: string): Promise<RunningApp> {
  const child = spawn(process.execPath, [join(WORKSPACE_ROOT, 'apps', name, 'dist/main.js')], {
    cwd: WORKSPACE_ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      output = `${output}${line}\n`.slice(-200_000);
    });
  }
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'));
  });
  const app: RunningApp = {
    pid: child.pid ?? 0,
    output: () => output,
    signal: (signal) => void child.kill(signal),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
    residentBytes: async () => residentBytes(child.pid ?? 0),
    ended,
  };
  const early = ended.then((how) => `${name} ended with ${how} before it was ready`);
  const trouble = await Promise.race([answers(readyUrl, 60_000), early]);
  if (trouble !== null) {
    child.kill('SIGKILL');
    throw new Error(`${trouble}\n${output}`);
  }
  return app;
}

async function answers(url: string, withinMs: number): Promise<string | null> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    const answer = await fetch(url).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok === true) {
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return `${url} did not answer within ${withinMs} ms`;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
