import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { STATUS_CODES } from 'node:http';
import { join } from 'node:path';

import { bigWheel, coreMetadata, noise, type PackageFile, pypiUploadBody, type PypiUpstream, sdistFile, startPypiUpstream, temporaryDirectory, type UploadClient, wheelFile, zipFile } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { BAD_LARGE_UPLOADS, BAD_UPLOADS, type Sent } from './bad-upload-table.ts';
import { sdistWith } from './hostile-archives.ts';
import { ADMIN_TOKEN, type PypiStandalone, startPypiStandalone } from './pypi-standalone.ts';
import { distribution, publish, type Publish, type Publisher } from './python-publishes.ts';
import { basic, breakOff, type RawUpload, send, type UploadReply, withBytes } from './raw-upload.ts';
import { startRelay } from './relay.ts';

// poetry orders its parts as twine does, and pdm as hatch.
const ORDERS: readonly UploadClient[] = ['twine', 'uv', 'hatch', 'flit', 'content-first'];
/** Looks like one of ours. */
const UNKNOWN_TOKEN = `opp_0123456789abcdef_${'A'.repeat(43)}`;
const PASSWORD = 'correct horse battery';
// bcrypt of that, cost 10.
const USERS = 'carol:$2b$10$cr5/wi6Qnot5aJ5pjgKcFu9byMyKdcyRBCtI.GUITAWC/1DeaIqgW\n';
const CONFIG = `
limits:
  publishBytes: 1MiB
ecosystems:
  pypi:
    indexes:
      mirror: { published: false, upstreams: [default] }
      narrow: { upstreams: [], packages: ['acme-*'] }
`;
const JSON_PAGE = { accept: 'application/vnd.pypi.simple.v1+json' };

interface Page {
  readonly versions: readonly string[];
  readonly files: readonly { readonly filename: string; readonly url: string; readonly hashes: Record<string, string>; readonly 'core-metadata': unknown; readonly provenance?: string | null }[];
}

let home: string;
let upstream: PypiUpstream;
let proxy: PypiStandalone;
let projects = 0;

beforeAll(async () => {
  home = await temporaryDirectory('bad-uploads');
  await writeFile(join(home, 'htpasswd'), USERS);
  await writeFile(join(home, 'config.yaml'), CONFIG);
  upstream = await startPypiUpstream([{ name: 'leaf', files: [{ file: wheelFile({ name: 'leaf', version: '1.0' }) }] }]);
  proxy = await startPypiStandalone({ PYPI_UPSTREAM_URL: upstream.url, USERS_FILE: join(home, 'htpasswd'), CONFIG_FILE: join(home, 'config.yaml') });
});
afterAll(async () => {
  await proxy?.stop();
  await upstream?.close();
  await rm(home, { recursive: true, force: true });
});
afterEach(async () => {
  expect((await fetch(`${proxy.origin}/readyz`)).status).toBe(200);
  await expect.poll(uploadsOnDisk).toEqual([]);
  expect(proxy.app.output()).not.toMatch(/"level":"(?:error|fatal)"|"path":"\/pypi\/[^"]*","status":5/);
});

