import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { eventually, runCommand } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startStandalone, type Standalone } from './standalone.ts';

/** `npm ci` writes what it installed here; the same tree has the same text. */
async function installedTree(project: string): Promise<string> {
  return readFile(join(project, 'node_modules/.package-lock.json'), 'utf8');
}

async function metric(proxy: Standalone, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${proxy.metrics}/metrics`)).text();
  return text.split('\n').filter((line) => pattern.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('a real project of several hundred packages', () => {
  let proxy: Standalone;

  // No upstream is configured: the default is what the machine's own npm uses.
  beforeAll(async () => {
    proxy = await startStandalone();
  });
  afterAll(() => proxy.stop());

  it('installs cold through the proxy, then from OCI alone with upstream off, restarted, and all caches wiped', async () => {
    const client = await proxy.client('project', null);
    const project = await client.copyFixture('several-hundred', 'project');

    const cold = await client.run(['ci', '--ignore-scripts'], { cwd: project });
    const tree = await installedTree(project);
    await eventually('every file is stored', async () => (await metric(proxy, /^ingest_jobs_pending/)) === 0 && (await metric(proxy, /^ingest_outcomes_total\{.*stored/)) > 400, 120_000);
    proxy = await proxy.restart({ environment: { NPM_UPSTREAM_URL: 'off' } });
    await client.wipeCache();
    await rm(join(project, 'node_modules'), { recursive: true });
    const held = await client.run(['ci', '--ignore-scripts'], { cwd: project });

    expect(cold.code, cold.output).toBe(0);
    expect(held.code, held.output).toBe(0);
    expect(await installedTree(project)).toBe(tree);
    expect((await readdir(join(project, 'node_modules'))).length).toBeGreaterThan(300);
  });

  it('left plain OCI artifacts that skopeo reads', async () => {
    const layout = join(proxy.directory, 'data/oci/npm/lodash');

    const inspected = await runCommand('skopeo', ['inspect', '--raw', `oci:${layout}:4.17.21`], { cwd: proxy.directory });
    const copied = await runCommand('skopeo', ['copy', `oci:${layout}:4.17.21`, `dir:${join(proxy.directory, 'copy')}`], { cwd: proxy.directory });

    expect(inspected.code, inspected.output).toBe(0);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ artifactType: 'application/vnd.oci-package-proxy.npm.version.v1' });
    expect(copied.code, copied.output).toBe(0);
  });

  it('says not found for what upstream does not have, and something else when upstream is off', async () => {
    const client = await proxy.client('seeker', null);

    const missing = await client.run(['view', 'lodash@0.0.0-none']);

    expect(missing.output).toMatch(/E404|No match/);
  });
});
