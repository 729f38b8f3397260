import { readdir, readlink, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { MemoryRegistry } from '@oci-package-proxy/oci';
import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { fileTag } from '@oci-package-proxy/mapping';
import { type Fact, Ledger, type PackageRef } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { PypiIndex } from '../config/indexes.ts';
import { STATUS_KEY } from '../model/fold-keys.ts';
import { mainRef, publishedRef } from '../model/holdings.ts';
import { attestationsLayer, fileDocumentOf, fileLayer, metadataLayer, PYPI_TYPES } from '../model/pypi-fact.ts';
import { distInfo, metadataOf, sdistOf, sha256Of, tarballOf, wheelOf, zipOf } from './archive/sample-archive.contract.ts';
import type { UploadAnswer } from './publish-port.ts';
import { PypiUploads } from './pypi-uploads.ts';
import { attestationOf, attestationsOf, bodyOf, BOUNDARY, clientForms, contentPart, FORM_TYPE, formOf, type SampleFile, type SamplePart, textParts } from './sample-upload.contract.ts';

const INDEX: PypiIndex = { name: 'default', published: true, upload: true, upstreams: [], shows: () => true, merges: () => false };
const LIMIT = 4 * 2 ** 20;
const WHEEL: SampleFile = { filename: 'demo_pkg-1.0-py3-none-any.whl', bytes: wheelOf('Demo.Pkg', '1.0', { more: 'Requires-Python: >=3.9\n' }), name: 'Demo.Pkg', version: '1.0' };

let directory: string;
let registry: MemoryRegistry;
let ledger: Ledger;
let uploads: PypiUploads;
let authorized: string[];

beforeAll(async () => {
  directory = await temporaryDirectory('pypi-uploads');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
beforeEach(() => {
  registry = new MemoryRegistry();
  ledger = new Ledger({ registry });
  uploads = new PypiUploads({ ledger, targets: { targetOf: async (_index, name) => mainRef(name) }, directory, limits: { publishBytes: LIMIT }, clock: () => Date.UTC(2026, 0, 2, 3, 4, 5, 67) });
  authorized = [];
});
afterEach(async () => {
  const open = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));

  expect(await readdir(directory)).toEqual([]);
  expect(open.filter((target) => target.startsWith(directory))).toEqual([]);
});

function upload(body: Buffer | Readable, more: { contentType?: string; deny?: string; signal?: AbortSignal } = {}): Promise<UploadAnswer> {
  return uploads.upload({
    index: INDEX,
    contentType: FORM_TYPE,
    body: Buffer.isBuffer(body) ? bodyOf(body) : body,
    by: 'carol',
    authorize: (name) => {
      if (name === more.deny) {
        throw new ProxyError('forbidden', `may not publish ${name}`);
      }
      authorized.push(name);
    },
    ...more,
  });
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    (value) => `answered ${JSON.stringify(value)}`,
    (reason: unknown) => reason,
  );
  return isProxyError(error) ? `${error.code} ${error.message}` : `no proxy error: ${String(error)}`;
}

function form(file: SampleFile, changes: Readonly<Record<string, string | null>> = {}, more: readonly SamplePart[] = []): Buffer {
  const texts = textParts(file).filter(({ name }) => !(name in changes));
  const changed = Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
  return formOf([...texts, ...changed, ...more, contentPart(file)]);
}

async function factOf({ filename, name }: Pick<SampleFile, 'filename' | 'name'>): Promise<Fact | null> {
  return ledger.fact(mainRef(name.toLowerCase().replaceAll(/[-_.]+/g, '-')), fileTag(filename));
}

async function storedNames(name: string): Promise<string[]> {
  return [...(await ledger.fold(mainRef(name), { fresh: true })).facts.values()].map(({ version }) => version).sort();
}

async function layerBytes(name: string, layer: { digest: `sha256:${string}`; size: number } | null): Promise<Buffer | null> {
  const body = layer === null ? null : await ledger.open(mainRef(name), layer);
  return body === null ? null : buffer(body.stream);
}

const SDIST: SampleFile = { filename: 'demo_pkg-1.0.tar.gz', bytes: await sdistOf('demo-pkg', '1.0'), name: 'demo-pkg', version: '1.0' };
const FORMS = (await Promise.all([WHEEL, SDIST].map(async (file) => Object.entries(await clientForms(file)).map(([client, body]) => ({ client, file, body }))))).flat();

