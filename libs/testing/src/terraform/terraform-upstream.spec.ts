import { rm } from 'node:fs/promises';
import { request } from 'node:https';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { temporaryDirectory } from '../process.ts';
import { testAuthority } from '../test-authority.ts';
import { moduleArchive } from './module-archive.ts';
import { providerRelease } from './provider-release.ts';
import { signingKey } from './signing-key.ts';
import type { TerraformUpstream } from './terraform-upstream-model.ts';
import { startTerraformUpstream } from './terraform-upstream.ts';

interface PackageDocument {
  readonly download_url: string;
  readonly shasums_url: string;
  readonly shasums_signature_url: string;
  readonly shasum: string;
  readonly signing_keys: { readonly gpg_public_keys: readonly { readonly key_id: string }[] };
}

describe('the scripted upstream', () => {
  let upstream: TerraformUpstream;
  beforeEach(async () => {
    upstream = await startTerraformUpstream();
  });
  afterEach(() => upstream.close());

  async function bytesAt(url: string): Promise<Buffer> {
    return Buffer.from(await (await fetch(url)).arrayBuffer());
  }

  it.each(['relative', 'other-host'] as const)('serves what a release has, with %s links', async (links) => {
    const own = await startTerraformUpstream({ links });
    const release = await providerRelease({ type: 'demo', version: '1.0.0', key: await signingKey() });
    own.put({ namespace: 'acme', type: 'demo', releases: [release] });

    const address = `${own.url}/v1/providers/acme/demo/1.0.0/download/linux/amd64`;
    const document = (await (await fetch(address)).json()) as PackageDocument;
    const [zip, sums, signature] = await Promise.all([document.download_url, document.shasums_url, document.shasums_signature_url].map(async (url) => bytesAt(new URL(url, address).href)));

    expect(document.shasum).toBe(release.archives[0]?.sha256);
    expect(document.signing_keys.gpg_public_keys[0]?.key_id).toBe(release.key?.keyId);
    expect([zip, sums, signature]).toEqual([Buffer.concat([...(release.archives[0]?.pieces() ?? [])]), release.sums.bytes, release.signature?.bytes]);
    expect(own.requests).toHaveLength(4);
    await own.close();
  });

  it('fails as it is told, as often as it is told, and counts what it was asked all the same', async () => {
    const archive = moduleArchive({ files: { 'main.tf': '# nothing\n'.repeat(100) } });
    upstream.putModule({ namespace: 'acme', name: 'net', system: 'aws', versions: [{ version: '1.0.0', at: { archive } }] });
    const where = `${upstream.filesUrl}/module-archives/acme/net/aws/1.0.0/module.zip`;
    upstream.fail(/module\.zip$/, 'wrong-bytes', 1);
    upstream.fail(/module\.zip$/, 'truncated', 1);
    upstream.fail(/module\.zip$/, { status: 429, headers: { 'retry-after': '1' } }, 1);

    const wrong = await bytesAt(where);
    const cut = await bytesAt(where).then(() => 'whole', () => 'cut off');
    const busy = await fetch(where);
    const right = await bytesAt(where);

    expect(wrong.length).toBe(archive.size);
    expect(wrong.equals(archive.bytes)).toBe(false);
    expect(cut).toBe('cut off');
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '1']);
    expect(right.equals(archive.bytes)).toBe(true);
    expect(upstream.requests).toHaveLength(4);
  });

  it('says where a module is by header or by body, and serves the archive of its commit as forges do', async () => {
    upstream.putCommit('acme/terraform-aws-net', 'f'.repeat(40), { 'main.tf': '' });
    const versions = (['header', 'body'] as const).map((answer, index) => ({ version: `1.${index}.0`, at: { repository: 'acme/terraform-aws-net', ref: 'f'.repeat(40) }, answer }));
    upstream.putModule({ namespace: 'acme', name: 'net', system: 'aws', versions });

    const header = await fetch(`${upstream.url}/v1/modules/acme/net/aws/1.0.0/download`);
    const body = await fetch(`${upstream.url}/v1/modules/acme/net/aws/1.1.0/download`);
    const archive = await bytesAt(`${upstream.filesUrl}/acme/terraform-aws-net/archive/${'f'.repeat(40)}.tar.gz`);

    const location = `git::${upstream.filesUrl}/acme/terraform-aws-net?ref=${'f'.repeat(40)}`;
    expect([header.status, header.headers.get('x-terraform-get')]).toEqual([204, location]);
    expect([body.status, await body.json(), body.headers.get('x-terraform-get')]).toEqual([200, { location }, null]);
    expect(archive.subarray(0, 2).toString('hex')).toBe('1f8b');
  });

  it('speaks TLS with a certificate of a test authority', async () => {
    const directory = await temporaryDirectory('authority');
    const authority = await testAuthority(directory);
    const own = await startTerraformUpstream({ authority });

    const status = await new Promise((resolve, reject) => {
      request(`${own.url}/.well-known/terraform.json`, { ca: authority.ca }, (answer) => resolve(answer.resume().statusCode)).once('error', reject).end();
    });

    expect(status).toBe(200);
    await own.close();
    await rm(directory, { recursive: true });
  });
});
