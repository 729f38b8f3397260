import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

const RUN_APP = pathToFileURL(join(import.meta.dirname, 'run-app.ts')).href;
const ERRORS = pathToFileURL(join(import.meta.dirname, '../../../errors/src/index.ts')).href;

interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an app in a process of its own; `act` is called when it says that it has started. */
async function run(start: string, act: (child: ChildProcessByStdio<null, Readable, Readable>) => void = () => undefined, closeMs = 10_000): Promise<Outcome> {
  const code = `import { runApp } from ${JSON.stringify(RUN_APP)}; import { ProxyError } from ${JSON.stringify(ERRORS)};
    setInterval(() => undefined, 1000);
    await runApp(async () => { ${start} }, ${closeMs});`;
  const child = spawn(process.execPath, ['--conditions=@oci-package-proxy/source', '--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  child.stdout.once('data', () => act(child));
  const [stdout, stderr, [exitCode, signal]] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { code: exitCode, signal, stdout, stderr };
}

const SAY = 'process.stdout.write("started\\n");';

describe('runApp', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('lets the app end on %s, and exits with 0', async (signal) => {
    const outcome = await run(`${SAY} return { close: async () => { await new Promise((r) => setTimeout(r, 50)); process.stdout.write("closed\\n"); } };`, (child) => child.kill(signal));

    expect(outcome).toEqual({ code: 0, signal: null, stdout: 'started\nclosed\n', stderr: '' });
  });

  it('exits at once on a second signal', async () => {
    const outcome = await run(`${SAY} return { close: async () => { process.stdout.write("closing\\n"); await new Promise(() => undefined); } };`, (child) => {
      child.kill('SIGTERM');
      child.stdout.on('data', () => child.kill('SIGTERM'));
    });

    expect(outcome).toMatchObject({ code: 130, stdout: expect.stringContaining('closing') });
  });

  it.each([
    ['an end that hangs', `${SAY} return { close: async () => new Promise(() => undefined) };`],
    ['a start that hangs', `${SAY} return new Promise(() => undefined);`],
  ])('gives up on %s', async (_what, start) => {
    const outcome = await run(start, (child) => child.kill('SIGTERM'), 200);

    expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('shutdown: Error: not done within 200 ms') });
  });

  it('prints what is wrong with the configuration as plain lines, without a stack', async () => {
    const outcome = await run('throw new ProxyError("config", "The configuration cannot be used:\\n  - PORT: must be a port number");');

    expect(outcome).toEqual({ code: 78, signal: null, stdout: '', stderr: 'The configuration cannot be used:\n  - PORT: must be a port number\n' });
  });

  it.each([
    ['a start that fails', 'throw new Error("broken");', /start or shutdown failed: Error: broken\n\s+at /],
    ['an end that fails', `${SAY} return { close: async () => { throw new Error("broken"); } };`, /start or shutdown failed: Error: broken\n\s+at /],
    ['an error that nobody catches', 'setTimeout(() => { throw new Error("broken"); }, 10); return { close: async () => undefined };', /uncaught exception: Error: broken\n\s+at /],
    ['a rejection that nobody handles', 'void Promise.reject(new Error("broken")); return { close: async () => undefined };', /unhandled rejection: Error: broken\n\s+at /],
  ])('exits with 1 after %s, and says where', async (_what, start, text) => {
    const outcome = await run(start, (child) => child.kill('SIGTERM'));

    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(text);
  });
});
