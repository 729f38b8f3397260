import { gunzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, type Answer, basic, type SampleOptions, type SampleRegistry, startSampleRegistry } from '../sample-registry.contract.ts';
import { publishSample, type SampleProvider } from './sample-provider.contract.ts';

let sample: SampleRegistry;
let provider: SampleProvider;
let now = Date.parse('2026-06-01T12:00:00Z');

async function start(options: SampleOptions = {}): Promise<void> {
  sample = await startSampleRegistry({ clock: () => now, ...options });
  provider = await publishSample(sample);
}

afterEach(async () => sample.stop());

/** Where a relative URL of a document leads, as clients resolve it; some gateway may stand before us. */
function resolved(url: string, document: string): string {
  const { pathname, search } = new URL(url, `https://gateway.example.com/outer${document}`);
  expect(pathname.startsWith('/outer/')).toBe(true);
  return `${pathname.slice('/outer'.length)}${search}`;
}

interface PackageDocument {
  readonly filename: string;
  readonly shasum: string;
  readonly download_url: string;
  readonly shasums_url: string;
  readonly shasums_signature_url: string;
  readonly [key: string]: unknown;
}

const VERSIONS = '/terraform/providers/v1/acme/demo/versions';
const PACKAGE = '/terraform/providers/v1/acme/demo/1.0.0/download/linux_amd64'.replace('linux_amd64', 'linux/amd64');
const MIRROR = '/terraform/mirror/localhost:8443/acme/demo';

async function packageAt(path = PACKAGE): Promise<PackageDocument> {
  const answer = await sample.ask(path);
  expect([answer.status, answer.headers['content-type']]).toEqual([200, 'application/json']);
  return answer.json() as unknown as PackageDocument;
}

