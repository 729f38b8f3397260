import { spawn } from 'node:child_process';

/** How a command ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both streams as they came. */
  readonly output: string;
  /** Wall time in ms. */
  readonly elapsedMs: number;
}

/** Runs a real client to its end, whatever its exit code. After `timeoutMs` it is killed (code 137).
 * @throws Error when the program cannot be started. */
export async function runCommand(
  command: string,
  parameters: readonly string[],
  options: { readonly cwd: string; readonly environment?: Readonly<Record<string, string>>; readonly timeoutMs?: number; readonly input?: string },
): Promise<CommandResult> {
  const started = performance.now();
  const child = spawn(command, parameters, {
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.environment },
  });
  // A program may end without reading its input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    output += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 240_000);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit) => resolve(exit ?? 137));
  });
  clearTimeout(timer);
  return { code, stdout, stderr, output, elapsedMs: performance.now() - started };
}