/** Temporary files of uploads that the proxy has. */
async function uploadsOnDisk(): Promise<string[]> {
  const entries = await readdir(join(proxy.directory, 'data/uploads'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

function newName(): string {
  projects += 1;
  return `acme-project-${projects}`;
}

function form(sent: Sent, client: UploadClient = 'twine'): RawUpload {
  return pypiUploadBody({ ...sent, client });
}

/** Null: there is no such project. */
async function page(name: string, index = proxy.index): Promise<Page | null> {
  const answer = await fetch(`${index}${name}/`, { headers: JSON_PAGE });
  expect([200, 404]).toContain(answer.status);
  return answer.status === 404 ? null : ((await answer.json()) as Page);
}

/** A refusal as its clients understand it: a status that nobody tries again after, and the sentence wherever they look for it. */
function expectRefusal(reply: UploadReply, status: number, says: RegExp, context = ''): void {
  expect([reply.status, reply.body], context).toEqual([status, expect.stringMatching(/^\{"message":"/)]);
  const { message, code, title } = JSON.parse(reply.body) as Record<string, string>;
  expect(message, context).toMatch(says);
  expect(reply.reason, context).toMatch(says);
  expect(reply.reason, context).toMatch(/^[\x20-\x7e]{20,200}$/);
  expect([code, title], context).toEqual([`${status} ${message}`, STATUS_CODES[status]]);
  expect(reply.headers['content-type'], context).toMatch(/^application\/json/);
}

describe('a bad upload', () => {
  it.each(BAD_UPLOADS)('is refused, whatever the order of its parts: $what', async ({ make, status, says }) => {
    const name = newName();
    const sent = make(name);

    for (const client of JSON.stringify(sent.fields ?? null).length > 10_000 ? ORDERS.slice(0, 1) : ORDERS) {
      expectRefusal(await send(proxy.upload, form(sent, client)), status, says, client);
    }
    expect(await page(name)).toBeNull();
  });

  it.each(BAD_LARGE_UPLOADS)('is refused: $what', async ({ make, status, says }) => {
    const name = newName();
    const sent = make(name);

    for (const client of ['twine', 'content-first'] as const) {
      expectRefusal(await send(proxy.upload, form(sent, client)), status, says, client);
    }
    expect(await page(name)).toBeNull();
  });

  it.each<[string, number, RegExp, (upload: RawUpload) => Partial<RawUpload>]>([
    ['no form', 415, /^An upload is a form of the type multipart\/form-data/, () => ({ contentType: 'application/json', body: Buffer.from('{}') })],
    ['a form of another kind', 415, /^An upload is a form of the type multipart\/form-data/, () => ({ contentType: 'application/x-www-form-urlencoded', body: Buffer.from(':action=file_upload') })],
    ['no type', 415, /^An upload is a form of the type multipart\/form-data/, () => ({ contentType: undefined })],
    ['no boundary', 400, /^The upload is not a whole form/, () => ({ contentType: 'multipart/form-data' })],
    ['another boundary', 400, /^The upload is not a whole form/, () => ({ contentType: 'multipart/form-data; boundary=another' })],
    ['nothing', 400, /^The upload is not a whole form/, () => ({ body: Buffer.alloc(0) })],
    ['half of a form', 400, /^The upload is not a whole form/, ({ body }) => ({ body: body.subarray(0, body.length / 2) })],
    ['a form without its last boundary', 400, /^The upload is not a whole form/, ({ body }) => ({ body: body.subarray(0, -40) })],
    ['a form without a file', 400, /^The upload has no file/, ({ body }) => ({ body: Buffer.concat([body.subarray(0, body.indexOf('name="content"')), Buffer.from('name="other"\r\n\r\nx\r\n----------------------------e2e0123456789abcdef--\r\n')]) })],
    ['a file without a name', 400, /^"" cannot be the name of a file/, ({ body }) => ({ body: Buffer.from(body.toString('latin1').replace(/; filename="[^"]*"/, ''), 'latin1') })],
    ['a part whose headers have 100 kB', 400, /^The upload does not say the version of the project/, ({ body }) => ({ body: Buffer.from(body.toString('latin1').replace('Content-Disposition: form-data; name="version"', `X-Long: ${'a'.repeat(100_000)}\r\n$&`), 'latin1') })],
    ['a version of 100 kB', 400, /^"1\.1\.1\..* is not a version as PEP 440 has it/, ({ body }) => ({ body: Buffer.from(body.toString('latin1').replace('1.0\r\n', `${'1.'.repeat(50_000)}0\r\n`), 'latin1') })],
    ['a search by XML-RPC', 404, /^There is no XML-RPC here, and so no pip search/, () => ({ contentType: 'text/xml', body: Buffer.from('<methodCall/>') })],
  ])('is refused: %s', async (_what, status, says, change) => {
    const name = newName();
    const upload = form({ file: wheelFile({ name, version: '1.0' }) });

    expectRefusal(await send(proxy.upload, { ...upload, ...change(upload) }), status, says);
    expect(await page(name)).toBeNull();
  });

  it('is forgotten when its sender goes away, wherever that is', async () => {
    const name = newName();

    for (const client of ORDERS) {
      const upload = form({ file: wheelFile({ name, version: '1.0', padding: 300_000, method: 'stored' }) }, client);
      for (const part of [0, 0.1, 0.5, 0.99]) {
        await breakOff(proxy.upload, upload, Math.floor(upload.body.length * part));
      }
    }

    await expect.poll(uploadsOnDisk).toEqual([]);
    expect(await page(name)).toBeNull();
  });

  it.each<[string, string, number, RegExp]>([
    ['the pages', 'POST /pypi/simple/', 404, /^Files are uploaded to legacy\/, not to simple\//],
    ['the upload endpoint by PUT', 'PUT /pypi/legacy/', 404, /there is nothing here/],
  ])('is refused: one to %s', async (_where, request, status, says) => {
    const [method = '', path = ''] = request.split(' ');

    expectRefusal(await send(`${proxy.origin}${path}`, { ...form({ file: wheelFile({ name: newName(), version: '1.0' }) }), method }), status, says);
  });

  it('is told why in JSON, whatever the client says that it reads', async () => {
    const sent = form({ file: wheelFile({ name: newName(), version: '1.0' }), fields: { version: null } });

    for (const accept of ['*/*', 'text/html', 'application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7']) {
      expectRefusal(await send(proxy.upload, { ...sent, accept }), 400, /the field version is missing/, accept);
    }
  });
});

describe('an upload of somebody who may not', () => {
  it.each<[string, number, RegExp, string | null]>([
    ['nobody', 401, /^Sign in to upload: a user name and password, or __token__ and a token/, null],
    ['a token that nobody issued', 401, /^The token is not valid/, basic('__token__', UNKNOWN_TOKEN)],
    ['a bearer token that nobody issued', 401, /^The token is not valid/, `Bearer ${UNKNOWN_TOKEN}`],
    ['a token that is none', 401, /^The token is not valid/, basic('__token__', 'letmein')],
    ['a wrong password', 401, /^The user name or the password is wrong/, basic('carol', 'wrong')],
    ['an unknown user', 401, /^The user name or the password is wrong/, basic('mallory', PASSWORD)],
    ['a header that is none', 401, /^The Authorization header is malformed/, 'Basic ???'],
  ])('is refused: %s', async (_who, status, says, authorization) => {
    const name = newName();

    for (const padding of [0, 2_000_000]) {
      const reply = await send(proxy.upload, { ...form({ file: wheelFile({ name, version: '1.0', padding }) }), authorization });

      expectRefusal(reply, status, says);
      expect(reply.headers['www-authenticate']).toMatch(/^Basic realm="/);
    }
    expect(await page(name)).toBeNull();
  });

  it('is refused: a token that may only read', async () => {
    const name = newName();
    const token = await readersToken();

    for (const client of ORDERS) {
      const reply = await send(proxy.upload, { ...form({ file: wheelFile({ name, version: '1.0' }) }, client), authorization: basic('__token__', token) });

      expectRefusal(reply, 403, /^This token of carol may not publish pypi package acme-project-/, client);
      expect(reply.headers['www-authenticate']).toBeUndefined();
    }
    expect(await page(name)).toBeNull();
  });

  it('is refused, and her own password is not: a user whose token may only read', async () => {
    const file = wheelFile({ name: newName(), version: '1.0' });

    const reply = await send(proxy.upload, { ...form({ file }), authorization: basic('carol', PASSWORD) });

    expect([reply.status, reply.body]).toEqual([200, `${file.filename} is stored.\n`]);
  });
});

/** A token of carol's that may only read. */
async function readersToken(): Promise<string> {
  const answer = await fetch(`${proxy.origin}/npm/-/npm/v1/tokens`, {
    method: 'POST',
    headers: { authorization: basic('carol', PASSWORD), 'content-type': 'application/json' },
    body: JSON.stringify({ password: PASSWORD, readonly: true, cidr_whitelist: [] }),
  });
  const { token } = (await answer.json()) as { token: string };
  expect(token).toMatch(/./);
  return token;
}

describe('an upload to where it cannot go', () => {
  it('is refused: a name that upstream has', async () => {
    const before = await page('leaf');

    for (const client of ORDERS) {
      expectRefusal(await send(proxy.upload, form({ file: wheelFile({ name: 'leaf', version: '9.0' }) }, client)), 409, /^Upstream has a project leaf, and whoever publishes it here would take its place/, client);
    }
    expect(await page('leaf')).toEqual(before);
  });

  it('is refused: an index that takes no uploads', async () => {
    const name = newName();

    for (const path of ['mirror/legacy/', 'mirror/']) {
      expectRefusal(await send(`${proxy.origin}/pypi/${path}`, form({ file: wheelFile({ name, version: '1.0' }) })), 403, /^Files cannot be uploaded to the index mirror/);
    }
    expect(await page(name)).toBeNull();
  });

  it('is refused: an index that does not show the project', async () => {
    expectRefusal(await send(`${proxy.origin}/pypi/narrow/legacy/`, form({ file: wheelFile({ name: 'wide', version: '1.0' }) })), 403, /^The index narrow does not show projects called wide/);
    expect(await page('wide')).toBeNull();
  });

  it.each(['archived', 'quarantined'])('is refused: a project that is %s', async (status) => {
    const name = newName();
    await stored({ file: wheelFile({ name, version: '1.0' }) });
    await proxy.manage('PUT', `projects/${name}/status`, { status, reason: 'moved to acme-next' });
    const before = await page(name);

    expectRefusal(await send(proxy.upload, form({ file: wheelFile({ name, version: '1.1' }) })), 403, new RegExp(`^${name} is ${status} \\(moved to acme-next\\), and takes no files`));
    expect(await page(name)).toEqual(before);
  });

  it('is refused: a file that was deleted, with the same bytes and with others', async () => {
    const name = newName();
    const file = wheelFile({ name, version: '1.0' });
    await stored({ file });
    expect((await proxy.manage('DELETE', `projects/${name}/files/${file.filename}`)).status).toBe(200);

    for (const again of [file, wheelFile({ name, version: '1.0', padding: 10 })]) {
      expectRefusal(await send(proxy.upload, form({ file: again })), 409, /was deleted, and the name of a deleted file is never used again/);
    }
  });

  it('is refused: other bytes under a name that is there; the same bytes are a success', async () => {
    const name = newName();
    const file = wheelFile({ name, version: '1.0' });
    await stored({ file });
    const before = await page(name);

    for (const client of ORDERS) {
      const same = await send(proxy.upload, form({ file }, client));

      expect([same.status, same.body], client).toEqual([200, `${file.filename} was stored before, with the same content.\n`]);
      expectRefusal(await send(proxy.upload, form({ file: wheelFile({ name, version: '1.0', padding: 10 }) }, client)), 409, /already exists with other contents/, client);
    }
    expect(await page(name)).toEqual(before);
  });

  it.each<[string, (name: string) => Sent]>([
    ['as a zip', (name) => ({ file: zipSdist(name) })],
    ['spelled with hyphens', (name) => ({ file: withBytes(sdistWith(name, []), sdistWith(name, []).bytes, `${name}-1.0.tar.gz`) })],
    ['of another spelling of the version', (name) => ({ file: sdistFile({ name, version: '1.0.0' }) })],
  ])('is refused: a second source distribution of a release, %s', async (_what, make) => {
    const name = newName();
    await stored({ file: sdistFile({ name, version: '1.0' }) });
    const before = await page(name);

    expectRefusal(await send(proxy.upload, form(make(name))), 409, /^A source distribution of .* already exists, /);
    expect(await page(name)).toEqual(before);
  });
});

/** Uploads what is good. */
async function stored(sent: Sent, client?: UploadClient): Promise<UploadReply> {
  const reply = await send(proxy.upload, form(sent, client));
  expect([reply.status, reply.body], client).toEqual([200, expect.stringMatching(/stored/)]);
  return reply;
}

function zipSdist(name: string, version = '1.0'): PackageFile {
  const root = `${name.replaceAll('-', '_')}-${version}`;
  const metadata = coreMetadata({ name, version });
  return withBytes({ ...sdistFile({ name, version }), metadata }, zipFile([{ path: `${root}/PKG-INFO`, content: metadata }, { path: `${root}/setup.py`, content: Buffer.from('') }]), `${root}.zip`);
}

function attestation(file: PackageFile): unknown {
  const statement = { _type: 'https://in-toto.io/Statement/v1', subject: [{ name: file.filename, digest: { sha256: file.sha256 } }], predicateType: 'https://docs.example.com/attestations/publish/v1', predicate: null };
  return { version: 1, verification_material: { certificate: 'AAAA', transparency_entries: [{ logIndex: '1' }] }, envelope: { statement: Buffer.from(JSON.stringify(statement)).toString('base64'), signature: 'AAAA' } };
}

async function zip64Wheel(name: string): Promise<PackageFile> {
  const { path, ...big } = await bigWheel({ directory: home, bytes: 100_000, name });
  return { ...big, bytes: await readFile(path) };
}

describe('a good upload that others refuse', () => {
  it.each<[string, (name: string) => Sent | Promise<Sent>]>([
    ['a local version', (name) => ({ file: wheelFile({ name, version: '2.9.1+cu128', tag: 'cp313-cp313-linux_x86_64' }) })],
    ['an epoch', (name) => ({ file: wheelFile({ name, version: '1!2.0' }) })],
    ['a build tag', (name) => ({ file: wheelFile({ name, version: '1.0', tag: '2b-py3-none-any' }) })],
    ['a version of development', (name) => ({ file: sdistFile({ name, version: '1.0.dev20261125' }) })],
    ['metadata of version 2.5', (name) => ({ file: wheelFile({ name, version: '1.0', metadataVersion: '2.5', extraMetadata: ['Import-Name: acme'] }) })],
    ['metadata of a version that is not there yet', (name) => ({ file: wheelFile({ name, version: '1.0', metadataVersion: '9.9', extraMetadata: ['Unheard-Of: yes'] }) })],
    ['another spelling of its own version', (name) => ({ file: wheelFile({ name, version: '1.0' }), fields: { version: '1.0.0' } })],
    ['a name in another spelling', (name) => ({ file: wheelFile({ name: name.replaceAll('-', '.').toUpperCase(), version: '1.0' }) })],
    ['a description of 1.5 MiB', (name) => ({ file: wheelFile({ name, version: '1.0', description: 'wörds \n'.repeat(200_000) }) })],
    ['a source distribution that is a zip', (name) => ({ file: zipSdist(name) })],
    ['a wheel with sizes in 64 bits', async (name) => ({ file: await zip64Wheel(name) })],
    ['a link that stays inside', (name) => ({ file: sdistWith(name, [{ path: 'acme/link', type: '2', target: './other' }]) })],
    ['values that old setuptools sends for none', (name) => ({ file: wheelFile({ name, version: '1.0' }), fields: { home_page: 'UNKNOWN', requires_python: 'UNKNOWN', md5_digest: '' } })],
    ['a signature and fields that nobody knows', (name) => ({ file: wheelFile({ name, version: '1.0' }), fields: { gpg_signature: '-----BEGIN', brand_new: ['a', 'b'] } })],
    ['attestations', (name) => attested(wheelFile({ name, version: '1.0' }))],
  ])('is taken and shown, whatever the order of its parts: %s', async (_what, make) => {
    const name = newName();
    const sent = await make(name);
    const orders = sent.file.bytes.length > 1e5 ? ORDERS.slice(0, 2) : ORDERS;

    for (const client of orders.toReversed()) {
      await stored(sent, client);
    }

    const shown = await page(name);
    expect(shown?.files.map(({ filename, hashes }) => [filename, hashes['sha256']])).toEqual([[sent.file.filename, sent.file.sha256]]);
    const url = new URL(shown?.files[0]?.url ?? '', `${proxy.index}${name}/`).href;
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(sent.file.bytes)).toBe(true);
    if (sent.file.filename.endsWith('.whl')) {
      expect(Buffer.from(await (await fetch(`${url}.metadata`)).arrayBuffer()).equals(sent.file.metadata)).toBe(true);
    }
  });

  it.each<[string, (upload: RawUpload) => Partial<RawUpload>]>([
    ['without saying how long it is', () => ({ headers: { 'content-length': null, 'transfer-encoding': 'chunked' } })],
    ['after asking whether it may', () => ({ headers: { expect: '100-continue' } })],
    ['with its boundary in quotes, and other parameters', ({ contentType }) => ({ contentType: `Multipart/Form-Data; charset=utf-8; ${contentType?.replace(/.*(boundary)=(.*)/, '$1="$2"')}` })],
    ['with text before and after the form', ({ body }) => ({ body: Buffer.concat([Buffer.from('This is a form.\r\n'), body, Buffer.from('That was a form.\r\n')]) })],
    ['with a part that says nothing of itself', ({ body }) => ({ body: Buffer.concat([body.subarray(0, body.indexOf('\r\n') + 2), Buffer.from('\r\nx\r\n'), body]) })],
    ['with its file name as RFC 5987 has it', ({ body }) => ({ body: Buffer.from(body.toString('latin1').replace(/filename="([^"]*)"/, "filename*=utf-8''$1"), 'latin1') })],
  ])('is taken %s', async (_how, change) => {
    const name = newName();
    const upload = form({ file: wheelFile({ name, version: '1.0' }) });

    const reply = await send(proxy.upload, { ...upload, ...change(upload) });

    expect([reply.status, reply.body]).toEqual([200, expect.stringMatching(/is stored\.$/m)]);
    expect((await page(name))?.files).toHaveLength(1);
  });

  it.each(['/pypi/legacy', '/pypi/', '/pypi', '/pypi/legacy/?:action=file_upload'])('is taken at %s', async (path) => {
    const name = newName();

    const reply = await send(`${proxy.origin}${path}`, form({ file: wheelFile({ name, version: '1.0' }) }));

    expect(reply.status, reply.body).toBe(200);
    expect((await page(name))?.files).toHaveLength(1);
  });

  function attested(file: PackageFile): Sent {
    return { file, attestations: [attestation(file)] };
  }

  it('keeps its attestations, wherever they stand', async () => {
    for (const client of ORDERS) {
      const name = newName();
      await stored(attested(wheelFile({ name, version: '1.0' })), client);

      const [file] = (await page(name))?.files ?? [];
      const provenance = await fetch(file?.provenance ?? '');

      expect(provenance.status, client).toBe(200);
      expect(JSON.stringify(await provenance.json()), client).toContain('verification_material');
    }
  });

  it('is of one release, however its version is spelled', async () => {
    const name = newName();
    await stored({ file: wheelFile({ name, version: '1.0' }) });
    await stored({ file: wheelFile({ name, version: '1.0.0', tag: 'cp313-cp313-linux_x86_64' }) });
    await stored({ file: sdistFile({ name, version: '1' }) });

    const shown = await page(name);

    expect(shown?.files).toHaveLength(3);
    expect(shown?.versions).toHaveLength(1);
  });
});

/** How a client ended, what it printed, and the statuses that its uploads were answered with. */
interface Ended {
  readonly code: number;
  readonly output: string;
  readonly posts: readonly number[];
}

describe('a real client', () => {
  /** What it does with caches of its own, so that several may run at once. */
  async function run(client: Publisher, label: string, what: Omit<Publish, 'clients' | 'version'>, token = ADMIN_TOKEN): Promise<Ended> {
    const relay = await startRelay(proxy.origin);
    try {
      const clients = await proxy.clients(`${client}-${label}`, { token, index: `${relay.url}/pypi/simple/`, upload: `${relay.url}/pypi/legacy/` });
      // To publish what is there, pdm needs no virtual environment.
      const environment = { PDM_USE_VENV: 'false', ...what.environment };
      const { code, output } = await publish(client, { ...what, environment, clients, version: '1.0' });
      const posts = relay.requests.filter(({ method }) => method === 'POST').map(({ status }) => status);
      // Clients break lines wherever the terminal ends.
      return { code, output: output.replaceAll(/\s+/g, ' '), posts };
    } finally {
      await relay.close();
    }
  }

  it.each<Publisher>(['twine', 'uv', 'poetry', 'pdm', 'flit'])('%s succeeds with what is there, prints why it is refused, and sends nothing again', async (client) => {
    const name = `acme-by-${client}`;

    const first = await run(client, 'first', { name });
    const before = await page(name);
    const [same, other, stranger] = await Promise.all([
      run(client, 'same', { name }),
      run(client, 'other', { name, content: 'other' }),
      run(client, 'stranger', { name: `${name}-stranger` }, UNKNOWN_TOKEN),
    ]);

    expect(first, first.output).toMatchObject({ code: 0, posts: [200, 200] });
    expect(same, same.output).toMatchObject({ code: 0, posts: [200, 200] });
    expect(other).toMatchObject({ code: expect.toSatisfy((code) => code !== 0), posts: [409], output: expect.stringMatching(/already exists with other contents, and a published file never changes\. Raise the version/) });
    expect(stranger).toMatchObject({ code: expect.toSatisfy((code) => code !== 0), posts: [401], output: expect.stringMatching(/The token is not valid: nobody here issued it, or it was revoked/) });
    expect(await page(name)).toEqual(before);
    expect(await page(`${name}-stranger`)).toBeNull();
  });

  it('hatch passes over what is listed, and prints why it is refused what was deleted', async () => {
    const name = 'acme-by-hatch';
    const first = await run('hatch', 'first', { name });
    const [same, other, stranger] = await Promise.all([
      run('hatch', 'same', { name }),
      run('hatch', 'other', { name, content: 'other' }),
      run('hatch', 'stranger', { name: `${name}-stranger` }, UNKNOWN_TOKEN),
    ]);
    await proxy.manage('DELETE', `projects/${name}`);
    const deleted = await run('hatch', 'deleted', { name });

    expect(first, first.output).toMatchObject({ code: 0, posts: [200, 200] });
    for (const skipped of [same, other]) {
      expect(skipped).toMatchObject({ code: 0, posts: [], output: expect.stringMatching(/already exists/) });
    }
    expect(stranger).toMatchObject({ code: 1, posts: [401], output: expect.stringMatching(/The token is not valid/) });
    expect(deleted).toMatchObject({ code: 1, posts: [409], output: expect.stringMatching(/was deleted, and the name of a deleted file is never used again/) });
  });

  it.each<[Publisher, readonly string[], RegExp]>([
    ['poetry', ['--skip-existing'], /File exists\. Skipping/],
    ['pdm', ['--skip-existing'], /appears to already exist/],
  ])('%s passes over what is there with other bytes when it is told to', async (client, parameters, says) => {
    const name = `acme-skip-${client}`;
    await Promise.all(distribution({ name, version: '1.0' }).map(async (file) => stored({ file })));

    const skipped = await run(client, 'skip', { name, content: 'other', parameters });

    expect(skipped).toMatchObject({ code: 0, posts: [409, 409], output: expect.stringMatching(says) });
  });

  it('uv sends nothing of what is there when it is told to look first, and fails where the bytes differ', async () => {
    const name = 'acme-skip-uv';
    const parameters = ['--check-url', proxy.index];
    const first = await run('uv', 'first', { name, parameters });

    const same = await run('uv', 'skip', { name, parameters });
    const other = await run('uv', 'skip', { name, content: 'other', parameters });

    expect(first, first.output).toMatchObject({ code: 0, posts: [200, 200] });
    expect(same).toMatchObject({ code: 0, posts: [], output: expect.stringMatching(/already exists, skipping/) });
    expect(other).toMatchObject({ code: 2, posts: [], output: expect.stringMatching(/Local file and index file do not match/) });
  });

  it('twine says itself that it passes over nothing at other indexes than the public one', async () => {
    const skipped = await run('twine', 'skip', { name: 'acme-skip-twine', parameters: ['--skip-existing'] });

    expect(skipped).toMatchObject({ code: 1, posts: [], output: expect.stringMatching(/does not have support for the following features: --skip-existing/) });
  });

  it.each<Publisher>(['twine', 'uv'])('%s prints that a file is too large, when all of it was sent', async (client) => {
    const refused = await run(client, 'large', { name: `acme-large-${client}`, content: noise(1_100_000, client).toString('hex') });

    expect(refused).toMatchObject({ posts: [413], output: expect.stringMatching(/The file is larger than the 1048576 bytes that are allowed here/) });
    expect(refused.code).not.toBe(0);
  });
});

describe('a server where publishing is switched off', () => {
  it('refuses everything, and shows what is there', async () => {
    const name = newName();
    const file = wheelFile({ name, version: '1.0' });
    await stored({ file });
    proxy = await proxy.restart({ environment: { PUBLISH: 'off' } });
    const before = await page(name);

    for (const again of [file, wheelFile({ name, version: '2.0' })]) {
      expectRefusal(await send(proxy.upload, form({ file: again })), 403, /^Publishing is switched off on this server/);
    }
    expect(await page(name)).toEqual(before);
  });
});