describe('a provider that is published here', () => {
  beforeEach(async () => start());

  it('has its versions listed, at the own host and below upstream/', async () => {
    for (const path of [VERSIONS, '/terraform/upstream/localhost:8443/providers/v1/acme/demo/versions', '/terraform/providers/v1/ACME/Demo/versions']) {
      const answer = await sample.ask(path);

      expect([answer.status, answer.headers['content-type']], path).toEqual([200, 'application/json']);
      expect(answer.json()).toEqual({ versions: [{ version: '1.0.0', protocols: ['5.0'], platforms: expect.arrayContaining([{ os: 'linux', arch: 'amd64' }, { os: 'darwin', arch: 'arm64' }]) as unknown }] });
    }
  });

  it('has packages with all that a client checks', async () => {
    const { release, key } = provider;
    const document = await packageAt();
    const archive = release.archives.find(({ platform }) => platform === 'linux_amd64');

    expect(document).toMatchObject({
      protocols: ['5.0'],
      os: 'linux',
      arch: 'amd64',
      filename: archive?.filename,
      shasum: archive?.sha256,
      signing_keys: { gpg_public_keys: [{ key_id: key.keyId, ascii_armor: expect.stringContaining('BEGIN PGP PUBLIC KEY BLOCK') as string }] },
      packages: { linux_amd64: { hashes: [`zh:${archive?.sha256 ?? ''}`, archive?.h1], package_size: archive?.size } },
    });
  });

  it.each([PACKAGE, '/terraform/upstream/localhost/providers/v1/acme/demo/1.0.0/download/linux/amd64'])('has files at addresses relative to %s', async (path) => {
    const { release } = provider;
    const document = await packageAt(path);
    const [archive] = release.archives;
    const expected = [
      [document.download_url, Buffer.concat([...(archive?.pieces() ?? [])])],
      [document.shasums_url, release.sums.bytes],
      [document.shasums_signature_url, release.signature?.bytes],
    ] as const;

    for (const [url, bytes] of expected) {
      const file = await sample.ask(resolved(url, path));

      expect([file.status, file.headers['content-length']], url).toEqual([200, String(bytes?.length)]);
      expect(file.body).toEqual(bytes);
    }
  });

  it('is mirrored with hashes of every platform', async () => {
    const index = await sample.ask(`${MIRROR}/index.json`);
    const version = await sample.ask(`${MIRROR}/1.0.0.json`);
    const { archives } = version.json() as { readonly archives: Record<string, { readonly url: string; readonly hashes: readonly string[] }> };

    expect(index.json()).toEqual({ versions: { '1.0.0': {} } });
    expect([index.headers['content-type'], version.headers['content-type']]).toEqual(['application/json', 'application/json']);
    for (const { platform, sha256, h1OfZip } of provider.release.archives) {
      expect(archives[platform]?.hashes).toEqual(expect.arrayContaining([`zh:${sha256}`, h1OfZip]));
      expect((await sample.ask(resolved(archives[platform]?.url ?? '', `${MIRROR}/1.0.0.json`))).status).toBe(200);
    }
  });

  it('has documents that are to be asked for again, and then say that nothing changed', async () => {
    for (const path of [VERSIONS, PACKAGE, `${MIRROR}/index.json`, `${MIRROR}/1.0.0.json`]) {
      const first = await sample.ask(path);
      const again = await sample.ask(path, { headers: { 'if-none-match': first.headers.etag ?? '' } });
      const head = await sample.ask(path, { method: 'HEAD' });

      expect(first.headers['cache-control'], path).toBe('public, no-cache');
      expect([again.status, again.body.length], path).toEqual([304, 0]);
      expect([head.status, head.body.length, head.headers['content-length']], path).toEqual([200, 0, String(first.body.length)]);
    }
  });

  it('has documents that are compressed for who takes it', async () => {
    const plain = await sample.ask(PACKAGE);
    const packed = await sample.ask(PACKAGE, { headers: { 'accept-encoding': 'gzip' } });

    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
  });

  it.each([
    ['/terraform/providers/v1/acme/other/versions', 404],
    ['/terraform/providers/v1/acme/demo/9.9.9/download/linux/amd64', 404],
    ['/terraform/providers/v1/acme/demo/1.0.0/download/plan9/amd64', 404],
    ['/terraform/providers/v1/acme/demo/latest/download/linux/amd64', 404],
    ['/terraform/providers/v1/acme/demo/1.0.0/download/linux/..%2Famd64', 404],
    ['/terraform/providers/v1/a_b/demo/versions', 404],
    ['/terraform/providers/v1/a--b/demo/versions', 404],
    ['/terraform/providers/v1/..%2F..%2Facme/demo/versions', 404],
    ['/terraform/providers/v1/acme%00/demo/versions', 404],
    ['/terraform/providers/v1/acme/demo', 404],
    ['/terraform/providers/v1/', 404],
    ['/terraform/providers/v1/%/demo/versions', 400],
    ['/terraform/upstream/other.example.com/providers/v1/acme/demo/versions', 404],
    ['/terraform/upstream/%20/providers/v1/acme/demo/versions', 404],
    ['/terraform/mirror/other.example.com/acme/demo/index.json', 404],
    ['/terraform/mirror/localhost/acme/demo/2.0.0.json', 404],
    ['/terraform/mirror/localhost/acme/demo/x.json', 404],
    ['/terraform/mirror/localhost/acme/demo/1.0.0', 404],
    ['/terraform/mirror/localhost/acme/other/index.json', 404],
    ['/terraform/mirror/', 404],
    ['/terraform/nothing', 404],
  ])('is not at %s: %i', async (path, status) => {
    const answer = await sample.ask(path);

    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([status, 'application/json', 'no-store']);
    expect(answer.json()).toEqual({ errors: [expect.stringMatching(/\.$/)] });
    expect(answer.reason).not.toBe('');
  });

  it('takes nothing by other methods', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await sample.ask(VERSIONS, { method, headers: { authorization: ADMIN } })).status, method).toBe(404);
    }
  });

  it('is counted and logged without its links', async () => {
    const { download_url: url } = await packageAt();
    const path = resolved(url, PACKAGE);
    await sample.ask(path);

    const lines = sample.log.filter(({ msg }) => msg === 'request').map((line) => JSON.stringify(line));
    expect(lines.at(-1)).toContain('"package":"providers/localhost/acme/demo"');
    expect(lines.join('\n')).not.toContain(path.split('/').at(-2) ?? '');
    expect(sample.reads).toEqual(['metadata hit', 'file hit']);
    expect(sample.writes).toEqual(['done']);
  });
});

