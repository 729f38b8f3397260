import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import { type PackageFile, type PypiUpstream, pypiUploadBody, sdistFile, startPypiUpstream, type UploadClient, wheelFile } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { ADMIN, type Answer, basic, type SampleIndex, type SampleOptions, startSampleIndex } from './sample-index.contract.ts';

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const PIP = { accept: `${JSON_TYPE}, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01` };

let sample: SampleIndex;
let upstream: PypiUpstream | null = null;

afterEach(async () => {
  await sample.stop();
  await upstream?.close();
  upstream = null;
});

async function start(options: Partial<SampleOptions> = {}): Promise<void> {
  sample = await startSampleIndex({ upstream: upstream?.url ?? null, fileHosts: upstream === null ? [] : [upstream.filesUrl], ...options });
}

async function upload(file: PackageFile, how: { readonly path?: string; readonly client?: UploadClient; readonly headers?: Record<string, string>; readonly fields?: Record<string, string> } = {}): Promise<Answer> {
  const { contentType, body } = pypiUploadBody({ file, client: how.client, fields: how.fields });
  return sample.ask(how.path ?? '/pypi/legacy/', { method: 'POST', headers: { authorization: ADMIN, 'content-type': contentType, ...how.headers }, body });
}

interface FileEntry {
  readonly filename: string;
  readonly url: string;
  readonly [key: string]: unknown;
}

function filesOf(answer: Answer): readonly FileEntry[] {
  return answer.json()['files'] as FileEntry[];
}

