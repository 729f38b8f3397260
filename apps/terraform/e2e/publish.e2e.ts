import { createHash } from 'node:crypto';
import { request } from 'node:https';

import {
  checkModuleLayout,
  checkProviderLayout,
  eventually,
  httpOciSource,
  moduleArchive,
  type ProviderRelease,
  providerRelease,
  type RunningRegistry,
  signingKey,
  startDockerRegistry,
  type TestKey,
  uploadForm,
} from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ADMIN_TOKEN, answerOf, startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

interface VersionsDocument {
  readonly versions: readonly { readonly version: string; readonly protocols: readonly string[]; readonly platforms: readonly { readonly os: string; readonly arch: string }[] }[];
  readonly warnings?: readonly string[];
}

interface PackageDocument {
  readonly filename: string;
  readonly protocols: readonly string[];
  readonly download_url: string;
  readonly shasums_url: string;
  readonly shasums_signature_url: string;
  readonly shasum: string;
  readonly signing_keys: { readonly gpg_public_keys: readonly { readonly key_id: string; readonly ascii_armor: string }[] };
  readonly packages: Readonly<Record<string, { readonly hashes: readonly string[]; readonly package_size: number }>>;
}

const MODULE_FILES = {
  'main.tf': 'variable "name" {\n  type        = string\n  description = "What it is called"\n}\n\noutput "name" {\n  value = var.name\n}\n',
  'README.md': '# A network\n',
  'modules/sub/main.tf': 'output "sub" {\n  value = true\n}\n',
};