describe('upload', () => {
  it.each(FORMS)('takes $file.filename as $client sends it', async ({ client, file, body }) => {
    const answer = await upload(body);

    expect(answer).toEqual({ outcome: 'created', name: 'demo-pkg', filename: file.filename });
    expect(authorized).toEqual(['demo-pkg']);
    const fact = await factOf(file);
    expect(await layerBytes('demo-pkg', fact && fileLayer(fact))).toEqual(file.bytes);
    expect(fact && attestationsLayer(fact) !== null).toBe(client === 'twine' || client === 'uv');
    expect(await upload(body)).toMatchObject({ outcome: 'same' });
  });

  it('stores a wheel with its metadata and attestations, and what pages show of it', async () => {
    const attestations = attestationsOf(WHEEL.filename, sha256Of(WHEEL.bytes));

    await upload(form(WHEEL, { attestations }));

    const fact = await factOf(WHEEL);
    const metadata = Buffer.from(metadataOf('Demo.Pkg', '1.0', 'Requires-Python: >=3.9\n'));
    expect(fact).toMatchObject({ version: WHEEL.filename, payload: `sha256:${sha256Of(WHEEL.bytes)}`, at: '2026-01-02T03:04:05.067Z', origin: 'published', artifactType: PYPI_TYPES.file });
    expect(fact?.layers.map(({ mediaType }) => mediaType)).toEqual([PYPI_TYPES.wheel, PYPI_TYPES.metadata, PYPI_TYPES.attestations]);
    expect(fact && fileDocumentOf(fact)).toEqual({
      filename: WHEEL.filename,
      name: 'Demo.Pkg',
      version: '1.0',
      hashes: { sha256: sha256Of(WHEEL.bytes) },
      size: WHEEL.bytes.length,
      requiresPython: '>=3.9',
      uploadTime: '2026-01-02T03:04:05.067000Z',
      metadataSha256: sha256Of(metadata),
    });
    expect(await layerBytes('demo-pkg', fact && metadataLayer(fact))).toEqual(metadata);
    expect((await layerBytes('demo-pkg', fact && attestationsLayer(fact)))?.toString()).toBe(attestations);
  });

  it('stores a source distribution with PKG-INFO, which it does not announce', async () => {
    await upload(form(SDIST, { requires_python: '>=3.8' }));

    const fact = await factOf(SDIST);
    expect(fact?.layers.map(({ mediaType }) => mediaType)).toEqual([PYPI_TYPES.sdist, PYPI_TYPES.metadata]);
    expect(fact && fileDocumentOf(fact)).toMatchObject({ name: 'demo-pkg', version: '1.0', requiresPython: '>=3.8', metadataSha256: null });
  });

  it.each<[string, () => Promise<SampleFile> | SampleFile]>([
    ['an old source distribution without PKG-INFO', async () => ({ filename: 'Demo-Pkg-1.0.tar.gz', name: 'Demo-Pkg', version: '1.0', bytes: await tarballOf([{ name: 'Demo-Pkg-1.0/setup.py', content: '' }]) })],
    ['a zip', () => ({ filename: 'demo_pkg-1.0.zip', name: 'demo-pkg', version: '1.0', bytes: zipOf([{ name: 'demo_pkg-1.0/PKG-INFO', content: metadataOf('demo_pkg', '1.0') }]) })],
    ['a local version', () => ({ filename: 'demo_pkg-1.0+cu128-cp312-cp312-linux_x86_64.whl', name: 'demo-pkg', version: '1.0+cu128', bytes: wheelOf('demo-pkg', '1.0+cu128') })],
    ['an epoch', () => ({ filename: 'demo_pkg-1!2.0-py3-none-any.whl', name: 'demo-pkg', version: '1!2.0', bytes: wheelOf('demo-pkg', '1!2.0') })],
    ['another spelling of the version', () => ({ filename: 'demo_pkg-1.0.0-py3-none-any.whl', name: 'demo_pkg', version: '1.0', bytes: zipOf(distInfo('demo_pkg-1.0', metadataOf('DEMO.PKG', '1.00'))) })],
    ['a build tag', () => ({ filename: 'demo_pkg-1.0-2-py3-none-any.whl', name: 'demo_pkg', version: '1.0', bytes: wheelOf('demo-pkg', '1.0') })],
    ['a metadata version of the future', () => ({ filename: 'demo_pkg-1.0-py3-none-any.whl', name: 'demo_pkg', version: '1.0', bytes: zipOf(distInfo('demo_pkg-1.0', 'Metadata-Version: 9.9\nName: demo-pkg\nVersion: 1.0\nNew: 1\n')) })],
    ['a zip64 wheel', () => ({ filename: 'demo_pkg-1.0-py3-none-any.whl', name: 'demo_pkg', version: '1.0', bytes: zipOf(distInfo('demo_pkg-1.0', metadataOf('demo-pkg', '1.0')), { zip64: true }) })],
    ['a filename that is too long for a tag', () => ({ filename: `demo_pkg-1.0-py3-none-${'manylinux_2_17_x86_64.'.repeat(8)}any.whl`, name: 'demo_pkg', version: '1.0', bytes: wheelOf('demo-pkg', '1.0') })],
  ])('takes %s', async (_case, make) => {
    const file = await make();

    const answer = await upload(form(file));

    expect(answer).toMatchObject({ outcome: 'created', name: 'demo-pkg', filename: file.filename });
    expect(await storedNames('demo-pkg')).toEqual([file.filename]);
  });

  it('takes a form whose field says the same twice, and passes over unknown fields, preamble and epilogue', async () => {
    const body = form(WHEEL, {}, [{ name: 'version', value: '1.0' }, { name: 'surprise', value: 'x' }, { name: 'license_file', value: 'x', filename: 'LICENSE' }]);

    const answer = await upload(Buffer.concat([Buffer.from('preamble\r\n'), body, Buffer.from('epilogue')]));

    expect(answer.outcome).toBe('created');
  });

  it('takes content-length-less bodies in pieces of any size', async () => {
    const body = (await clientForms(WHEEL))['uv'] ?? Buffer.alloc(0);

    for (const pieceBytes of [1, 2, 7, 64, body.length]) {
      const answer = await upload(bodyOf(body, pieceBytes));

      expect(answer.filename).toBe(WHEEL.filename);
    }
  });
});