describe('an index of what is published here', () => {
  const wheel = wheelFile({ name: 'Acme.Widget', version: '1.0+cu128', requiresPython: '>=3.9', padding: 5000 });
  const sdist = sdistFile({ name: 'Acme.Widget', version: '1.0+cu128' });

  beforeEach(async () => {
    await start();
    expect((await upload(wheel)).status).toBe(200);
    expect((await upload(sdist, { client: 'uv' })).status).toBe(200);
  });

  it('shows the project as JSON, with all that clients go by', async () => {
    const page = await sample.ask('/pypi/simple/acme-widget/', { headers: PIP });

    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe(JSON_TYPE);
    expect(page.json()).toMatchObject({ meta: { 'api-version': '1.4' }, name: 'acme-widget', versions: ['1.0+cu128'] });
    expect(filesOf(page).map(({ filename }) => filename).sort()).toEqual([sdist.filename, wheel.filename].sort());
    expect(filesOf(page).find(({ filename }) => filename === wheel.filename)).toMatchObject({
      url: `http://127.0.0.1:${sample.port}/pypi/files/acme-widget/${wheel.filename.replace('+', '%2B')}`,
      hashes: { sha256: wheel.sha256 },
      'requires-python': '>=3.9',
      size: wheel.bytes.length,
      'upload-time': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      yanked: false,
      'core-metadata': { sha256: createHash('sha256').update(wheel.metadata).digest('hex') },
    });
  });

  it.each([
    [undefined, 'text/html; charset=utf-8'],
    ['*/*', 'text/html; charset=utf-8'],
    ['application/vnd.pypi.simple.v1+html', 'application/vnd.pypi.simple.v1+html'],
    [`${JSON_TYPE}, */*;q=0.1`, JSON_TYPE],
    ['application/vnd.pypi.simple.latest+json', JSON_TYPE],
    ['image/png', 'text/html; charset=utf-8'],
  ])('answers Accept %s with %s', async (accept, type) => {
    const headers = accept === undefined ? undefined : { accept };
    for (const path of ['/pypi/simple/', '/pypi/simple/acme-widget/', '/pypi/+simple/acme-widget/', '/pypi/legacy/+simple/acme-widget/']) {
      const answer = await sample.ask(path, { headers });

      expect([answer.status, answer.headers['content-type'], answer.headers.vary], path).toEqual([200, type, expect.stringMatching(/^Accept, Accept-Encoding/)]);
    }
  });

  it('lets the query name the format', async () => {
    const json = await sample.ask('/pypi/simple/acme-widget/?format=application/vnd.pypi.simple.v1%2Bjson');

    expect(json.headers['content-type']).toBe(JSON_TYPE);
  });

  it('is to be asked again every time, and then says that nothing changed', async () => {
    const first = await sample.ask('/pypi/simple/acme-widget/', { headers: PIP });
    const etag = first.headers.etag ?? '';
    const again = await sample.ask('/pypi/simple/acme-widget/', { headers: { ...PIP, 'if-none-match': etag } });
    const html = await sample.ask('/pypi/simple/acme-widget/', { headers: { 'if-none-match': etag } });
    await upload(wheelFile({ name: 'acme_widget', version: '1.1' }));
    const changed = await sample.ask('/pypi/simple/acme-widget/', { headers: { ...PIP, 'if-none-match': etag } });

    expect(first.headers).toMatchObject({ 'cache-control': 'public, no-cache', vary: 'Accept, Accept-Encoding' });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    expect([html.status, changed.status]).toEqual([200, 200]);
    expect(changed.json()['versions']).toContain('1.1');
  });

  it.each(['/pypi/simple/', '/pypi/simple/acme-widget/', '/pypi/simple/acme-widget/?format=json', '/pypi/pypi/acme-widget/json'])('names %s by its bytes', async (path) => {
    const answer = await sample.ask(path);

    expect(answer.headers.etag).toBe(`"${createHash('sha256').update(answer.body).digest('hex').slice(0, 32)}"`);
  });

  it('compresses pages for who takes it, and never files', async () => {
    const headers = { ...PIP, 'accept-encoding': 'gzip, deflate, zstd' };
    for (const version of ['2', '3', '4', '5']) {
      await upload(wheelFile({ name: 'acme-widget', version }));
    }

    const plain = await sample.ask('/pypi/simple/acme-widget/', { headers: PIP });
    const packed = await sample.ask('/pypi/simple/acme-widget/', { headers });
    const file = await sample.ask(`/pypi/files/acme-widget/${wheel.filename}`, { headers });

    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(gunzipSync(packed.body)).toEqual(plain.body);
    expect(file.headers['content-encoding']).toBeUndefined();
    expect(file.body).toEqual(wheel.bytes);
  });

  it.each([
    ['/pypi/simple', '/pypi/simple/'],
    ['/pypi/simple/acme-widget', '/pypi/simple/acme-widget/'],
    ['/pypi/simple/Acme.Widget/', '/pypi/simple/acme-widget/'],
    ['/pypi/simple/Acme__Widget', '/pypi/simple/acme-widget/'],
    ['/pypi/simple/Acme_Widget//?format=json', '/pypi/simple/acme-widget/?format=json'],
    ['/pypi/+simple/ACME-Widget', '/pypi/+simple/acme-widget/'],
    ['/pypi/legacy/+simple', '/pypi/legacy/+simple/'],
  ])('leads %s to %s', async (from, to) => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await sample.ask(from, { method });

      expect(answer.status).toBe(301);
      expect(new URL(answer.headers.location ?? '', `http://behind.example.com/prefix${from}`).href).toBe(`http://behind.example.com/prefix${to}`);
      expect((await sample.ask(to, { method })).status).toBe(200);
    }
  });

  it('lists what it has, sorted', async () => {
    await upload(wheelFile({ name: 'Zeta', version: '1' }));
    await upload(wheelFile({ name: 'alpha', version: '1' }));

    const json = await sample.ask('/pypi/simple/', { headers: PIP });
    const html = await sample.ask('/pypi/simple/');
    const again = await sample.ask('/pypi/simple/', { headers: { ...PIP, 'if-none-match': json.headers.etag ?? '' } });

    expect(json.json()['projects']).toEqual([{ name: 'acme-widget' }, { name: 'alpha' }, { name: 'zeta' }]);
    expect(html.text()).toContain('<a href="alpha/">alpha</a>');
    expect(again.status).toBe(304);
    expect(json.headers['cache-control']).toBe('private, no-cache');
  });

  it('serves files with strong validators, ranges and HEAD, however a plus is written', async () => {
    const paths = [wheel.filename, wheel.filename.replace('+', '%2B'), wheel.filename.replace('+', '%2b')].map((name) => `/pypi/files/acme-widget/${name}`);
    const [path = ''] = paths;

    for (const written of paths) {
      expect((await sample.ask(written)).body, written).toEqual(wheel.bytes);
    }
    const head = await sample.ask(path, { method: 'HEAD' });
    const etag = head.headers.etag ?? '';
    const middle = await sample.ask(path, { headers: { range: 'bytes=10-19' } });
    const suffix = await sample.ask(path, { headers: { range: 'bytes=-7' } });
    const resumed = await sample.ask(path, { headers: { range: 'bytes=100-', 'if-range': etag } });
    const other = await sample.ask(path, { headers: { range: 'bytes=100-', 'if-range': '"other"' } });
    const beyond = await sample.ask(path, { headers: { range: 'bytes=999999-' } });
    const same = await sample.ask(path, { headers: { 'if-none-match': etag } });

    expect(head.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': String(wheel.bytes.length),
      'cache-control': 'public, max-age=365000000, immutable',
      'accept-ranges': 'bytes',
      etag: `"sha256:${wheel.sha256}"`,
    });
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect([middle.status, middle.headers['content-range'], middle.body]).toEqual([206, `bytes 10-19/${wheel.bytes.length}`, wheel.bytes.subarray(10, 20)]);
    expect([suffix.status, suffix.body]).toEqual([206, wheel.bytes.subarray(-7)]);
    expect([resumed.status, resumed.body]).toEqual([206, wheel.bytes.subarray(100)]);
    expect([other.status, other.body.length]).toEqual([200, wheel.bytes.length]);
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, `bytes */${wheel.bytes.length}`]);
    expect(same.status).toBe(304);
  });

  it('serves the core metadata of wheels beside them', async () => {
    const path = `/pypi/files/acme-widget/${wheel.filename}.metadata`;

    const whole = await sample.ask(path);
    const head = await sample.ask(path, { method: 'HEAD' });
    const sdists = await sample.ask(`/pypi/files/acme-widget/${sdist.filename}.metadata`);

    expect(whole.body).toEqual(wheel.metadata);
    expect(whole.headers['cache-control']).toBe('public, max-age=365000000, immutable');
    expect([head.status, head.headers['content-length'], head.headers.etag]).toEqual([200, String(wheel.metadata.length), whole.headers.etag]);
    expect(sdists.status).toBe(404);
  });

  it.each(['/pypi/pypi/acme-widget/json', '/pypi/pypi/Acme.Widget/json/', '/pypi/acme-widget/json', '/pypi/pypi/acme-widget/1.0+cu128/json', '/pypi/acme-widget/1.0%2Bcu128/json/'])('answers %s', async (path) => {
    const answer = await sample.ask(path);
    const again = await sample.ask(path, { headers: { 'if-none-match': answer.headers.etag ?? '' } });

    expect(answer.status, answer.text()).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.json()).toMatchObject({ info: { name: 'Acme.Widget', version: '1.0+cu128', package_url: `http://127.0.0.1:${sample.port}/pypi/simple/acme-widget/` } });
    expect((answer.json()['urls'] as { url: string }[]).map(({ url }) => url)).toContain(`http://127.0.0.1:${sample.port}/pypi/files/acme-widget/${wheel.filename.replace('+', '%2B')}`);
    expect(again.status).toBe(304);
  });

  it('yanks and deletes by the management API', async () => {
    const headers = { authorization: ADMIN, 'content-type': 'application/json' };
    const base = '/api/v1/pypi/projects/acme-widget';

    const yanked = await sample.ask(`${base}/versions/1.0+cu128/yank`, { method: 'PUT', headers, body: '{"reason":"broken"}' });
    const shown = await sample.ask('/pypi/simple/acme-widget/', { headers: PIP });
    const nobody = await sample.ask(base, { method: 'DELETE' });
    const deleted = await sample.ask(`${base}/files/${sdist.filename}`, { method: 'DELETE', headers });
    const left = await sample.ask('/pypi/simple/acme-widget/', { headers: PIP });
    const unknown = await sample.ask('/api/v1/pypi/nothing', { headers });

    expect(yanked.status, yanked.text()).toBe(200);
    expect(filesOf(shown).map((file) => file['yanked'])).toEqual(['broken', 'broken']);
    expect(nobody.status).toBe(401);
    expect(deleted.status, deleted.text()).toBe(200);
    expect(filesOf(left).map(({ filename }) => filename)).toEqual([wheel.filename]);
    expect([unknown.status, unknown.json()['code']]).toEqual([404, 'not-found']);
  });

  it.each([
    ['GET', '/pypi/simple/missing/', 404, /missing/],
    ['HEAD', '/pypi/simple/missing/', 404, /./],
    ['GET', '/pypi/simple/-bad-/', 404, /not the name/],
    ['GET', '/pypi/simple/a%2f..%2fb/', 404, /not the name/],
    ['GET', '/pypi/files/acme-widget/acme_widget-9-py3-none-any.whl', 404, /no file/],
    ['HEAD', '/pypi/files/acme-widget/acme_widget-9-py3-none-any.whl', 404, /./],
    ['GET', '/pypi/files/acme-widget/acme_widget-9-py3-none-any.whl.metadata', 404, /no file/],
    ['GET', '/pypi/files/acme-widget/acme_widget-9-py3-none-any.whl.provenance', 404, /no file/],
    ['GET', '/pypi/integrity/acme-widget/9/acme_widget-9-py3-none-any.whl/provenance', 404, /no file/],
    ['GET', '/pypi/integrity/acme-widget/8/acme_widget-9-py3-none-any.whl/provenance', 404, /no file of version/],
    ['GET', '/pypi/pypi/missing/json', 404, /missing/],
    ['GET', '/pypi/pypi/acme-widget/9/json', 404, /version/],
    ['GET', '/pypi/legacy/', 404, /POST/],
    ['GET', '/pypi/search', 404, /search/],
    ['GET', '/pypi/acme-widget/', 404, /below simple/],
    ['POST', '/pypi/pypi', 404, /XML-RPC/],
    ['POST', '/pypi/simple/', 404, /legacy/],
    ['PATCH', '/pypi/simple/acme-widget/', 404, /nothing here/],
    ['GET', '/pypi/nowhere/at/all', 404, /nothing here/],
    ['POST', '/pypi/legacy/', 401, /Sign in/],
    ['POST', '/pypi/', 401, /Sign in/],
  ])('%s %s: %i', async (method, path, status, text) => {
    const answer = await sample.ask(path, { method });

    expect(answer.status, answer.text()).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.reason).toMatch(text);
    if (method !== 'HEAD') {
      expect(answer.json()).toEqual({ message: expect.stringMatching(text), code: `${status} ${String(answer.json()['message'])}`, title: expect.any(String) });
    }
  });

  it('says that an escape is none', async () => {
    const answer = await sample.ask('/pypi/simple/%zz/');

    expect([answer.status, answer.json()['message']]).toEqual([400, expect.stringMatching(/percent/)]);
  });

  it('says that there is no XML-RPC to who tries it on the index itself', async () => {
    const answer = await sample.ask('/pypi', { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<methodCall/>' });

    expect([answer.status, answer.reason]).toEqual([404, expect.stringMatching(/XML-RPC/)]);
  });

  it('tells how it is used, and nothing else', async () => {
    const answer = await sample.ask('/pypi');

    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(answer.text()).toContain(`--index-url http://127.0.0.1:${sample.port}/pypi/simple/`);
    expect(answer.text()).not.toContain('acme');
  });

  it('answers 401 to a wrong credential, wherever it is shown', async () => {
    for (const path of ['/pypi/', '/pypi/simple/', '/pypi/simple/acme-widget/', `/pypi/files/acme-widget/${wheel.filename}`, '/pypi/nowhere', '/api/v1/pypi/projects/acme-widget']) {
      const answer = await sample.ask(path, { headers: { authorization: basic('__token__', 'wrong') } });

      expect([answer.status, answer.headers['www-authenticate']], path).toEqual([401, expect.stringMatching(/^Basic realm="/)]);
    }
  });
});

describe('uploads', () => {
  const file = wheelFile({ name: 'acme-widget', version: '1.0' });

  it.each<[string, UploadClient]>([
    ['/pypi/legacy/', 'twine'],
    ['/pypi/legacy', 'uv'],
    ['/pypi/', 'poetry'],
    ['/pypi', 'pdm'],
    ['/pypi/legacy/', 'flit'],
    ['/pypi/legacy/', 'content-first'],
  ])('are taken at %s from %s', async (path, client) => {
    await start();

    const answer = await upload(file, { path, client });
    const again = await upload(file, { path, client });

    expect([answer.status, again.status], answer.text()).toEqual([200, 200]);
    expect([answer.text(), again.text()]).toEqual([`${file.filename} is stored.\n`, `${file.filename} was stored before, with the same content.\n`]);
    expect((await sample.ask(`/pypi/files/acme-widget/${file.filename}`)).body).toEqual(file.bytes);
  });

  it('of other bytes under the same name are a conflict, which every client understands', async () => {
    await start();
    await upload(file);

    const answer = await upload(wheelFile({ name: 'acme-widget', version: '1.0', padding: 10 }));

    expect(answer.status).toBe(409);
    expect(answer.reason).toMatch(/already exists/);
    expect(answer.json()['code']).toMatch(/^409 .*already exists/);
  });

  it('that are refused are read to their end, so that the client sees why', async () => {
    await start({ publishBytes: 100_000 });
    const big = wheelFile({ name: 'acme-widget', version: '2.0', padding: 3_000_000 });

    const tooLarge = await upload(big);
    const nobody = await upload(big, { headers: { authorization: '' } });
    const malformed = await upload(big, { headers: { 'content-type': 'application/json' } });

    const wrong = await upload(big, { headers: { authorization: basic('__token__', 'wrong') } });
    const nowhere = await upload(big, { path: '/pypi/upload/' });

    expect([tooLarge.status, nobody.status, malformed.status, wrong.status, nowhere.status]).toEqual([413, 401, 415, 401, 404]);
    expect(nobody.headers['www-authenticate']).toMatch(/^Basic realm="/);
    expect(tooLarge.reason).toMatch(/100/);
  });

  it('are switched off', async () => {
    await start({ publish: false });

    const answer = await upload(file);
    const yank = await sample.ask('/api/v1/pypi/projects/acme-widget/versions/1.0/yank', { method: 'PUT', headers: { authorization: ADMIN } });

    expect([answer.status, answer.reason]).toEqual([403, expect.stringMatching(/switched off/)]);
    expect(yank.status).toBe(403);
  });

  it('are refused to who may not publish the project, by its normalized name', async () => {
    await start({ rules: [{ who: ['admin'], may: ['read'], ecosystem: 'pypi', packages: ['**'] }] });
    const admin = { kind: 'admin', name: 'admin', tokenId: null } as const;
    const { token } = await sample.tokens.issue(admin, { description: 'upload', scope: { actions: ['read', 'publish'], ecosystem: 'pypi', packages: ['acme-*'] }, expires: null });
    const headers = { authorization: basic('__token__', token) };

    const allowed = await upload(wheelFile({ name: 'Acme.Widget', version: '1.0' }), { headers });
    const other = await upload(wheelFile({ name: 'other', version: '1.0' }), { headers });

    expect(allowed.status, allowed.text()).toBe(200);
    expect([other.status, other.reason]).toEqual([403, expect.stringMatching(/may not publish pypi package other/)]);
  });
});

describe('who may read', () => {
  const file = wheelFile({ name: 'secret', version: '1.0' });
  const open = wheelFile({ name: 'open', version: '1.0' });
  const paths = ['/pypi/simple/secret/', '/pypi/simple/Secret', `/pypi/files/secret/${file.filename}`, `/pypi/files/secret/${file.filename}.metadata`, '/pypi/pypi/secret/json'];

  it('is asked first, and everywhere, where nobody may without signing in', async () => {
    await start({ anonymousRead: false });
    await upload(file);

    for (const path of [...paths, '/pypi/simple/', '/pypi/simple/nothing/', '/pypi/simple/-bad-/', '/pypi/files/nothing/x-1.tar.gz']) {
      const answer = await sample.ask(path);

      expect([answer.status, answer.headers['www-authenticate']], path).toEqual([401, expect.stringMatching(/^Basic realm="/)]);
    }
    const page = await sample.ask('/pypi/simple/secret/', { headers: { ...PIP, authorization: ADMIN } });
    const bytes = await sample.ask(`/pypi/files/secret/${file.filename}`, { headers: { authorization: ADMIN } });

    expect(page.headers).toMatchObject({ 'cache-control': 'private, no-cache', vary: 'Accept, Accept-Encoding, Authorization' });
    expect(bytes.headers).toMatchObject({ 'cache-control': 'private, max-age=365000000, immutable', vary: 'Authorization' });
    expect((await sample.ask('/pypi/')).status).toBe(200);
  });

  it('decides what is listed', async () => {
    await start({ rules: [{ who: ['*'], may: ['read'], ecosystem: 'pypi', packages: ['open'] }] });
    await upload(file);
    await upload(open);
    const admin = { kind: 'admin', name: 'admin', tokenId: null } as const;
    const { token } = await sample.tokens.issue(admin, { description: 'read', scope: { actions: ['read'], ecosystem: 'pypi', packages: ['open'] }, expires: null });
    const known = { authorization: basic('anybody', token) };

    const nobodys = await sample.ask('/pypi/simple/', { headers: PIP });
    const admins = await sample.ask('/pypi/simple/', { headers: { ...PIP, authorization: ADMIN } });

    expect(nobodys.json()['projects']).toEqual([{ name: 'open' }]);
    expect(admins.json()['projects']).toEqual([{ name: 'open' }, { name: 'secret' }]);
    for (const path of paths) {
      expect((await sample.ask(path)).status, path).toBe(401);
      expect((await sample.ask(path, { headers: known })).status, path).toBe(403);
    }
  });
});

describe('an index over upstream', () => {
  const numpy = wheelFile({ name: 'numpy', version: '2.0', padding: 200_000 });
  const old = sdistFile({ name: 'numpy', version: '1.0' });

  beforeEach(async () => {
    upstream = await startPypiUpstream([
      { name: 'numpy', files: [{ file: numpy, requiresPython: '>=3.10', provenance: { version: 1, attestation_bundles: [] } }, { file: old, yanked: 'too old' }] },
      { name: 'acme-public', files: [{ file: wheelFile({ name: 'acme-public', version: '1.0' }) }] },
    ]);
  });

  function askedOf(text: string): string[] {
    return upstream?.requests.filter((path) => path.includes(text)) ?? [];
  }

  it('carries over what upstream says, with files of our own host', async () => {
    await start();

    const page = await sample.ask('/pypi/simple/numpy/', { headers: PIP });
    const shown = filesOf(page).find(({ filename }) => filename === numpy.filename);

    expect(shown).toMatchObject({ url: `http://127.0.0.1:${sample.port}/pypi/files/numpy/${numpy.filename}`, hashes: { sha256: numpy.sha256 }, size: numpy.bytes.length, 'requires-python': '>=3.10' });
    expect(filesOf(page).find(({ filename }) => filename === old.filename)).toMatchObject({ yanked: 'too old' });
    expect(shown?.['provenance']).toBe(`http://127.0.0.1:${sample.port}/pypi/files/numpy/${numpy.filename}.provenance`);
    for (const path of [`/pypi/files/numpy/${numpy.filename}.provenance`, `/pypi/integrity/numpy/2/${numpy.filename}/provenance`]) {
      const provenance = await sample.ask(path);

      expect([provenance.status, provenance.headers['content-type'], provenance.headers['cache-control']], path).toEqual([200, 'application/vnd.pypi.integrity.v1+json', 'public, no-cache']);
      expect(provenance.json()).toEqual({ version: 1, attestation_bundles: [] });
    }
    expect((await sample.ask(`/pypi/files/numpy/${numpy.filename}.metadata`)).body).toEqual(numpy.metadata);
  });

  it('downloads nothing for HEAD, streams a file once for all, and serves it from storage with the same validator', async () => {
    await start();
    const path = `/pypi/files/numpy/${numpy.filename}`;

    const head = await sample.ask(path, { method: 'HEAD' });
    const fetched = askedOf(numpy.filename);
    const [one, two] = await Promise.all([sample.ask(path), sample.ask(path)]);
    const outcomes = await sample.ingest();
    const held = await sample.ask(path, { headers: { range: 'bytes=100-199' } });
    const heldHead = await sample.ask(path, { method: 'HEAD' });

    expect(fetched).toEqual([]);
    expect([head.status, head.headers['content-length'], head.headers['accept-ranges']]).toEqual([200, String(numpy.bytes.length), undefined]);
    expect([one.body, two.body]).toEqual([numpy.bytes, numpy.bytes]);
    expect(askedOf(`${numpy.filename}`).filter((asked) => !asked.endsWith('.metadata'))).toHaveLength(1);
    expect(outcomes).toEqual(['stored']);
    expect([held.status, held.body]).toEqual([206, numpy.bytes.subarray(100, 200)]);
    expect(heldHead.headers['accept-ranges']).toBe('bytes');
    expect(new Set([head.headers.etag, one.headers.etag, held.headers.etag, heldHead.headers.etag])).toEqual(new Set([`"sha256:${numpy.sha256}"`]));
  });

  it.each([
    ['without a size', { size: null }],
    ['without any digest', { hashes: {}, size: null }],
  ])('tells size and digest of a file %s, whatever condition it is asked for on', async (_, said) => {
    upstream?.put({ name: 'numpy', files: [{ file: numpy, ...said }] });
    await start();
    const path = `/pypi/files/numpy/${numpy.filename}`;

    const whole = await sample.ask(path, { headers: { 'if-none-match': '"other"' } });
    const same = await sample.ask(path, { headers: { 'if-none-match': whole.headers.etag ?? '' } });
    const held = await sample.ask(path, { headers: { 'if-match': whole.headers.etag ?? '' } });

    expect(whole).toMatchObject({ status: 200, headers: { etag: `"sha256:${numpy.sha256}"`, 'content-length': String(numpy.bytes.length) } });
    expect([same.status, held.status]).toEqual([304, 200]);
  });

  it('lets a broken download go on while the file is not stored yet', async () => {
    await start();

    const rest = await sample.ask(`/pypi/files/numpy/${numpy.filename}`, { headers: { range: 'bytes=1000-', 'if-range': `"sha256:${numpy.sha256}"` } });

    expect([rest.status, rest.headers['content-range'], rest.body]).toEqual([206, `bytes 1000-${numpy.bytes.length - 1}/${numpy.bytes.length}`, numpy.bytes.subarray(1000)]);
  });

  it('goes on with what it holds when upstream is gone, and never says not found because of it', async () => {
    await start();
    await sample.ask(`/pypi/files/numpy/${numpy.filename}`);
    await sample.ingest();
    const kept = sample;
    await start({ registry: kept.registry });
    await kept.stop();
    if (upstream !== null) {
      upstream.mode = 'error';
    }

    const page = await sample.ask('/pypi/simple/numpy/', { headers: PIP });
    const file = await sample.ask(`/pypi/files/numpy/${numpy.filename}`);
    const unknown = await sample.ask('/pypi/simple/acme-public/', { headers: PIP });
    const missing = await sample.ask('/pypi/files/acme-public/acme_public-1.0-py3-none-any.whl');

    expect(filesOf(page).map(({ filename }) => filename)).toContain(numpy.filename);
    expect(file.body).toEqual(numpy.bytes);
    expect([unknown.status, missing.status]).toEqual([503, 503]);
  });

  it('never asks upstream for a private name, by whatever path', async () => {
    await start({ privateNames: ['Acme.*'] });

    for (const path of ['/pypi/simple/acme-public/', '/pypi/+simple/acme-public/', '/pypi/files/acme-public/acme_public-1.0-py3-none-any.whl', '/pypi/files/acme-public/acme_public-1.0-py3-none-any.whl.metadata', '/pypi/files/acme-public/acme_public-1.0-py3-none-any.whl.provenance', '/pypi/pypi/acme-public/json', '/pypi/integrity/acme-public/1.0/acme_public-1.0-py3-none-any.whl/provenance']) {
      expect((await sample.ask(path, { headers: { ...PIP, 'cache-control': 'no-cache' } })).status, path).toBe(404);
    }
    const published = await upload(wheelFile({ name: 'Acme_Public', version: '9.0' }));

    expect(published.status, published.text()).toBe(200);
    expect(upstream?.requests).toEqual([]);
  });

  it('refuses to publish what upstream has', async () => {
    await start();

    const refused = await upload(wheelFile({ name: 'numpy', version: '9.0' }));

    expect(refused.status).toBe(409);
    expect(refused.reason).toMatch(/^Upstream has a project numpy/);
  });

  it('asks upstream again for who says so, and not for who always says so', async () => {
    await start({ ttlMs: 600_000 });
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const before = askedOf('/simple/numpy/').length;
      await sample.ask('/pypi/simple/numpy/', { headers: { ...PIP, ...headers } });
      return askedOf('/simple/numpy/').length - before;
    };

    expect(await ask({})).toBe(1);
    expect(await ask({})).toBe(0);
    expect(await ask({ 'cache-control': 'max-age=0', 'user-agent': 'pip/24.0 {}' })).toBe(0);
    expect(await ask({ 'cache-control': 'max-age=0', 'user-agent': 'pip/26.2.1 {}' })).toBe(1);
    expect(await ask({ 'cache-control': 'no-cache', 'user-agent': 'uv/0.12.5' })).toBe(1);
  });
});

describe('named indexes', () => {
  const numpy = wheelFile({ name: 'numpy', version: '2.0' });
  const ours = wheelFile({ name: 'numpy', version: '2.0', tag: '1-py3-none-any' });
  const pandas = wheelFile({ name: 'pandas', version: '3.0' });
  const tool = wheelFile({ name: 'tool', version: '1.0' });
  const section = {
    indexes: {
      internal: { upstreams: [] },
      team: { upstreams: ['default'], merge: ['numpy'] },
      mirror: { published: false, upstreams: ['default'] },
    },
  };

  beforeEach(async () => {
    upstream = await startPypiUpstream([{ name: 'numpy', files: [{ file: numpy }] }, { name: 'pandas', files: [{ file: pandas }] }]);
    await start({ section });
    expect((await upload(tool, { path: '/pypi/internal/legacy/' })).status).toBe(200);
    expect((await upload(ours, { path: '/pypi/team/legacy/' })).status).toBe(200);
  });

  it('each show what they are to show, with files below themselves', async () => {
    const names = async (index: string, project: string): Promise<readonly string[] | number> => {
      const page = await sample.ask(`/pypi/${index}simple/${project}/`, { headers: PIP });
      for (const { url } of page.status === 200 ? filesOf(page) : []) {
        expect(url).toContain(`/pypi/${index}files/${project}/`);
        expect((await sample.ask(new URL(url).pathname)).status, url).toBe(200);
      }
      return page.status === 200 ? filesOf(page).map(({ filename }) => filename).sort() : page.status;
    };

    expect(await names('internal/', 'numpy')).toEqual([ours.filename]);
    expect(await names('team/', 'numpy')).toEqual([ours.filename, numpy.filename].sort());
    expect(await names('mirror/', 'pandas')).toEqual([pandas.filename]);
    expect(await names('internal/', 'pandas')).toBe(404);
    expect(await names('mirror/', 'tool')).toBe(404);
    expect(await names('', 'tool')).toEqual([tool.filename]);
    expect((await sample.ask('/pypi/mirror/simple/', { headers: PIP })).json()['projects']).not.toContainEqual({ name: 'tool' });
  });

  it('keep what they do not show behind no path', async () => {
    for (const path of [`/pypi/mirror/files/tool/${tool.filename}`, `/pypi/mirror/files/tool/${tool.filename}.metadata`, '/pypi/mirror/pypi/tool/json', `/pypi/internal/files/numpy/${numpy.filename}`]) {
      expect((await sample.ask(path)).status, path).toBe(404);
    }
  });

  it('take uploads, where they do', async () => {
    const refused = await upload(wheelFile({ name: 'other', version: '1' }), { path: '/pypi/mirror/legacy/' });

    expect([refused.status, refused.reason]).toEqual([403, expect.stringMatching(/index mirror/)]);
  });

  it('are no projects, and the one at the base has no other path', async () => {
    expect((await sample.ask('/pypi/team/json')).status).toBe(404);
    expect((await sample.ask('/pypi/default/simple/')).status).toBe(404);
    expect((await sample.ask('/pypi/team/pypi/numpy/json')).status).toBe(200);
    expect((await sample.ask('/pypi/team')).text()).toContain('/pypi/team/simple/');
    expect((await sample.ask('/pypi/mirror')).text()).not.toContain('legacy');
    expect((await sample.ask('/pypi/team/simple/NumPy')).headers.location).toBe('numpy/');
    expect((await sample.ask('/pypi/team/legacy/+simple/numpy/')).status).toBe(200);
  });
});

describe('at the root of a host', () => {
  it('has the same paths without a prefix, and the management beside them', async () => {
    await start({ prefix: '', publicUrl: 'https://packages.example.com' });
    const file = wheelFile({ name: 'tool', version: '1.0' });

    const uploaded = await upload(file, { path: '/legacy/' });
    const page = await sample.ask('/simple/tool/', { headers: PIP });
    const json = await sample.ask('/pypi/tool/json');
    const short = await sample.ask('/tool/json');
    const managed = await sample.ask('/api/v1/pypi/projects/tool');

    expect(uploaded.status, uploaded.text()).toBe(200);
    expect(filesOf(page)[0]?.url).toBe(`https://packages.example.com/files/tool/${file.filename}`);
    expect([json.status, short.status, managed.status]).toEqual([200, 404, 200]);
  });
});