describe('publishing, with what is stored in a real registry', () => {
  let registry: RunningRegistry;
  let proxy: TerraformStandalone;
  let key: TestKey;
  let stranger: TestKey;
  let release: ProviderRelease;

  beforeAll(async () => {
    registry = await startDockerRegistry();
    proxy = await startTerraformStandalone({ STORAGE_URL: `${registry.url}/packages` });
    [key, stranger] = await Promise.all([signingKey(), signingKey({ kind: 'ed25519-legacy' })]);
    release = await providerRelease({ type: 'demo', version: '1.0.0', platforms: ['linux_amd64', 'linux_arm64', 'darwin_arm64'], key });
  });
  afterAll(async () => {
    await proxy?.stop();
    await registry?.stop();
  });

  async function versions(address: string): Promise<VersionsDocument | null> {
    const answer = await fetch(`${proxy.origin}/terraform/providers/v1/${address}/versions`);
    return answer.status === 404 ? null : ((await answer.json()) as VersionsDocument);
  }

  /** The package document with absolute URLs. */
  async function packageOf(address: string, version: string, platform = 'linux/amd64'): Promise<PackageDocument> {
    const url = `${proxy.origin}/terraform/providers/v1/${address}/${version}/download/${platform}`;
    const answer = await fetch(url);
    expect(answer.status, await answer.clone().text()).toBe(200);
    const document = (await answer.json()) as PackageDocument;
    const absolute = (link: string): string => new URL(link, url).href;
    return { ...document, download_url: absolute(document.download_url), shasums_url: absolute(document.shasums_url), shasums_signature_url: absolute(document.shasums_signature_url) };
  }

  async function bytesAt(url: string): Promise<Buffer> {
    const answer = await fetch(url);
    expect(answer.status, url).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  }

  it('answers discovery over TLS with a certificate of its own authority', async () => {
    const { status, type, body } = await new Promise<{ status: number | undefined; type: string | undefined; body: string }>((resolve, reject) => {
      request(`${proxy.secure}/.well-known/terraform.json`, { ca: proxy.ca }, (answer) => {
        let body = '';
        answer.on('data', (chunk: Buffer) => (body += chunk.toString()));
        answer.on('end', () => resolve({ status: answer.statusCode, type: answer.headers['content-type'], body }));
      }).once('error', reject).end();
    });

    expect([status, type]).toEqual([200, expect.stringMatching(/^application\/json/)]);
    expect(JSON.parse(body)).toMatchObject({ 'providers.v1': '/terraform/providers/v1/', 'modules.v1': '/terraform/modules/v1/', 'login.v1': { grant_types: ['authz_code'] } });
  });

  it('takes a provider only once a key of its namespace signed it, then again as the same, and never with other bytes', async () => {
    const early = await proxy.publishProvider('acme/demo/1.0.0', release.files);
    const keyed = await proxy.addKey('acme', key.publicKey);
    const keyedAgain = await proxy.addKey('acme', key.publicKey);
    const first = await proxy.publishProvider('acme/demo/1.0.0', release.files);
    const again = await proxy.publishProvider('acme/demo/1.0.0', [...release.files].reverse());
    const other = await providerRelease({ type: 'demo', version: '1.0.0', key, program: () => Buffer.from('#!/bin/sh\nexit 1\n') });
    const different = await proxy.publishProvider('acme/demo/1.0.0', other.files);

    expect(early.status, early.text).toBe(403);
    expect(early.text).toMatch(/key/);
    expect([keyed.status, keyedAgain.status], keyed.text).toEqual([201, 200]);
    expect(first.status, first.text).toBe(201);
    expect(first.json).toMatchObject({ outcome: 'created', version: '1.0.0' });
    expect(again.status, again.text).toBe(200);
    expect(again.json).toMatchObject({ outcome: 'same' });
    expect(different.status, different.text).toBe(409);
    expect(await versions('acme/demo')).toMatchObject({ versions: [{ version: '1.0.0', protocols: ['5.0'] }] });
  });

  it('serves byte for byte what was published, to whoever has the link, by GET, HEAD and range', async () => {
    const [archive] = release.archives;
    const document = await packageOf('acme/demo', '1.0.0');
    const [zip, sums, signature] = await Promise.all([document.download_url, document.shasums_url, document.shasums_signature_url].map(bytesAt));
    const head = await fetch(document.download_url, { method: 'HEAD' });
    const part = await fetch(document.download_url, { headers: { range: 'bytes=10-19', authorization: 'Basic bm9ib2R5Om5vdGhpbmc=' } });
    const forged = await fetch(document.download_url.replace(/files\/(.{8})./, (_, start: string) => `files/${start}${document.download_url.includes(`files/${start}A`) ? 'B' : 'A'}`));

    expect(createHash('sha256').update(zip ?? '').digest('hex')).toBe(archive?.sha256);
    expect(document).toMatchObject({ filename: archive?.filename, shasum: archive?.sha256, protocols: ['5.0'] });
    expect([sums, signature]).toEqual([release.sums.bytes, release.signature?.bytes]);
    expect(document.signing_keys.gpg_public_keys.map(({ key_id }) => key_id)).toEqual([key.keyId]);
    expect([head.status, Number(head.headers.get('content-length'))]).toEqual([200, archive?.size]);
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, zip?.subarray(10, 20)]);
    expect(forged.status).toBe(403);
  });

  it('says the hashes of all platforms to OpenTofu and to mirrors', async () => {
    const document = await packageOf('acme/demo', '1.0.0', 'darwin/arm64');
    const index = (await (await fetch(`${proxy.origin}/terraform/mirror/localhost/acme/demo/index.json`)).json()) as object;
    const mirrored = (await (await fetch(`${proxy.origin}/terraform/mirror/localhost/acme/demo/1.0.0.json`)).json()) as { archives: Record<string, { url: string; hashes: readonly string[] }> };

    expect(document.packages).toEqual(Object.fromEntries(release.archives.map(({ platform, sha256, h1, size }) => [platform, { hashes: expect.arrayContaining([`zh:${sha256}`, h1]) as unknown, package_size: size }])));
    expect(index).toEqual({ versions: { '1.0.0': {} } });
    expect(Object.keys(mirrored.archives).sort()).toEqual(['darwin_arm64', 'linux_amd64', 'linux_arm64']);
    for (const { platform, sha256, h1OfZip } of release.archives) {
      expect(mirrored.archives[platform]?.hashes).toEqual(expect.arrayContaining([`zh:${sha256}`, h1OfZip]));
    }
  });

  it('stores nothing of what is refused', async () => {
    const wrongSums = await providerRelease({ type: 'refused', version: '1.0.0', key, sums: (right) => right.replace(/^[0-9a-f]{64}/, '0'.repeat(64)) });
    const unknownKey = await providerRelease({ type: 'refused', version: '1.0.0', key: stranger });

    const answers = [await proxy.publishProvider('acme/refused/1.0.0', wrongSums.files), await proxy.publishProvider('acme/refused/1.0.0', unknownKey.files)];

    expect(answers.map(({ status }) => status), answers.map(({ text }) => text).join('\n')).toEqual([422, 403]);
    expect(await versions('acme/refused')).toBeNull();
    const stored = await fetch(`${registry.url}/v2/packages/terraform/providers/localhost/acme/refused/tags/list`);
    expect(stored.status).toBe(404);
  });

  it('makes an armored signature binary, as clients need it', async () => {
    const armored = await providerRelease({ type: 'armored', version: '1.0.0', key, signatureForm: 'armored' });

    const published = await proxy.publishProvider('acme/armored/1.0.0', armored.files);
    const document = await packageOf('acme/armored', '1.0.0');

    expect(published.status, published.text).toBe(201);
    expect((await bytesAt(document.shasums_signature_url))[0]).toBeGreaterThanOrEqual(0x80);
    expect(await bytesAt(document.shasums_url)).toEqual(armored.sums.bytes);
  });

  it('takes the form that the original project documented', async () => {
    const form = await providerRelease({ type: 'form', version: '2.0.0', key });
    const body = uploadForm(form.files, { namespace: 'acme', type: 'form', version: '2.0.0' }, ({ filename }) => (filename.endsWith('SHA256SUMS') ? 'SHA256SUMS' : filename));

    const headers = { 'content-type': body.contentType, 'content-length': String(body.length), authorization: `Bearer ${ADMIN_TOKEN}` };
    const answer = await answerOf(await fetch(`${proxy.origin}/terraform/upload`, { method: 'POST', headers, body: body.stream(), duplex: 'half' } as unknown as RequestInit));

    expect(answer.status, answer.text).toBe(201);
    expect(await versions('acme/form')).toMatchObject({ versions: [{ version: '2.0.0' }] });
  });

  it('takes an upload in several requests, in any order, and shows nothing before it is committed', async () => {
    const staged = await providerRelease({ type: 'staged', version: '1.0.0', platforms: ['linux_amd64', 'darwin_arm64'], key });
    const base = 'providers/acme/staged/1.0.0/uploads';
    const begun = await proxy.call('POST', base);
    const id = String(begun.json['id']);
    const [sums, ...others] = staged.files;
    const bytesOf = (file: { pieces(): Iterable<Buffer> } | undefined): Buffer => Buffer.concat([...(file?.pieces() ?? [])]);

    const puts = await Promise.all(others.map(async (file) => proxy.call('PUT', `${base}/${id}/${file.filename}`, { body: bytesOf(file), contentType: 'application/octet-stream' })));
    const tooEarly = await proxy.call('POST', `${base}/${id}/commit`);
    const putSums = await proxy.call('PUT', `${base}/${id}/${sums?.filename}`, { body: bytesOf(sums), contentType: 'application/octet-stream' });
    const shown = await proxy.call('GET', `${base}/${id}`);
    const hidden = await versions('acme/staged');
    const committed = await proxy.call('POST', `${base}/${id}/commit`);

    expect(begun.status, begun.text).toBe(201);
    expect([...puts, putSums].map(({ status }) => status), putSums.text).toEqual(staged.files.map(() => 200));
    expect([tooEarly.status, tooEarly.text]).toEqual([400, expect.stringContaining('SHA256SUMS is missing')]);
    expect((shown.json['files'] as { filename: string }[]).map(({ filename }) => filename).sort()).toEqual(staged.files.map(({ filename }) => filename).sort());
    expect(hidden).toBeNull();
    expect(committed.status, committed.text).toBe(201);
    expect(await versions('acme/staged')).toMatchObject({ versions: [{ version: '1.0.0' }] });
  });

  it('takes a module as zip or tar.gz: the same files are the same version, whatever packed them', async () => {
    const address = 'acme/network/aws/1.2.0';
    const first = await proxy.publishModule(address, moduleArchive({ files: MODULE_FILES }).bytes);
    const again = await proxy.publishModule(address, moduleArchive({ files: MODULE_FILES, format: 'tar.gz' }).bytes);
    const other = await proxy.publishModule(address, moduleArchive({ files: { ...MODULE_FILES, 'more.tf': '' } }).bytes);
    const newer = await proxy.publishModule('acme/network/aws/1.10.0', moduleArchive({ files: MODULE_FILES, format: 'tar.gz' }).bytes);
    const outside = await proxy.publishModule('acme/bad/aws/1.0.0', moduleArchive({ files: { 'main.tf': '', '../../etc/passwd': 'x' } }).bytes);
    const empty = await proxy.publishModule('acme/bad/aws/1.0.0', moduleArchive({ files: { 'README.md': '' } }).bytes);
    const link = await proxy.publishModule('acme/bad/aws/1.0.0', moduleArchive({ files: { 'main.tf': '' }, links: { secrets: '/etc/passwd' }, format: 'tar.gz' }).bytes);

    expect([first.status, again.status, other.status, newer.status], [first, again, other, newer].map(({ text }) => text).join('\n')).toEqual([201, 200, 409, 201]);
    expect([outside.status, empty.status, link.status], [outside, empty, link].map(({ text }) => text).join('\n')).toEqual([422, 422, 422]);
  });

  it('lists, finds and shows modules with their inputs and outputs', async () => {
    const base = `${proxy.origin}/terraform/modules/v1`;
    const get = async (path: string): Promise<Record<string, unknown>> => (await (await fetch(`${base}${path}`)).json()) as Record<string, unknown>;

    const listed = await get('/acme/network/aws/versions');
    const detail = await get('/acme/network/aws');
    const found = await get('/search?q=network');
    const latest = await fetch(`${base}/acme/network/aws/download`, { redirect: 'manual' });
    const location = await fetch(`${base}/acme/network/aws/1.2.0/download`);
    const archive = await bytesAt(new URL(location.headers.get('x-terraform-get') ?? '', location.url).href);

    expect(listed).toMatchObject({ modules: [{ versions: [{ version: '1.10.0' }, { version: '1.2.0' }] }] });
    expect(detail).toMatchObject({ version: '1.10.0', namespace: 'acme', name: 'network', provider: 'aws', root: { readme: '# A network\n', inputs: [{ name: 'name', type: 'string', description: 'What it is called' }], outputs: [{ name: 'name' }] } });
    expect(detail['submodules']).toMatchObject([{ path: 'modules/sub' }]);
    expect(found).toMatchObject({ modules: [{ name: 'network', version: '1.10.0' }] });
    expect([latest.status, latest.headers.get('location')]).toEqual([302, expect.stringMatching(/1\.10\.0\/download$/)]);
    expect(location.headers.get('x-terraform-get')).toMatch(new RegExp(`archive=zip&checksum=sha256:${createHash('sha256').update(archive).digest('hex')}$`));
  });

  it('lets nobody publish or change keys who may not', async () => {
    const keyBody = { body: stranger.publicKey, contentType: 'application/pgp-keys' };
    const attempts = await Promise.all(
      [null, 'Bearer wrong'].flatMap((authorization) => [
        proxy.publishProvider('acme/nobody/1.0.0', release.files, authorization),
        proxy.publishModule('acme/nobody/aws/1.0.0', moduleArchive({ files: MODULE_FILES }).bytes, authorization),
        proxy.call('POST', 'keys/acme', { ...keyBody, authorization }),
      ]),
    );
    const secret = await proxy.addKey('acme', key.privateKey);
    const listed = await proxy.call('GET', 'keys/acme');

    expect(attempts.map(({ status }) => status)).toEqual(attempts.map(() => 401));
    expect(secret.status, secret.text).toBe(400);
    expect(listed.text).not.toContain('PRIVATE');
    expect(listed.text).toContain(key.fingerprint);
    expect(listed.text).not.toContain(stranger.fingerprint);
  });

  it('hides what is yanked and says so, forgets what is deleted, and lets no deleted version come back with other bytes', async () => {
    await proxy.addKey('acme', key.publicKey);
    const releases = await Promise.all(['1.0.0', '1.1.0', '1.2.0'].map(async (version) => providerRelease({ type: 'yanked', version, key })));
    for (const { version, files } of releases) {
      expect((await proxy.publishProvider(`acme/yanked/${version}`, files)).status).toBe(201);
    }

    const yanked = await proxy.call('PUT', 'providers/acme/yanked/1.1.0/yank', { body: '{"reason":"eats data"}', contentType: 'application/json' });
    const deleted = await proxy.call('DELETE', 'providers/acme/yanked/1.2.0');
    const listed = await versions('acme/yanked');
    const exact = await fetch(`${proxy.origin}/terraform/providers/v1/acme/yanked/1.1.0/download/linux/amd64`);
    const gone = await fetch(`${proxy.origin}/terraform/providers/v1/acme/yanked/1.2.0/download/linux/amd64`);
    const again = await proxy.publishProvider('acme/yanked/1.2.0', releases[2]?.files ?? []);
    const unyanked = await proxy.call('DELETE', 'providers/acme/yanked/1.1.0/yank');

    expect([yanked.status, deleted.status, unyanked.status], yanked.text + deleted.text).toEqual([200, 200, 200]);
    expect(listed?.versions.map(({ version }) => version)).toEqual(['1.0.0']);
    expect(listed?.warnings?.join()).toMatch(/1\.1\.0.*eats data/);
    expect([exact.status, gone.status, again.status]).toEqual([200, 404, 409]);
    expect((await versions('acme/yanked'))?.versions.map(({ version }) => version)).toEqual(['1.1.0', '1.0.0']);
  });

  it('has stored all of it as OpenTofu reads it from the registry itself', async () => {
    const catalogue = (await (await fetch(`${registry.url}/v2/_catalog?n=1000`)).json()) as { repositories: readonly string[] };
    const providers = catalogue.repositories.filter((name) => name.startsWith('packages/terraform/providers/'));
    const modules = catalogue.repositories.filter((name) => name.startsWith('packages/terraform/modules/'));

    const reports = await Promise.all([
      ...providers.map(async (repository) => checkProviderLayout(httpOciSource({ url: registry.url, repository }))),
      ...modules.map(async (repository) => checkModuleLayout(httpOciSource({ url: registry.url, repository }))),
    ]);

    expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
    expect(Object.fromEntries(providers.map((name, index) => [name.slice('packages/terraform/providers/'.length), reports[index]?.versions]))).toMatchObject({
      'localhost/acme/demo': { '1.0.0': ['darwin_arm64', 'linux_amd64', 'linux_arm64'] },
      'localhost/acme/staged': { '1.0.0': ['darwin_arm64', 'linux_amd64'] },
    });
    expect(modules).toEqual(['packages/terraform/modules/localhost/acme/network/aws']);
  });

  it('forgets nothing over a restart, and keeps links good', async () => {
    const before = await packageOf('acme/demo', '1.0.0');
    proxy = await proxy.restart({ signal: 'SIGKILL' });

    await eventually('the version is listed', async () => (await versions('acme/demo')) !== null, 10_000);
    const zip = await bytesAt(before.download_url);

    expect(createHash('sha256').update(zip).digest('hex')).toBe(release.archives[0]?.sha256);
  });
});
