import { readFile, rm } from 'node:fs/promises';

import {
  checkProviderLayout,
  cliConfig,
  type CommandResult,
  httpOciSource,
  type ProviderRelease,
  providerRelease,
  rootModule,
  type RunningRegistry,
  signingKey,
  startDockerRegistry,
  temporaryDirectory,
  type TerraformClient,
  testAuthority,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { lockedProviders } from './lock-file.ts';
import { AVAILABLE, isTofu, type Program, programPath, realProvider } from './terraform-programs.ts';
import { startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

/** Something for the provider to do: a moment that is kept, and one that is computed from it. */
const BODY = 'resource "time_static" "begun" {\n  rfc3339 = "2024-05-06T07:08:09Z"\n}\n\nresource "time_offset" "later" {\n  base_rfc3339 = time_static.begun.rfc3339\n  offset_days  = 7\n}\n\noutput "later" {\n  value = time_offset.later.rfc3339\n}\n';

describe('a real provider for three platforms', () => {
  let directory: string;
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let release: ProviderRelease;
  const locks = new Map<Program, string>();

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-real');
    registry = await startDockerRegistry({ directory });
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages` });
    const key = await signingKey();
    const { type, version, programs } = realProvider();
    const contents = new Map(await Promise.all(Object.entries(programs).map(async ([platform, path]) => [platform, await readFile(path)] as const)));
    release = await providerRelease({ type, version, platforms: [...contents.keys()], key, program: (platform) => contents.get(platform) ?? Buffer.alloc(0) });
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
    const published = await proxy.publishProvider(`acme/${type}/${version}`, release.files);
    expect(published.status, published.text).toBe(201);
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** No client asks a mirror for a host with a port. */
  function source(): string {
    return `localhost/acme/${release.type}`;
  }

  /** What a client says to init, plan and apply, one after the other. */
  async function works(client: TerraformClient, label: string, lock?: string): Promise<{ results: readonly CommandResult[]; cwd: string }> {
    const main = rootModule({ providers: { [release.type]: { source: source(), version: release.version } }, body: BODY });
    const cwd = await client.project(label, { 'main.tf': main, ...(lock !== undefined && { '.terraform.lock.hcl': lock }) });
    const results: CommandResult[] = [];
    for (const command of [['init', ...(lock === undefined ? [] : ['-lockfile=readonly'])], ['plan', '-out=plan'], ['apply', 'plan']]) {
      results.push(await client.run([command[0] ?? '', '-no-color', '-input=false', ...command.slice(1)], { cwd }));
    }
    return { results, cwd };
  }

  function expectApplied(results: readonly CommandResult[]): void {
    const output = results.map((result) => result.output).join('\n');
    expect(results.map(({ code }) => code), output).toEqual([0, 0, 0]);
    expect(output).toContain('2 added, 0 changed, 0 destroyed');
    expect(output).toContain('later = "2024-05-13T07:08:09Z"');
  }

  it.each(AVAILABLE)('is installed, planned with and applied by %s through the registry', async (program) => {
    const client = await proxy.client(`${program} registry`.replaceAll(' ', '-'), programPath(program), cliConfig({ hosts: { localhost: { 'providers.v1': `${proxy.secure}/terraform/providers/v1/` } } }));

    const { results, cwd } = await works(client, 'real');

    expectApplied(results);
    locks.set(program, await client.lock(cwd));
    const { hashes = [] } = lockedProviders(locks.get(program) ?? '')[source()] ?? {};
    expect(hashes).toEqual(expect.arrayContaining(release.archives.map(({ sha256 }) => `zh:${sha256}`)));
  });

  it.each(AVAILABLE)('is by %s through the mirror, with the lock file that it made through the registry', async (program) => {
    const client = await proxy.client(`${program} mirror`.replaceAll(' ', '-'), programPath(program), cliConfig({ installation: [proxy.mirrorMethod()] }));

    const { results } = await works(client, 'real', locks.get(program));

    expectApplied(results);
  });

  it('lies in the registry as OpenTofu wants it', async () => {
    const report = await checkProviderLayout(httpOciSource({ url: registry.url, repository: `packages/terraform/providers/localhost/acme/${release.type}` }));

    expect(report).toEqual({ versions: { [release.version]: release.archives.map(({ platform }) => platform).sort() }, violations: [] });
  });

  describe('with all of our processes stopped', () => {
    let secure: RunningRegistry;
    let caFile: string;
    beforeAll(async () => {
      await proxy.app.stop();
      const authority = await testAuthority(directory);
      ({ caFile } = authority);
      secure = await startDockerRegistry({ directory, readOnly: true, tls: await authority.certificate() });
    });
    afterAll(() => secure?.stop());

    it.each(AVAILABLE.filter(isTofu))('is by %s from the registry itself, with that lock file and without one', async (program) => {
      const template = `127.0.0.1:${secure.port}/packages/terraform/providers/localhost/\${namespace}/\${type}`;
      const plain = await proxy.client(`${program} native`.replaceAll(' ', '-'), programPath(program), cliConfig({ installation: [{ kind: 'oci_mirror', template, include: ['localhost/*/*'] }] }));
      const client: TerraformClient = { ...plain, run: async (parameters, how) => plain.run(parameters, { ...how, environment: { SSL_CERT_FILE: caFile } }) };

      const bare = await works(client, 'bare');
      const locked = await works(client, 'locked', locks.get(program));

      expectApplied(bare.results);
      expectApplied(locked.results);
    });
  });
});