describe('files', () => {
  let path: string;

  beforeEach(async () => {
    now = Date.parse('2026-06-01T12:00:00Z');
    await start({ anonymousRead: false });
    const answer = await sample.ask(PACKAGE, { headers: { authorization: ADMIN } });
    path = resolved((answer.json() as unknown as PackageDocument).download_url, PACKAGE);
  });

  it('are read by their link alone, whatever credential is shown, and whatever query', async () => {
    const [archive] = provider.release.archives;
    for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: basic('nobody', 'wrong') }, { authorization: 'garbage' }] as readonly Record<string, string>[]) {
      const file = await sample.ask(`${path}?archive=zip&checksum=sha256:0&terraform-get=1`, { headers });

      expect(file.status).toBe(200);
      expect(file.headers).toMatchObject({ etag: `"sha256:${archive?.sha256 ?? ''}"`, 'cache-control': 'private, max-age=900, immutable', 'accept-ranges': 'bytes' });
      expect(file.body.length).toBe(archive?.size);
    }
  });

  it('have parts, heads and validators', async () => {
    const whole = await sample.ask(path);
    const part = await sample.ask(path, { headers: { range: 'bytes=2-9' } });
    const head = await sample.ask(path, { method: 'HEAD' });
    const again = await sample.ask(path, { headers: { 'if-none-match': whole.headers.etag ?? '' } });
    const beyond = await sample.ask(path, { headers: { range: 'bytes=999999-' } });

    expect([part.status, part.headers['content-range'], part.body]).toEqual([206, `bytes 2-9/${whole.body.length}`, whole.body.subarray(2, 10)]);
    expect([head.status, head.headers['content-length'], head.headers.etag, head.body.length]).toEqual([200, String(whole.body.length), whole.headers.etag, 0]);
    expect([again.status, beyond.status]).toEqual([304, 416]);
  });

  it('are not read by a link that has ended, was changed, or was made with another key', async () => {
    const [, , , token = '', filename = ''] = path.split('/');
    const changed = `/terraform/files/${token.slice(0, -2)}AA/${filename}`;
    const other = await startSampleRegistry({ registry: sample.registry, secret: 'other'.repeat(10), clock: () => now });

    const answers = [await sample.ask(changed), await sample.ask(`/terraform/files/x/${filename}`), await other.ask(path)];
    now += 901_000;
    answers.push(await sample.ask(path));
    now += 900_000;
    const ended = await sample.ask(path);
    await other.stop();

    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 200]);
    expect([ended.status, ended.json()]).toEqual([403, { errors: ['This link has ended: run init again'] }]);
  });

  it('are read on every replica, and after a restart', async () => {
    const other = await startSampleRegistry({ registry: sample.registry, clock: () => now });

    const file = await other.ask(path);
    await other.stop();

    expect(file.status).toBe(200);
  });
});

describe('a provider that not everybody may read', () => {
  const rules = [{ who: ['*'], may: ['read' as const], ecosystem: 'terraform', packages: ['providers/*/open/*'] }];

  beforeEach(async () => start({ rules }));

  it.each([VERSIONS, PACKAGE, `${MIRROR}/index.json`, `${MIRROR}/1.0.0.json`])('says at %s to anonymous what it says of one that is not there', async (path) => {
    const there = await sample.ask(path);
    const notThere = await sample.ask(path.replace('demo', 'nope'));
    const shape = ({ status, headers, json }: Answer): unknown => [status, headers['www-authenticate'], JSON.stringify(json()).replaceAll(/nope|demo/g, '')];

    expect(there.status).toBe(401);
    expect(there.headers['www-authenticate']).toContain('Bearer');
    expect(shape(there)).toEqual(shape(notThere));
  });

  it('is read with a right token, not with a wrong one, and kept by nobody else', async () => {
    const [right, wrong] = [await sample.ask(VERSIONS, { headers: { authorization: ADMIN } }), await sample.ask(VERSIONS, { headers: { authorization: 'Bearer wrong' } })];

    expect([right.status, right.headers['cache-control'], right.headers.vary]).toEqual([200, 'private, no-cache', expect.stringContaining('Authorization')]);
    expect(wrong.status).toBe(401);
    expect(wrong.json()).toEqual({ errors: [expect.stringContaining('token')] });
  });

  it('is forbidden to who is known and may not', async () => {
    const { token } = await sample.tokens.issue({ kind: 'admin', name: 'admin', tokenId: null }, { description: 'x', expires: null, scope: { actions: ['read'], ecosystem: 'terraform', packages: ['providers/localhost/open/**'] } });

    expect((await sample.ask(VERSIONS, { headers: { authorization: `Bearer ${token}` } })).status).toBe(403);
    expect((await sample.ask('/terraform/providers/v1/open/demo/versions')).status).toBe(404);
  });
});