describe('who may upload', () => {
  it('is asked before the file is read, where the name comes first', async () => {
    let sent = 0;
    const parts = formOf([...textParts(WHEEL), { ...contentPart(WHEEL), value: Buffer.alloc(LIMIT) }]);
    const body = Readable.from(
      (function* () {
        for (let at = 0; at < parts.length; at += 1024) {
          sent += 1024;
          yield parts.subarray(at, at + 1024);
        }
      })(),
      { objectMode: false },
    );

    expect(await failure(upload(body, { deny: 'demo-pkg' }))).toBe('forbidden may not publish demo-pkg');

    expect(sent).toBeLessThan(256 * 1024);
    // Whoever answers has to be able to read the rest.
    expect(body.destroyed).toBe(false);
    const rest = await buffer(body);
    expect(rest.length).toBeGreaterThan(LIMIT / 2);
  });

  it('is asked before anything is stored, where the name comes last', async () => {
    const body = formOf([contentPart(WHEEL), ...textParts(WHEEL)]);

    expect(await failure(upload(body, { deny: 'demo-pkg' }))).toBe('forbidden may not publish demo-pkg');

    expect(await storedNames('demo-pkg')).toEqual([]);
  });
});

const SHA = sha256Of(WHEEL.bytes);
const BAD_STATEMENT = { _type: 'https://in-toto.io/Statement/v1', subject: [], predicateType: 'x' };
function wheel(filename: string, bytes = WHEEL.bytes): SampleFile {
  return { ...WHEEL, filename, bytes };
}

