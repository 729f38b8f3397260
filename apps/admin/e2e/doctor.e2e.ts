import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type CommandResult, runCommand, type RunningRegistry, startDockerRegistry, temporaryDirectory, WORKSPACE_ROOT } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

describe('admin doctor', () => {
  let directory: string;
  let server: RunningRegistry;

  beforeAll(async () => {
    directory = await temporaryDirectory('doctor');
    server = await startDockerRegistry();
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function doctor(storage: string, ...parameters: readonly string[]): Promise<CommandResult> {
    const environment = { DATA_DIR: join(directory, 'data'), DOCKER_CONFIG: directory, SECRET_KEY: '0123456789abcdef0123456789abcdef', STORAGE_URL: storage };
    return runCommand(process.execPath, [join(WORKSPACE_ROOT, 'apps/admin/dist/main.js'), 'doctor', ...parameters], { cwd: directory, environment });
  }

  it('tells an operator what a registry is and does, and what to change, and how far it is', async () => {
    const { code, stdout, stderr, output } = await doctor(`${server.url}/packages`);

    expect(code, output).toBe(0);
    expect(stdout).toMatch(/^The registry at 127\.0\.0\.1:\d+\/packages: looks like distribution 2\.8\n.*deletes nothing/);
    expect(stdout).toMatch(/Could be better:[\s\S]*not met: Deleted versions can be removed\n.*405 UNSUPPORTED\n.*\n {4}do: {4}Set REGISTRY_STORAGE_DELETE_ENABLED=true/);
    expect(stdout).toMatch(/Works:[\s\S]*Retention:[\s\S]*Left behind[\s\S]*packages\/system\/probe: \d+ tags[\s\S]*\nFit to hold packages: 0 requirements not met, \d recommendations\.\n$/);
    expect(stderr).toMatch(/^looking at the connection\n[\s\S]*removing what was written\n/);
  });

  it('tells programs, and writes nothing where it may not', async () => {
    const { code, stdout, output } = await doctor(`${server.url}/untouched`, '--read-only', '--json');

    expect(code, output).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'registry', readOnly: true, fit: true, product: { seen: 'distribution-2' }, leftovers: [] });
    expect(await (await fetch(`${server.url}/v2/_catalog`)).text()).not.toContain('untouched');
  });

  it('fails where a registry is not to be used, and knows a wrong call and configuration', async () => {
    const [gone, wrongCall, wrongUrl] = [await doctor('http://127.0.0.1:1/packages'), await doctor(server.url, '--write'), await doctor('nonsense')];

    expect([gone.code, wrongCall.code, wrongUrl.code]).toEqual([1, 64, 78]);
    expect(gone.stdout).toMatch(/Has to be changed:\n {2}not met: The registry answers\n[\s\S]*Check host and port of STORAGE_URL[\s\S]*NOT FIT/);
    expect(wrongCall.stderr).toMatch(/Usage: doctor \[--read-only\]/);
  });

  it('looks at a directory, and makes none', async () => {
    const missing = await doctor(`layout:${join(directory, 'missing')}`);
    const there = await doctor(`layout:${directory}`);

    expect(missing.code, missing.output).toBe(0);
    expect(missing.stdout).toMatch(/is not there yet: the first start makes it/);
    expect(there.stdout).toMatch(/^The directory .*\n[\s\S]*- Files can be made there, and given a second name\n[\s\S]*it to hold packages: /);
    expect(await readdir(directory)).not.toContain('missing');
  });
});
