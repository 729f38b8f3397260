import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { type CommandResult, eventually, freePort, pypiUploadBody, runCommand, type RunningApp, startApp, temporaryDirectory, wheelFile, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ADMIN_TOKEN = 'e2e-admin-token-0123456789abcdef';
/** How long a list of tags may be believed by a process that nobody tells of changes, in milliseconds. */
const LIST_MS = 35_000;

interface File {
  readonly filename: string;
  readonly yanked: boolean | string;
}

describe('the admin command on the data of a running standalone proxy', () => {
  let directory: string;
  let origin: string;
  let app: RunningApp;

  beforeAll(async () => {
    directory = await temporaryDirectory('admin');
    const [port, metrics, tls] = await Promise.all([freePort(), freePort(), freePort()]);
    origin = `http://127.0.0.1:${port}`;
    const ports = { PORT: String(port), METRICS_PORT: String(metrics), TLS_PORT: String(tls) };
    app = await startApp('standalone', { ...ports, DATA_DIR: join(directory, 'data'), NPM_UPSTREAM_URL: 'off', PYPI_UPSTREAM_URL: 'off', ADMIN_TOKEN }, `${origin}/readyz`);
    for (const version of ['1.0', '1.1']) {
      const { contentType, body } = pypiUploadBody({ file: wheelFile({ name: 'tool', version }) });
      const answer = await fetch(`${origin}/pypi/legacy/`, { method: 'POST', headers: { 'content-type': contentType, authorization: `Bearer ${ADMIN_TOKEN}` }, body: new Uint8Array(body) });
      expect(answer.status, await answer.text()).toBe(200);
    }
  });
  afterAll(async () => {
    await app.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function admin(parameters: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
    return runCommand(process.execPath, [join(WORKSPACE_ROOT, 'apps/admin/dist/main.js'), ...parameters], { cwd: directory, environment: { DATA_DIR: join(directory, 'data'), ...environment } });
  }

  async function files(): Promise<readonly File[]> {
    const answer = await fetch(`${origin}/pypi/simple/tool/`, { headers: { accept: 'application/vnd.pypi.simple.v1+json' } });
    return ((await answer.json()) as { files: File[] }).files;
  }

  it('says how it is called, with the exit code for a wrong call', async () => {
    const nothing = await admin([]);
    const wrong = await admin(['pypi', 'yank', 'tool']);

    expect([nothing.code, wrong.code]).toEqual([64, 64]);
    expect(nothing.stderr).toMatch(/npm run admin -- <command>[\s\S]*pypi yank <project>[\s\S]*pypi status <project>/);
    expect(wrong.stderr).toMatch(/yank <project>/);
    expect(nothing.stdout + wrong.stdout).toBe('');
  });

  it('yanks, and the running proxy shows it', async () => {
    const yanked = await admin(['pypi', 'yank', 'Tool', '1.0.0', '--reason', 'broken on Tuesdays', '--json']);

    expect(yanked.code, yanked.output).toBe(0);
    expect(JSON.parse(yanked.stdout)).toMatchObject({ name: 'tool', yanked: 'broken on Tuesdays', changed: true });
    await eventually('the yank is shown', async () => (await files()).some(({ yanked: reason }) => reason === 'broken on Tuesdays'), LIST_MS);
    expect((await files()).map(({ filename, yanked: reason }) => [filename, reason])).toEqual([
      ['tool-1.0-py3-none-any.whl', 'broken on Tuesdays'],
      ['tool-1.1-py3-none-any.whl', false],
    ]);
  });

  it('shows a project for people and for programs', async () => {
    const text = await admin(['pypi', 'show', 'tool']);
    const json = await admin(['pypi', 'show', 'tool', '--json']);

    expect(text.stdout).toMatch(/broken on Tuesdays/);
    expect(JSON.parse(json.stdout)).toMatchObject({ name: 'tool', origin: 'published' });
  });

  it('deletes for good, and says what failed with an exit code of its own', async () => {
    const deleted = await admin(['pypi', 'delete', 'tool', '--version', '1.0']);
    const missing = await admin(['pypi', 'delete', 'nothing-of-that-name', '--all', '--json']);

    expect(deleted.code, deleted.output).toBe(0);
    expect(missing.code).toBe(1);
    expect(JSON.parse(missing.stderr)).toMatchObject({ code: 'not-found' });
    await eventually('the file is gone', async () => (await files()).length === 1, LIST_MS);
    expect((await fetch(`${origin}/pypi/files/tool/tool-1.0-py3-none-any.whl`)).status).toBe(404);
  });

  it('names what is wrong with the configuration, and makes nothing where there is nothing', async () => {
    const elsewhere = join(directory, 'elsewhere');

    const wrong = await admin(['pypi', 'show', 'tool'], { STORAGE_URL: 'nonsense' });
    const empty = await admin(['pypi', 'show', 'tool'], { DATA_DIR: elsewhere });

    expect([wrong.code, empty.code]).toEqual([78, 1]);
    expect(wrong.stderr).toContain('STORAGE_URL');
    await expect(stat(elsewhere)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
