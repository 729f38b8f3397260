import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  checkProviderLayout,
  httpOciSource,
  type ProviderRelease,
  providerRelease,
  pushBlob,
  type PushedDescriptor,
  pushManifest,
  type PushTarget,
  rootModule,
  runCommand,
  type RunningRegistry,
  signingKey,
  startDockerRegistry,
  temporaryDirectory,
  type TestKey,
  WORKSPACE_ROOT,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { PLATFORMS } from './own-platform.ts';
import { AVAILABLE, programPath } from './terraform-programs.ts';
import { startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

const ORIGINAL = 'application/vnd.tf.provider.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Index {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly manifests: readonly { readonly artifactType?: string; readonly digest: string; readonly platform?: { readonly os: string; readonly architecture: string }; readonly annotations?: Readonly<Record<string, string>> }[];
}

describe('beside the original project', () => {
  let directory: string;
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let key: TestKey;

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-original');
    registry = await startDockerRegistry({ directory });
    key = await signingKey();
    const config = join(directory, 'config.yaml');
    await writeFile(config, JSON.stringify({ ecosystems: { terraform: { originalAnnotations: true } } }));
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages`, CONFIG_FILE: config });
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function release(type: string, version: string): Promise<ProviderRelease> {
    return providerRelease({ type, version, platforms: PLATFORMS, key, withoutManifest: true });
  }

  it('writes what readers of the original look for, and OpenTofu reads the same index', async () => {
    const published = await release('both', '1.2.3');
    const repository = 'packages/terraform/providers/localhost/acme/both';
    expect((await proxy.publishProvider('acme/both/1.2.3', published.files)).status).toBe(201);

    const report = await checkProviderLayout(httpOciSource({ url: registry.url, repository }));
    const index = (await (await fetch(`${registry.url}/v2/${repository}/manifests/v1.2.3`, { headers: { accept: INDEX } })).json()) as Index;

    expect(report).toEqual({ versions: { '1.2.3': [...PLATFORMS].sort() }, violations: [] });
    expect(index.annotations).toMatchObject({ shasum: published.sums.bytes.toString('base64'), 'shasum-signature-encoded': published.signature?.bytes.toString('base64') });
    const originals = index.manifests.filter(({ artifactType }) => artifactType === ORIGINAL);
    expect(originals.map(({ platform, annotations }) => [`${platform?.os}_${platform?.architecture}`, annotations?.['original-filename'], annotations?.['original-file-digest']]).sort()).toEqual(
      published.archives.map(({ platform, filename, sha256 }) => [platform, filename, sha256]).sort(),
    );
  });

  it('takes over what the original has stored, flat and nested, so that clients install it', async () => {
    const target = { url: registry.url, repository: 'packages/old/acme/taken' };
    const [nested, flat] = [await release('taken', '0.9.0'), await release('taken', '1.0.0')];
    await pushOriginal(target, nested, 'nested');
    await pushOriginal(target, flat, 'flat');

    const environment = Object.fromEntries(['DATA_DIR', 'STORAGE_URL', 'CONFIG_FILE', 'TERRAFORM_UPSTREAM_HOSTS', 'NPM_UPSTREAM_URL', 'PYPI_UPSTREAM_URL'].map((name) => [name, proxy.environment[name] ?? '']));
    const imported = await runCommand(process.execPath, [join(WORKSPACE_ROOT, 'apps/admin/dist/main.js'), 'terraform', 'import', 'old/acme/taken', 'acme/taken'], { cwd: directory, environment });
    proxy = await proxy.restart();

    expect(imported.code, imported.output).toBe(0);
    expect(imported.stdout).toContain('2 taken over');
    const report = await checkProviderLayout(httpOciSource({ url: registry.url, repository: 'packages/terraform/providers/localhost/acme/taken' }));
    expect(report.violations).toEqual([]);
    expect(Object.keys(report.versions).sort()).toEqual(['0.9.0', '1.0.0']);
    for (const program of AVAILABLE) {
      const client = await proxy.client(`${program} taken`.replaceAll(' ', '-'), programPath(program));
      for (const version of ['0.9.0', '1.0.0']) {
        const cwd = await client.project(`taken-${version}`, { 'main.tf': rootModule({ providers: { taken: { source: `${proxy.host}/acme/taken`, version } } }) });
        const result = await client.run(['init', '-no-color'], { cwd });
        expect(result.code, result.output).toBe(0);
      }
    }
  });

  it('has left what was there before as it was', async () => {
    const tags = (await (await fetch(`${registry.url}/v2/packages/old/acme/taken/tags/list`)).json()) as { tags: readonly string[] };

    expect([...tags.tags].sort()).toEqual(['v0.9.0', 'v1.0.0']);
    expect(await readFile(join(proxy.directory, 'data/tls/ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE');
  });

  /** Stores a version in the ways of the original: its upload nests the index in another one. */
  async function pushOriginal(target: PushTarget, stored: ProviderRelease, way: 'flat' | 'nested'): Promise<void> {
    const entries: (PushedDescriptor & Readonly<Record<string, unknown>>)[] = [];
    for (const { platform, filename, sha256, pieces } of stored.archives) {
      const [os, architecture] = platform.split('_');
      const layer = await pushBlob(target, Buffer.concat([...pieces()]), 'application/vnd.oci.image.layer.v1.tar+gzip');
      const config = await pushBlob(target, Buffer.from(JSON.stringify({ os, architecture })), 'application/vnd.oci.image.config.v1+json');
      const manifest = await pushManifest(target, { schemaVersion: 2, mediaType: MANIFEST, artifactType: ORIGINAL, config, layers: [layer] });
      entries.push({ ...manifest, artifactType: ORIGINAL, platform: { os, architecture }, annotations: { 'original-filename': filename, 'original-file-digest': sha256 } });
    }
    const annotations = { shasum: stored.sums.bytes.toString('base64'), 'shasum-signature-encoded': stored.signature?.bytes.toString('base64') };
    const tag = `v${stored.version}`;
    const inner = { schemaVersion: 2, mediaType: INDEX, manifests: entries, annotations };
    if (way === 'flat') {
      await pushManifest(target, inner, tag);
      return;
    }
    const descriptor = await pushManifest(target, inner);
    await pushManifest(target, { schemaVersion: 2, mediaType: INDEX, manifests: [{ ...descriptor, artifactType: ORIGINAL, annotations: { 'org.opencontainers.image.ref.name': tag } }] }, tag);
  }
});
