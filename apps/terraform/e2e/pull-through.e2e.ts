import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import {
  checkModuleLayout,
  checkProviderLayout,
  cliConfig,
  type CommandResult,
  eventually,
  httpOciSource,
  moduleArchive,
  type ProviderRelease,
  providerRelease,
  rootModule,
  type RunningRegistry,
  signingKey,
  startDockerRegistry,
  startTerraformUpstream,
  temporaryDirectory,
  type TerraformClient,
  type TerraformUpstream,
  testAuthority,
  type TestKey,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { defaultHost } from './default-host.ts';
import { lockedProviders } from './lock-file.ts';
import { OWN_PLATFORM, PLATFORMS } from './own-platform.ts';
import { UPSTREAM_HOST, upstreamConfigFile } from './terraform-config-file.ts';
import { AVAILABLE, isTofu, type Program, programPath } from './terraform-programs.ts';
import { startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

const MODULE_FILES = { 'main.tf': 'output "whole" {\n  value = "whole"\n}\n', 'modules/sub/main.tf': 'output "name" {\n  value = "sub"\n}\n' };
const COMMIT = '0123456789abcdef0123456789abcdef01234567';
const TRUST = '-----BEGIN PGP SIGNATURE-----\n\nnobody checks it here\n-----END PGP SIGNATURE-----\n';
/** Clients give up a document after this. */
const CLIENT_PATIENCE_MS = 10_000;

describe('what another registry has, through us', () => {
  let directory: string;
  let upstream: TerraformUpstream;
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let key: TestKey;
  const releases = new Map<string, ProviderRelease>();
  /** The host of short addresses. */
  const defaults = new Map<Program, string>();

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-pull');
    upstream = await startTerraformUpstream();
    registry = await startDockerRegistry({ directory });
    key = await signingKey();
    for (const program of AVAILABLE) {
      defaults.set(program, await defaultHost(program));
    }
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages`, CONFIG_FILE: await upstreamConfigFile(directory, upstream, [...new Set(defaults.values())]) });
    for (const type of ['demo', 'other', 'trusted', ...AVAILABLE.map((program) => `by-${slug(program)}`)]) {
      await put(type, ['1.0.0']);
    }
    upstream.putCommit('acme/terraform-aws-network', COMMIT, MODULE_FILES);
    upstream.putModule({
      namespace: 'acme',
      name: 'network',
      system: 'aws',
      versions: [
        { version: '1.0.0', at: { archive: moduleArchive({ files: MODULE_FILES, format: 'tar.gz' }) } },
        { version: '1.1.0', at: { repository: 'acme/terraform-aws-network', ref: COMMIT } },
      ],
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
    await upstream?.close();
    await rm(directory, { recursive: true, force: true });
  });

  function slug(program: Program): string {
    return program.replaceAll(/[ .]/g, '-');
  }

  /** Replaces what upstream has of a provider. */
  async function put(type: string, versions: readonly string[]): Promise<void> {
    const all = await Promise.all(versions.map(async (version) => providerRelease({ type, version, platforms: PLATFORMS, key, protocols: ['5.0', '6.0'] })));
    for (const release of all) {
      releases.set(`${type} ${release.version}`, release);
    }
    upstream.put({ namespace: 'acme', type, releases: all, warnings: [`${type} is kept by nobody`], source: 'Acme', ...(type === 'trusted' && { trustSignature: TRUST }) });
  }

  /** A client that knows our upstream routes as the services of the other host, or our mirror alone. */
  async function client(program: Program, label: string, how: 'override' | 'mirror'): Promise<TerraformClient> {
    const base = `${proxy.secure}/terraform/upstream/${UPSTREAM_HOST}`;
    const override = { hosts: { [UPSTREAM_HOST]: { 'providers.v1': `${base}/providers/v1/`, 'modules.v1': `${base}/modules/v1/` } } };
    return proxy.client(`${slug(program)}-${label}`, programPath(program), cliConfig(how === 'override' ? override : { installation: [proxy.mirrorMethod()] }));
  }

  const needs = (type: string, version?: string): string => rootModule({ providers: { [type]: { source: `${UPSTREAM_HOST}/acme/${type}`, ...(version !== undefined && { version }) } } });
  const modules = rootModule({
    modules: {
      archived: { source: `${UPSTREAM_HOST}/acme/network/aws`, version: '1.0.0' },
      forged: { source: `${UPSTREAM_HOST}/acme/network/aws`, version: '1.1.0' },
      part: { source: `${UPSTREAM_HOST}/acme/network/aws//modules/sub`, version: '~> 1.0' },
    },
    body: 'output "names" {\n  value = [module.archived.whole, module.forged.whole, module.part.name]\n}\n',
  });

  async function init(used: TerraformClient, label: string, main: string, parameters: readonly string[] = []): Promise<CommandResult & { readonly cwd: string }> {
    const cwd = await used.project(label, { 'main.tf': main });
    return { ...(await used.run(['init', '-no-color', ...parameters], { cwd })), cwd };
  }

  function zips(type: string): number {
    return upstream.requests.filter((path) => path.includes(`/${type}/`) && path.endsWith('.zip')).length;
  }

  async function isStored(type: string, version: string, platform: string, host = UPSTREAM_HOST): Promise<boolean> {
    const address = `${registry.url}/v2/packages/terraform/providers/${host}/acme/${type}/manifests/${version}`;
    const answer = await fetch(address, { headers: { accept: 'application/vnd.oci.image.index.v1+json' } });
    const { manifests = [] } = answer.ok ? ((await answer.json()) as { manifests?: { platform?: { os: string; architecture: string } }[] }) : {};
    return manifests.some((one) => `${one.platform?.os}_${one.platform?.architecture}` === platform);
  }

  it.each(AVAILABLE)('%s installs a provider through the override, with upstream\'s signature and all hashes of its release', async (program) => {
    const type = `by-${slug(program)}`;
    const used = await client(program, 'override', 'override');

    const cold = await init(used, 'cold', needs(type));
    const warm = await init(used, 'warm', needs(type));

    expect(cold.code, cold.output).toBe(0);
    expect(cold.output).toContain(key.keyId);
    expect(cold.output.replaceAll(/\s+│?\s*/g, ' ')).toContain('is kept by nobody');
    expect(warm.code, warm.output).toBe(0);
    const { hashes = [] } = lockedProviders(await used.lock(cold.cwd))[`${UPSTREAM_HOST}/acme/${type}`] ?? {};
    const release = releases.get(`${type} 1.0.0`);
    expect(hashes).toEqual(expect.arrayContaining([...(release?.archives ?? []), release?.manifest].map((file) => `zh:${file?.sha256}`)));
    expect(zips(type)).toBe(1);
  });

  it.each(AVAILABLE)('%s installs a provider through the mirror, and again from that lock file', async (program) => {
    const used = await client(program, 'mirror', 'mirror');

    const first = await init(used, 'mirror', needs('demo'));
    await used.forget(first.cwd);
    const again = await used.run(['init', '-no-color', '-lockfile=readonly'], { cwd: first.cwd });
    const locked = await used.run(['providers', 'lock', `-net-mirror=${proxy.mirror}`, ...PLATFORMS.map((platform) => `-platform=${platform}`)], { cwd: first.cwd });

    expect(first.code, first.output).toBe(0);
    expect(again.code, again.output).toBe(0);
    expect(locked.code, locked.output).toBe(0);
    expect(zips('demo')).toBe(PLATFORMS.length);
  });

  it.each(AVAILABLE)('%s installs modules from an archive and from a forge, and parts of them', async (program) => {
    const used = await client(program, 'modules', 'override');

    const installed = await init(used, 'modules', modules);
    const planned = await used.run(['plan', '-no-color'], { cwd: installed.cwd });

    expect(installed.code, installed.output).toBe(0);
    expect(planned.output).toMatch(/"whole",\s*\+? *"whole",\s*\+? *"sub",/);
    expect(upstream.requests.filter((path) => path.includes('/archive/') || path.includes('/module-archives/'))).toHaveLength(2);
  });

  it.each(AVAILABLE)('%s installs by a short address, as most people write them', async (program) => {
    const host = defaults.get(program) ?? '';
    const services = { 'providers.v1': `${proxy.secure}/terraform/upstream/${host}/providers/v1/` };
    const used = await proxy.client(`${slug(program)}-short`, programPath(program), cliConfig({ hosts: { [host]: services } }));
    const main = rootModule({ providers: { demo: { source: 'acme/demo' } } });

    const cwd = await used.project('short', { 'main.tf': main });
    const locked = await used.run(['providers', 'lock', ...PLATFORMS.map((platform) => `-platform=${platform}`)], { cwd });
    await eventually('three platforms are stored', async () => (await Promise.all(PLATFORMS.map(async (platform) => isStored('demo', '1.0.0', platform, host)))).every(Boolean), 60_000);
    const installed = await init(used, 'short', main);

    expect(locked.code, locked.output).toBe(0);
    expect(installed.code, installed.output).toBe(0);
    const { hashes = [] } = lockedProviders(await used.lock(installed.cwd))[`${host}/acme/demo`] ?? {};
    const { archives = [] } = releases.get('demo 1.0.0') ?? {};
    // OpenTofu from 1.12 on has them all from one answer, for the registry that it trusts without a signature.
    const expected = archives.filter(({ platform }) => program === 'tofu 1.12' || platform === OWN_PLATFORM).map(({ h1 }) => h1);
    expect(hashes.filter((hash) => hash.startsWith('h1:')).sort()).toEqual(expected.sort());
    expect(hashes).toEqual(expect.arrayContaining(archives.map(({ sha256 }) => `zh:${sha256}`)));
  });

  it('passes on what upstream\'s registry says of a key', async () => {
    const document = (await (await fetch(`${proxy.origin}/terraform/upstream/${UPSTREAM_HOST}/providers/v1/acme/trusted/1.0.0/download/linux/amd64`)).json()) as Record<string, unknown>;

    expect(document).toMatchObject({ protocols: ['5.0', '6.0'], signing_keys: { gpg_public_keys: [{ key_id: key.keyId, trust_signature: TRUST, source: 'Acme' }] } });
  });

  it('asks upstream for nothing of what is private', async () => {
    const before = upstream.requests.length;

    const answer = await fetch(`${proxy.origin}/terraform/upstream/${UPSTREAM_HOST}/providers/v1/secret/demo/versions`);

    expect(answer.status).toBe(404);
    expect(upstream.requests).toHaveLength(before);
  });

  it('has a new version at once where somebody asks for it, and in the list when it is asked for anew', async () => {
    const base = `${proxy.origin}/terraform/upstream/${UPSTREAM_HOST}/providers/v1/acme/other`;
    const before = await (await fetch(`${base}/versions`)).text();
    await put('other', ['1.0.0', '1.1.0']);

    const missed = await fetch(`${base}/1.1.0/download/linux/amd64`);
    const after = await (await fetch(`${base}/versions`, { headers: { 'cache-control': 'no-cache' } })).text();
    const mirrored = await fetch(`${proxy.origin}/terraform/mirror/${UPSTREAM_HOST}/acme/other/1.1.0.json`);

    expect(before).not.toContain('1.1.0');
    expect([missed.status, mirrored.status]).toEqual([200, 200]);
    expect(after).toContain('"1.1.0"');
  });

  it('tells what upstream does not have from what it cannot say, in time', async () => {
    const ask = async (type: string): Promise<{ status: number; ms: number }> => {
      const began = performance.now();
      const { status } = await fetch(`${proxy.origin}/terraform/upstream/${UPSTREAM_HOST}/providers/v1/acme/${type}/versions`);
      return { status, ms: performance.now() - began };
    };
    for (const type of ['page', 'broken', 'slow', 'refusing']) {
      await put(type, ['1.0.0']);
    }
    const ends = [upstream.fail(/\/page\//, 'html'), upstream.fail(/\/broken\//, { status: 500 }), upstream.fail(/\/slow\//, 'hang'), upstream.fail(/\/refusing\//, { status: 401 })];

    const answers = await Promise.all(['absent', 'page', 'broken', 'slow', 'refusing'].map(ask));
    ends.forEach((end) => end());

    expect(answers.map(({ status }) => status)).toEqual([404, expect.toSatisfy(isServerError), expect.toSatisfy(isServerError), expect.toSatisfy(isServerError), expect.toSatisfy(isServerError)]);
    expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(CLIENT_PATIENCE_MS);
  });

  it('serves and stores nothing of an archive whose bytes are wrong, and the right one once upstream has it', async () => {
    await put('damaged', ['1.0.0']);
    const end = upstream.fail(/damaged_1\.0\.0_.*\.zip$/, 'wrong-bytes');
    const used = await client('terraform', 'damaged', 'override');

    const broken = await init(used, 'damaged', needs('damaged'));
    const stored = await isStored('damaged', '1.0.0', OWN_PLATFORM);
    end();
    const repaired = await init(used, 'damaged', needs('damaged'));

    expect(broken.code, broken.output).toBe(1);
    expect(stored).toBe(false);
    expect(repaired.code, repaired.output).toBe(0);
  });

  it('hands out no signature that does not fit, and clients refuse what upstream signed with another key', async () => {
    const forged = await providerRelease({ type: 'forged', version: '1.0.0', platforms: PLATFORMS, key: await signingKey() });
    upstream.put({ namespace: 'acme', type: 'forged', releases: [forged], keys: [{ key_id: key.keyId, ascii_armor: key.publicKey }] });

    for (const how of ['override', 'mirror'] as const) {
      const result = await init(await client('terraform', `forged-${how}`, how), 'forged', needs('forged'));

      expect(result.code, result.output).toBe(1);
    }
    expect(await isStored('forged', '1.0.0', OWN_PLATFORM)).toBe(false);
  });

  it('lies in the registry as OpenTofu wants it, every platform that was asked for', async () => {
    await eventually('three platforms are stored', async () => (await Promise.all(PLATFORMS.map(async (platform) => isStored('demo', '1.0.0', platform)))).every(Boolean), 60_000);
    const catalogue = (await (await fetch(`${registry.url}/v2/_catalog?n=1000`)).json()) as { repositories: readonly string[] };
    const at = async <T>(kind: string, check: (source: ReturnType<typeof httpOciSource>) => Promise<T>): Promise<readonly T[]> =>
      Promise.all(catalogue.repositories.filter((name) => name.startsWith(`packages/terraform/${kind}/`)).map(async (repository) => check(httpOciSource({ url: registry.url, repository }))));

    const providers = await at('providers', checkProviderLayout);
    const ofModules = await at('modules', checkModuleLayout);

    expect([...providers, ...ofModules].flatMap(({ violations }) => violations)).toEqual([]);
    expect(ofModules.map(({ versions }) => Object.keys(versions).sort())).toEqual([['1.0.0', '1.1.0']]);
    expect(providers.map(({ versions }) => versions)).toContainEqual({ '1.0.0': expect.toSatisfy((platforms: string[]) => PLATFORMS.every((platform) => platforms.includes(platform))) });
  });

  it.each(['error', 'drop', 'hang'] as const)('serves what it has while upstream fails: %s, with memory and disk wiped', async (mode) => {
    upstream.mode = mode;
    await proxy.app.stop('SIGKILL');
    await rm(join(proxy.directory, 'data/spool'), { recursive: true, force: true });
    proxy = await proxy.restart();
    const [program = 'terraform'] = AVAILABLE;

    const override = await init(await client(program, `off-${mode}`, 'override'), 'off', `${needs('demo')}\n${modules}`);
    const mirrored = await init(await client(program, `off-mirror-${mode}`, 'mirror'), 'off', needs('demo'));
    upstream.mode = 'up';

    expect([override.code, mirrored.code], override.output + mirrored.output).toEqual([0, 0]);
  });

  describe('with upstream and all of our processes stopped', () => {
    let secure: RunningRegistry;
    let caFile: string;
    beforeAll(async () => {
      await proxy.app.stop();
      upstream.mode = 'drop';
      const authority = await testAuthority(directory);
      ({ caFile } = authority);
      secure = await startDockerRegistry({ directory, readOnly: true, tls: await authority.certificate() });
    });
    afterAll(() => secure?.stop());

    it.each(AVAILABLE.filter(isTofu))('%s installs the same from the registry itself', async (program) => {
      const template = `127.0.0.1:${secure.port}/packages/terraform/providers/${UPSTREAM_HOST}/\${namespace}/\${type}`;
      const used = await proxy.client(`${slug(program)}-native`, programPath(program), cliConfig({ installation: [{ kind: 'oci_mirror', template, include: [`${UPSTREAM_HOST}/*/*`] }] }));
      const source = `oci://127.0.0.1:${secure.port}/packages/terraform/modules/${UPSTREAM_HOST}/acme/network/aws//modules/sub?tag=1.1.0`;
      const cwd = await used.project('native', { 'main.tf': `${needs('demo')}\n${rootModule({ modules: { part: { source } } })}` });

      const result = await used.run(['init', '-no-color'], { cwd, environment: { SSL_CERT_FILE: caFile } });

      expect(result.code, result.output).toBe(0);
      const { hashes = [] } = lockedProviders(await used.lock(cwd))[`${UPSTREAM_HOST}/acme/demo`] ?? {};
      expect(hashes).toContain(`zh:${releases.get('demo 1.0.0')?.archives.find(({ platform }) => platform === OWN_PLATFORM)?.sha256}`);
    });
  });
});

function isServerError(status: number): boolean {
  return status >= 500 && status < 600;
}
