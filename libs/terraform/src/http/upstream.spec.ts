import { moduleArchive, type ProviderRelease, providerRelease, signingKey, startTerraformUpstream, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';

let key: TestKey;
let release: ProviderRelease;
let upstream: TerraformUpstream;
let sample: SampleRegistry;
let base: string;

beforeAll(async () => {
  key = await signingKey({ kind: 'ed25519-legacy' });
  release = await providerRelease({ type: 'tool', version: '2.0.0', platforms: ['linux_amd64', 'windows_amd64'], key });
});

beforeEach(async () => {
  upstream = await startTerraformUpstream();
  upstream.put({ namespace: 'vendor', type: 'tool', releases: [release], warnings: ['deprecated upstream'], trustSignature: 'trust' });
  upstream.putModule({ namespace: 'vendor', name: 'net', system: 'aws', versions: [{ version: '3.0.0', at: { archive: moduleArchive({ files: { 'main.tf': 'variable "x" {}\n' } }) } }] });
  await start();
});

afterEach(async () => {
  await sample.stop();
  await upstream.close();
});

async function start(options: SampleOptions = {}): Promise<void> {
  sample = await startSampleRegistry({ upstreams: [{ host: upstream.host, url: upstream.url }], fileHosts: [upstream.filesUrl], ...options });
  base = `/terraform/upstream/${upstream.host}`;
}

function resolved(url: string, document: string): string {
  const { pathname, search } = new URL(url, `http://x${document}`);
  return `${pathname}${search}`;
}

interface PackageDocument {
  readonly download_url: string;
  readonly shasums_url: string;
  readonly shasums_signature_url: string;
}

describe('a provider of an upstream', () => {
  it('is pulled through by a host override, with its signature and its keys', async () => {
    const versions = await sample.ask(`${base}/providers/v1/vendor/tool/versions`);
    const path = `${base}/providers/v1/vendor/tool/2.0.0/download/linux/amd64`;
    const answer = await sample.ask(path);
    const document = answer.json() as unknown as PackageDocument;
    const bodies = [];
    for (const url of [document.shasums_url, document.shasums_signature_url, document.download_url]) {
      const file = await sample.ask(resolved(url, path));
      expect(file.status, url).toBe(200);
      bodies.push(file.body);
    }

    expect(versions.json()).toMatchObject({ versions: [{ version: '2.0.0' }], warnings: ['deprecated upstream'] });
    expect(document).toMatchObject({ signing_keys: { gpg_public_keys: [{ key_id: key.keyId, trust_signature: 'trust' }] } });
    expect(bodies).toEqual([release.sums.bytes, release.signature?.bytes, Buffer.concat([...(release.archives[0]?.pieces() ?? [])])]);
    expect(JSON.stringify(document)).not.toContain(new URL(upstream.filesUrl).host);
    expect(sample.reads).toContain('file miss');
  });

  it('is stored by the worker, and then served while upstream is down', async () => {
    const path = `${base}/providers/v1/vendor/tool/2.0.0/download/linux/amd64`;
    const { download_url: url } = (await sample.ask(path)).json() as unknown as PackageDocument;
    await sample.ask(resolved(url, path));
    expect(await sample.ingest()).toEqual(['stored']);
    upstream.mode = 'error';

    const again = await sample.ask(path);
    const file = await sample.ask(resolved((again.json() as unknown as PackageDocument).download_url, path));

    expect([again.status, file.status]).toEqual([200, 200]);
    expect(file.body).toEqual(Buffer.concat([...(release.archives[0]?.pieces() ?? [])]));
  });

  it('is mirrored with the hashes of every platform', async () => {
    const mirror = `/terraform/mirror/${upstream.host}/vendor/tool`;
    const { archives } = (await sample.ask(`${mirror}/2.0.0.json`)).json() as { readonly archives: Record<string, { readonly url: string; readonly hashes: readonly string[] }> };

    expect((await sample.ask(`${mirror}/index.json`)).json()).toEqual({ versions: { '2.0.0': {} } });
    for (const { platform, sha256 } of release.archives) {
      expect(archives[platform]?.hashes).toContain(`zh:${sha256}`);
      expect((await sample.ask(resolved(archives[platform]?.url ?? '', `${mirror}/2.0.0.json`))).status).toBe(200);
    }
  });

  it('is never looked for among what is published here, nor the other way round', async () => {
    expect((await sample.ask('/terraform/providers/v1/vendor/tool/versions')).status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });

  it('is not there: 404. Upstream is down: 503 with the time to come again', async () => {
    const missing = await sample.ask(`${base}/providers/v1/vendor/none/versions`);
    upstream.mode = 'error';
    const down = await sample.ask(`${base}/providers/v1/vendor/tool/versions`);
    const mirror = await sample.ask(`/terraform/mirror/${upstream.host}/vendor/tool/index.json`);

    expect([missing.status, down.status, mirror.status]).toEqual([404, 503, 503]);
    expect(down.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    expect(down.json()).toEqual({ errors: [expect.any(String)] });
    expect(down.reason.length).toBeGreaterThan(20);
  });

  it('is answered for within ten seconds while upstream hangs', async () => {
    upstream.mode = 'hang';
    const started = performance.now();
    const answers = await Promise.all(
      [`${base}/providers/v1/vendor/tool/versions`, `${base}/providers/v1/vendor/tool/2.0.0/download/linux/amd64`, `/terraform/mirror/${upstream.host}/vendor/tool/2.0.0.json`, `${base}/modules/v1/vendor/net/aws/versions`, `${base}/modules/v1/vendor/net/aws/3.0.0/download`].map(async (path) => sample.ask(path)),
    );

    expect(answers.map(({ status, headers }) => [status, headers['retry-after'] !== undefined])).toEqual(answers.map(() => [503, true]));
    expect(performance.now() - started).toBeLessThan(9500);
  }, 30_000);

  it('that is private is never asked for', async () => {
    await sample.stop();
    await start({ privateNames: ['providers/*/vendor/*', 'modules/**/vendor/**'] });

    const answers = [await sample.ask(`${base}/providers/v1/vendor/tool/versions`), await sample.ask(`${base}/providers/v1/VENDOR/tool/versions`), await sample.ask(`${base}/modules/v1/Vendor/net/aws/versions`), await sample.ask(`${base}/modules/v1/vendor/net/aws/3.0.0/download`)];

    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404]);
    expect(upstream.requests).toEqual([]);
  });

  it('cannot be published here in its place', async () => {
    const answer = await sample.ask(`/api/v1/terraform/providers/vendor/tool/2.0.0`, { method: 'GET', headers: { authorization: ADMIN } });

    expect(answer.status).toBe(404);
  });
});

describe('a module of an upstream', () => {
  it('is pulled through by a host override', async () => {
    const path = `${base}/modules/v1/vendor/net/aws/3.0.0/download`;
    const versions = await sample.ask(`${base}/modules/v1/vendor/net/aws/versions`);
    const location = String((await sample.ask(path)).headers['x-terraform-get']);
    const archive = await sample.ask(resolved(location, path));

    expect(versions.json()).toMatchObject({ modules: [{ versions: [{ version: '3.0.0' }] }] });
    expect(location).toMatch(/^\.\.\/.*[?&]archive=zip/);
    expect([archive.status, archive.body.subarray(0, 2).toString()]).toEqual([200, 'PK']);
    expect(JSON.stringify([location])).not.toContain(upstream.filesUrl);
  });

  it('is stored by the worker, and then served and listed while upstream is down', async () => {
    const path = `${base}/modules/v1/vendor/net/aws/3.0.0/download`;
    const first = await sample.ask(resolved(String((await sample.ask(path)).headers['x-terraform-get']), path));
    expect(await sample.ingest()).toEqual(['stored']);
    upstream.mode = 'drop';

    const location = String((await sample.ask(path)).headers['x-terraform-get']);
    const archive = await sample.ask(resolved(location, path));
    const list = await sample.ask(`${base}/modules/v1`);

    expect(location).toContain('checksum=sha256:');
    expect(archive.body).toEqual(first.body);
    expect(list.json()).toMatchObject({ modules: [{ id: 'vendor/net/aws/3.0.0' }] });
  });
});