describe('a bad upload', () => {
  it.each<[string, Buffer | (() => Promise<Buffer>), RegExp]>([
    ['no action', form(WHEEL, { ':action': null }), /^invalid .*must be file_upload\.$/],
    ['another action', form(WHEEL, { ':action': 'remove' }), /^invalid .*must be file_upload, and is "remove"/],
    ['submit', formOf([{ name: ':action', value: 'submit' }, { name: 'name', value: 'demo' }]), /^invalid The action submit is no longer there.*Upload the files/],
    ['submit_pkg_info', formOf([{ name: ':action', value: 'submit_pkg_info' }]), /^invalid The action submit_pkg_info/],
    ['doc_upload', formOf([{ name: ':action', value: 'doc_upload' }]), /^invalid The action doc_upload/],
    ['another protocol version', form(WHEEL, { protocol_version: '2' }), /^invalid The protocol version "2"/],
    ['no name', form(WHEEL, { name: null }), /^invalid .*the field name is missing/],
    ['a name that is UNKNOWN', form(WHEEL, { name: 'UNKNOWN' }), /^invalid .*the field name is missing/],
    ['a bad name', form(WHEEL, { name: '-x/../y' }), /^invalid .*not the name of a project/],
    ['two names', form(WHEEL, {}, [{ name: 'name', value: 'other' }]), /^invalid .*the field name twice, "Demo\.Pkg" and "other"/],
    ['no version', form(WHEEL, { version: null }), /^invalid .*the field version is missing/],
    ['a bad version', form(WHEEL, { version: 'one' }), /^invalid "one" is not a version as PEP 440/],
    ['no content', formOf(textParts(WHEEL)), /^invalid The upload has no file/],
    ['a content that is a text', formOf([...textParts(WHEEL), { name: 'content', value: 'x' }]), /^invalid "" cannot be the name of a file/],
    ['two contents', form(WHEEL, {}, [contentPart(WHEEL)]), /^invalid The upload has more than one file/],
    ['a filename with a slash', form(wheel(`../${WHEEL.filename}`)), /^invalid .*cannot be the name of a file/],
    ['a filename with a backslash', form(wheel(`..\\${WHEEL.filename}`)), /^invalid .*cannot be the name of a file/],
    ['a filename with a control character', form(wheel(`demo_pkg-1.0\u0001-py3-none-any.whl`)), /^invalid .*cannot be the name of a file/],
    ['a filename with a period first', form(wheel(`.${WHEEL.filename}`)), /^invalid .*not begin with a period/],
    ['a filename of 300 bytes', form(wheel(`demo_pkg-1.0-py3-none-${'a'.repeat(280)}.whl`)), /^invalid .*at most 255 bytes/],
    ['an egg', form(wheel('demo_pkg-1.0-py3.12.egg')), /^invalid .*Eggs and installers are no longer taken/],
    ['an installer', form(wheel('demo_pkg-1.0.win32.exe')), /^invalid .*build a wheel/],
    ['a bz2', form(wheel('demo_pkg-1.0.tar.bz2')), /^invalid .*\.tar\.gz or \.zip/],
    ['the type of an egg', form(WHEEL, { filetype: 'bdist_egg' }), /^invalid Files of the type bdist_egg are no longer taken/],
    ['the type of a wheel for a source distribution', form(SDIST, { filetype: 'bdist_wheel' }), /^invalid .*of the type sdist, and is uploaded as bdist_wheel/],
    ['the type of a source distribution for a wheel', form(WHEEL, { filetype: 'sdist' }), /^invalid .*of the type bdist_wheel/],
    ['no name of a wheel', form(wheel('demo_pkg-1.0.whl')), /^invalid .*not named as a wheel is/],
    ['no name of a source distribution', form({ ...SDIST, filename: 'demopkg.tar.gz' }), /^invalid .*not named as a source distribution is/],
    ['a wheel of another project', form(wheel('other-1.0-py3-none-any.whl')), /^invalid .*named as a file of other, and is uploaded to demo-pkg/],
    ['a wheel of another version', form(wheel('demo_pkg-1.1-py3-none-any.whl')), /^invalid .*version 1\.1, and is uploaded as 1\.0/],
    ['a source distribution of another project', form({ ...SDIST, filename: 'other-1.0.tar.gz' }), /^invalid .*named as a file of other/],
    ['another sha256', form(WHEEL, { sha256_digest: '0'.repeat(64) }), /^unprocessable The sha256_digest of the upload is 0+, and the file that arrived has/],
    ['another blake2', form(WHEEL, { blake2_256_digest: '0'.repeat(64) }), /^unprocessable The blake2_256_digest/],
    ['another md5', form(WHEEL, { md5_digest: '0'.repeat(32) }), /^unprocessable The md5_digest/],
    ['another md5 in base64', form(WHEEL, { md5_digest: 'A'.repeat(22) }), /^unprocessable The md5_digest/],
    ['a sha256 that is no hex', form(WHEEL, { sha256_digest: 'zz' }), /^unprocessable The sha256_digest/],
    ['another sha256 after the file', formOf([contentPart(WHEEL), ...textParts(WHEEL), { name: 'sha256_digest', value: 'ff' }]), /^unprocessable The sha256_digest/],
    ['another blake2 after the file', formOf([contentPart(WHEEL), ...textParts(WHEEL), { name: 'blake2_256_digest', value: 'ff' }]), /^unprocessable The blake2_256_digest/],
    ['an empty file', form(wheel(WHEEL.filename, Buffer.alloc(0))), /^invalid The file is not an archive/],
    ['a wheel that is no zip', form(wheel(WHEEL.filename, SDIST.bytes)), /^invalid The file is not an archive/],
    ['a wheel that breaks off', form(wheel(WHEEL.filename, WHEEL.bytes.subarray(0, -10))), /^invalid The file is not an archive/],
    ['a wheel without METADATA', form(wheel(WHEEL.filename, zipOf([{ name: 'demo_pkg-1.0.dist-info/WHEEL', content: '' }]))), /^unprocessable .*no METADATA and no RECORD/],
    ['a wheel that climbs out', form(wheel(WHEEL.filename, zipOf([{ name: '../x', content: '' }]))), /^invalid /],
    ['a wheel that is a bomb', form(wheel(WHEEL.filename, zipOf([{ name: 'x', content: 'x', deflate: true, declared: { size: 4e9 } }]))), /^invalid .*more than 50 times/],
    ['METADATA of another project', form(wheel(WHEEL.filename, zipOf(distInfo('demo_pkg-1.0', metadataOf('other', '1.0'))))), /^unprocessable METADATA of .* is of "other", and demo-pkg is being uploaded/],
    ['METADATA of another version', form(wheel(WHEEL.filename, zipOf(distInfo('demo_pkg-1.0', metadataOf('demo-pkg', '1.0.1'))))), /^unprocessable METADATA of .* version "1\.0\.1", and 1\.0/],
    ['METADATA of two projects', form(wheel(WHEEL.filename, zipOf(distInfo('demo_pkg-1.0', metadataOf('demo-pkg', '1.0', 'Name: other\n'))))), /^unprocessable .*"demo-pkg" and "other"/],
    ['METADATA that says nothing', form(wheel(WHEEL.filename, zipOf(distInfo('demo_pkg-1.0', 'hello')))), /^unprocessable .*is of \(none\)/],
    ['PKG-INFO of another project', async () => form({ ...SDIST, bytes: await tarballOf([{ name: 'demo_pkg-1.0/PKG-INFO', content: metadataOf('other', '1.0') }]) }), /^unprocessable PKG-INFO of/],
    ['a tarball that is a zip', form({ ...SDIST, bytes: WHEEL.bytes }), /^invalid .*is no gzipped tar, as its name says/],
    ['a zip that is a tarball', form({ ...SDIST, filename: 'demo_pkg-1.0.zip' }), /^invalid .*is no zip, as its name says/],
    ['a tarball that breaks off', form({ ...SDIST, bytes: SDIST.bytes.subarray(0, -10) }), /^invalid The file is not an archive/],
    ['attestations that are no JSON', form(WHEEL, { attestations: 'x' }), /^unprocessable .*not a JSON array/],
    ['attestations that are no array', form(WHEEL, { attestations: '{}' }), /^unprocessable .*not a JSON array/],
    ['attestations of version 2', form(WHEEL, { attestations: attestationsOf(WHEEL.filename, SHA, { version: 2 }) }), /^unprocessable .*number 1 is no attestation of version 1 \(version/],
    ['attestations without material', form(WHEEL, { attestations: attestationsOf(WHEEL.filename, SHA, { verification_material: null }) }), /^unprocessable .*number 1 .*verification_material/],
    ['attestations without statement', form(WHEEL, { attestations: JSON.stringify([attestationOf(BAD_STATEMENT)]) }), /^unprocessable .*statement of number 1/],
    ['attestations of another file', form(WHEEL, { attestations: attestationsOf('other.whl', SHA) }), /^unprocessable .*number 1 speaks of another file/],
    ['attestations of other bytes', form(WHEEL, { attestations: attestationsOf(WHEEL.filename, '0'.repeat(64)) }), /^unprocessable .*number 1 speaks of another file/],
    ['attestations of 9 MiB', form(WHEEL, { attestations: `[${' '.repeat(9 * 2 ** 20)}]` }), /^too-large The attestations/],
    ['a file over the limit', form(wheel(WHEEL.filename, Buffer.alloc(LIMIT + 1))), /^too-large The file is larger than the 4194304 bytes/],
    ['a field of 17 MiB', form(WHEEL, {}, [{ name: 'description', value: 'x'.repeat(17 * 2 ** 20) }]), /^too-large The field description/],
    ['text fields of 70 MiB', form(WHEEL, {}, Array.from({ length: 5 }, () => ({ name: 'description', value: 'x'.repeat(14 * 2 ** 20) }))), /^too-large The text fields/],
    ['too many parts', form(WHEEL, {}, Array.from({ length: 10_000 }, () => ({ name: 'x', value: '' }))), /^too-large .*more than the 10000 parts/],
    ['other files of more than all may have', formOf([...textParts(WHEEL), ...Array.from({ length: 13 }, () => ({ name: 'x', filename: 'x', value: Buffer.alloc(8 * 2 ** 20) }))]), /^too-large The upload is larger/],
    ['an empty body', Buffer.alloc(0), /^invalid The upload is not a whole form/],
    ['a body of another kind', Buffer.from('{"name": "demo"}'), /^invalid The upload is not a whole form/],
    ['a body with another boundary', Buffer.from(form(WHEEL).toString('latin1').replaceAll(BOUNDARY, 'other'), 'latin1'), /^invalid The upload is not a whole form/],
    ['a form without parts', Buffer.from(`--${BOUNDARY}--\r\n`), /^invalid /],
    ['parts without headers', Buffer.from(`--${BOUNDARY}\r\nx\r\n--${BOUNDARY}\r\n\r\nx\r\n--${BOUNDARY}--\r\n`), /^invalid /],
  ])('is refused: %s', async (_case, body, expected) => {
    expect(await failure(upload(Buffer.isBuffer(body) ? body : await body()))).toMatch(expected);
    expect(await storedNames('demo-pkg')).toEqual([]);
  });

  it.each<[string, SampleFile, RegExp]>([
    ['a file', wheel(`demo_pkg-1.0-py3-none-${'a'.repeat(280)}.whl`), /cannot be the name of a file/],
    ['a member', wheel(WHEEL.filename, zipOf([{ name: `../${'a'.repeat(280)}`, content: '' }])), /invalid relative path/],
    ['a link', wheel(WHEEL.filename, zipOf([{ name: 'a'.repeat(280), content: '/etc', link: true }])), /leads out of it/],
    ['a file that has other metadata', wheel(`demo_pkg-1.0-py3-none-${'manylinux_2_17_x86_64.'.repeat(8)}any.whl`, zipOf(distInfo('demo_pkg-1.0', metadataOf('other', '1.0')))), /is of "other"/],
  ])('is refused with what is wrong within a status line, however long the name of %s is', async (_case, file, expected) => {
    const text = await failure(upload(form(file)));

    expect(text.slice(0, 200)).toMatch(expected);
  });

  it.each([undefined, 'application/json', 'application/x-www-form-urlencoded', 'multipart/mixed; boundary=x'])('is refused: the type %s', async (contentType) => {
    expect(await failure(upload(form(WHEEL), { contentType }))).toMatch(/^unsupported-media-type /);
  });

  it('is refused: no boundary', async () => {
    expect(await failure(upload(form(WHEEL), { contentType: 'multipart/form-data' }))).toMatch(/^invalid /);
  });
});

describe('a file that is there', () => {
  const other = wheel(WHEEL.filename, wheelOf('Demo.Pkg', '1.0', { code: 'x = 2\n' }));
  const tag = fileTag(WHEEL.filename);

  it('is the same again with the same bytes, whatever else is said', async () => {
    await upload(form(WHEEL));

    expect(await upload(form({ ...WHEEL, name: 'demo_pkg' }, { version: '1.0.0', attestations: attestationsOf(WHEEL.filename, SHA) }))).toEqual({ outcome: 'same', name: 'demo-pkg', filename: WHEEL.filename });
  });

  it('conflicts with other bytes', async () => {
    await upload(form(WHEEL));

    expect(await failure(upload(form(other)))).toBe(`conflict ${WHEEL.filename} already exists with other contents, and a published file never changes. Raise the version (or, for a mere rebuild, the build tag of the wheel) and upload again.`);
    expect((await factOf(WHEEL))?.payload).toBe(`sha256:${SHA}`);
  });

  it('is not there under another name, build tag or spelling', async () => {
    await upload(form(WHEEL));
    await upload(form({ ...other, filename: 'demo_pkg-1.0-1-py3-none-any.whl' }));
    await upload(form({ ...other, filename: 'Demo_Pkg-1.0-py3-none-any.whl' }));

    expect(await storedNames('demo-pkg')).toEqual(['Demo_Pkg-1.0-py3-none-any.whl', 'demo_pkg-1.0-1-py3-none-any.whl', WHEEL.filename].sort());
  });

  it.each([WHEEL, other])('stays deleted', async (again) => {
    await upload(form(WHEEL));
    await ledger.delete(mainRef('demo-pkg'), [tag], { by: 'carol' });

    expect(await failure(upload(form(again)))).toMatch(/^conflict demo_pkg-1\.0-py3-none-any\.whl was deleted, .*Raise the version/);
  });

  it.each<[string, SampleFile]>([
    ['of another extension', { filename: 'Demo.Pkg-1.0.0.zip', name: 'demo-pkg', version: '1.0', bytes: zipOf([{ name: 'demo_pkg-1.0/PKG-INFO', content: metadataOf('demo_pkg', '1.0') }]) }],
    ['with its name spelled in another way', { ...SDIST, filename: 'demo-pkg-1.0.tar.gz' }],
    ['with its version spelled in another way', { ...SDIST, filename: 'demo_pkg-1.0.0.tar.gz' }],
  ])('conflicts with a source distribution %s, until that is deleted', async (_case, second) => {
    await upload(form(WHEEL));
    await upload(form(SDIST));
    await upload(form({ ...SDIST, filename: 'demo_pkg-1.1.tar.gz', version: '1.1', bytes: await sdistOf('demo-pkg', '1.1') }));

    expect(await failure(upload(form(second)))).toMatch(/^conflict A source distribution of demo-pkg 1\.0(?:\.0)? already exists, demo_pkg-1\.0\.tar\.gz, and so .* cannot be added to it\. Raise the version and upload again\.$/);
    expect(await upload(form(SDIST))).toMatchObject({ outcome: 'same' });

    await ledger.delete(mainRef('demo-pkg'), [fileTag(SDIST.filename)], { by: 'carol' });

    expect(await upload(form(second))).toMatchObject({ outcome: 'created' });
  });

  it('is what the ledger says where the project is of upstream', async () => {
    await ledger.decideOrigin(mainRef('demo-pkg'), 'upstream');

    expect(await failure(upload(form(WHEEL)))).toMatch(/^conflict demo-pkg is pulled through from upstream/);
  });

  it('goes beside what is pulled through of a merged project, also when that took its place a moment ago', async () => {
    const targetOf = async (): Promise<PackageRef> => {
      const { origin } = await ledger.fold(mainRef('demo-pkg'), { fresh: true });
      await new Ledger({ registry: registry.view() }).decideOrigin(mainRef('demo-pkg'), 'upstream');
      return origin === 'upstream' ? publishedRef('demo-pkg') : mainRef('demo-pkg');
    };
    uploads = new PypiUploads({ ledger, targets: { targetOf }, directory, limits: { publishBytes: LIMIT } });

    expect(await upload(form(WHEEL))).toMatchObject({ outcome: 'created' });
    expect((await ledger.fold(publishedRef('demo-pkg'), { fresh: true })).facts.has(tag)).toBe(true);
  });
});

describe('a project that takes no files', () => {
  it.each(['archived', 'quarantined'])('is one that is %s', async (status) => {
    await ledger.record(mainRef('demo-pkg'), [{ key: STATUS_KEY, value: { status, reason: 'moved' } }], { by: 'carol' });

    expect(await failure(upload(form(WHEEL)))).toBe(`policy demo-pkg is ${status} (moved), and takes no files. Have its status changed first.`);
    expect(await storedNames('demo-pkg')).toEqual([]);
  });

  it.each(['active', 'deprecated'])('is none that is %s', async (status) => {
    await ledger.record(mainRef('demo-pkg'), [{ key: STATUS_KEY, value: { status, reason: null } }], { by: 'carol' });

    expect(await upload(form(WHEEL))).toMatchObject({ outcome: 'created' });
  });

  it('is one whose target refuses', async () => {
    const refusing = async (): Promise<never> => Promise.reject(new ProxyError('conflict', 'upstream has it'));
    uploads = new PypiUploads({ ledger, targets: { targetOf: refusing }, directory, limits: { publishBytes: LIMIT } });

    expect(await failure(upload(form(WHEEL)))).toBe('conflict upstream has it');
    expect(registry.operations).toEqual([]);
  });
});

describe('many uploads at once', () => {
  it('store the same file once', async () => {
    const answers = await Promise.all(Array.from({ length: 16 }, () => upload(form(WHEEL))));

    expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['created', ...Array.from({ length: 15 }, () => 'same')]);
    expect(await storedNames('demo-pkg')).toEqual([WHEEL.filename]);
  });

  it('of other bytes let one win', async () => {
    const files = Array.from({ length: 16 }, (_, index) => wheel(WHEEL.filename, wheelOf('demo-pkg', '1.0', { code: `x = ${index}\n` })));

    const results = await Promise.all(files.map((file) => failure(upload(form(file)))));

    const winner = results.findIndex((result) => result.includes('"outcome":"created"'));
    expect(results.filter((_, index) => index !== winner).every((result) => /^conflict .* already exists/.test(result))).toBe(true);
    expect((await factOf(WHEEL))?.payload).toBe(`sha256:${sha256Of(files[winner]?.bytes ?? Buffer.alloc(0))}`);
  });

  it('of 16 files of one version store all of them', async () => {
    const files = Array.from({ length: 16 }, (_, index) => ({ ...WHEEL, filename: `demo_pkg-1.0-cp3${index}-cp3${index}-linux_x86_64.whl` }));

    await Promise.all(files.map((file) => upload(form(file))));

    expect(await storedNames('demo-pkg')).toEqual(files.map(({ filename }) => filename).sort());
  });
});

