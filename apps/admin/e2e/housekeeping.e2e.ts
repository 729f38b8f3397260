import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { type CommandResult, eventually, freePort, pypiUploadBody, runCommand, type ScriptedServer, startApp, startScriptedServer, temporaryDirectory, wheelFile, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ADMIN = join(WORKSPACE_ROOT, 'apps/admin/dist/main.js');
const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';

let directory: string;
let environment: Readonly<Record<string, string>>;
let copied: string;

beforeAll(async () => {
  directory = await temporaryDirectory('housekeeping');
  copied = `layout:${join(directory, 'copied')}`;
  const storage = `layout:${join(directory, 'packages')}`;
  environment = { DATA_DIR: join(directory, 'data'), DOCKER_CONFIG: directory, SECRET_KEY: '0123456789abcdef0123456789abcdef', STORAGE_URL: storage };
  await publishInto(storage);
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function publishInto(storage: string): Promise<void> {
  const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
  const origin = `http://127.0.0.1:${port}`;
  const ports = { PORT: String(port), METRICS_PORT: String(metrics), TLS_PORT: String(tls) };
  const app = await startApp('standalone', { ...ports, DATA_DIR: join(directory, 'data'), STORAGE_URL: storage, NPM_UPSTREAM_URL: 'off', PYPI_UPSTREAM_URL: 'off', ADMIN_TOKEN }, `${origin}/readyz`);
  try {
    for (const version of ['1.0', '1.1']) {
      const { contentType, body } = pypiUploadBody({ file: wheelFile({ name: 'tool', version }) });
      const answer = await fetch(`${origin}/pypi/legacy/`, { method: 'POST', headers: { 'content-type': contentType, authorization: `Bearer ${ADMIN_TOKEN}` }, body: new Uint8Array(body) });
      expect(answer.status, await answer.text()).toBe(200);
    }
  } finally {
    await app.stop();
  }
}

describe('housekeeping by the admin command', () => {
  async function admin(parameters: readonly string[], storage?: string): Promise<CommandResult> {
    return runCommand(process.execPath, [ADMIN, ...parameters], { cwd: directory, environment: { ...environment, ...(storage !== undefined && { STORAGE_URL: storage }) } });
  }

  it('copies a directory', async () => {
    const { code, stdout, output } = await admin(['copy', copied, '--json']);

    expect(code, output).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ problemCount: 0, problems: [], absent: [] });
  });

  // Starting the program takes longer than what it does here: these two read only, and so run at once.
  it('finds nothing wrong with the copy, and nothing to be removed', async () => {
    const [verified, collected] = await Promise.all([admin(['verify'], copied), admin(['gc', '--dry-run', '--json'], copied)]);

    expect([verified.code, collected.code], verified.output + collected.output).toEqual([0, 0]);
    expect(verified.stdout).toMatch(/: 2 facts, .*\nnothing wrong\n$/);
    expect(JSON.parse(collected.stdout)).toMatchObject({ dryRun: true, damaged: [] });
  });

  it('makes snapshots again', async () => {
    const { code, stdout, output } = await admin(['reindex', 'pypi', 'tool', '--json'], copied);

    expect(code, output).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ packages: 1, unread: 0, failures: [], unknown: [], absent: [] });
  });

  it('fails where files are gone', async () => {
    await rm(join(directory, 'copied/pypi/tool/blobs'), { recursive: true });

    const { code, stdout, output } = await admin(['verify', '--json'], copied);

    expect(code, output).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ problems: expect.arrayContaining([expect.objectContaining({ repository: 'pypi/tool', problem: 'missing' })]) });
  });
});

describe('an interrupted admin command', () => {
  let silent: ScriptedServer;

  beforeAll(async () => {
    silent = await startScriptedServer(() => undefined);
  });
  afterAll(async () => {
    await silent.stop();
  });

  it('ends at once, and says by its exit code why', async () => {
    const child = spawn(process.execPath, [ADMIN, 'verify', '--json'], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment, PATH: process.env['PATH'] ?? '', HOME: directory, STORAGE_URL: `${silent.url}/packages` } });
    const [stdout, stderr, ended] = [text(child.stdout), text(child.stderr), once(child, 'exit')];

    await eventually('the registry is asked', async () => silent.requests.length > 0);
    child.kill('SIGINT');

    expect(await ended, await stderr).toEqual([130, null]);
    expect(JSON.parse((await stderr).split('\n').at(-2) ?? '')).toMatchObject({ code: 'aborted' });
    expect(await stdout).toBe('');
  });
});