it('the many files of a project are one snapshot for whoever starts later', async () => {
  const ref = mainRef('demo-pkg');
  for (let build = 1; build <= 12; build += 1) {
    await upload(form({ ...WHEEL, filename: `demo_pkg-1.0-${build}-py3-none-any.whl` }));
  }
  const view = registry.view();
  await vi.waitFor(async () => expect(await registry.repository(ref.repository).statManifest('_snapshot')).not.toBeNull());

  const fold = await new Ledger({ registry: view }).fold(ref);

  expect(fold.facts.size).toBe(12);
  expect(view.operations.filter(({ kind }) => kind === 'read-manifest').length).toBeLessThan(8);
});

describe('storage that fails', () => {
  it.each(Array.from({ length: 10 }, (_, index) => index + 1))('at its write %i keeps no temporary file, and lets the same upload succeed later', async (failAt) => {
    let writes = 0;
    const before = ({ kind }: { readonly kind: string }): void => {
      writes += kind.startsWith('write-') ? 1 : 0;
      if (kind.startsWith('write-') && writes === failAt) {
        throw new ProxyError('storage-unavailable', 'The registry does not answer.');
      }
    };
    const body = form(WHEEL, { attestations: attestationsOf(WHEEL.filename, SHA) });
    uploads = new PypiUploads({ ledger: new Ledger({ registry: registry.view({ gate: { before } }) }), targets: { targetOf: async (_index, name) => mainRef(name) }, directory, limits: { publishBytes: LIMIT } });

    expect(await failure(upload(body))).toBe('storage-unavailable The registry does not answer. Nothing was published; publish it again when storage takes writes.');
    expect(await readdir(directory)).toEqual([]);

    expect(await upload(body)).toMatchObject({ filename: WHEEL.filename });
    expect(await storedNames('demo-pkg')).toEqual([WHEEL.filename]);
  });
});
