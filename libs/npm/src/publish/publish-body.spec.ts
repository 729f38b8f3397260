import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';

import { npmPublishBody, temporaryDirectory } from '@oci-package-proxy/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { decodePublishBody, type PublishBody } from './publish-body.ts';

const LIMITS = { limitBytes: 2 ** 30, jsonLimitBytes: 2 ** 20 };

let directory: string;

beforeAll(async () => {
  directory = await temporaryDirectory('publish-body');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function decode(body: string | Buffer, options: Partial<typeof LIMITS> & { chunkBytes?: number; signal?: AbortSignal } = {}): Promise<PublishBody> {
  const { chunkBytes = 64 * 1024, ...rest } = options;
  return decodePublishBody(Readable.from(chunks(Buffer.from(body), chunkBytes), { objectMode: false }), { directory, ...LIMITS, ...rest });
}

function* chunks(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield Buffer.from(bytes.subarray(at, at + size));
  }
}

function hex(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex');
}

async function isEmpty(): Promise<boolean> {
  return (await readdir(directory)).length === 0;
}

describe('decodePublishBody', () => {
  it('decodes what npm sends: the rest as a document, the tarball as a hashed file', async () => {
    const sent = npmPublishBody('a', '1.0.0', { bytes: 700_000 });
    const bytes = Buffer.from(sent._attachments['a-1.0.0.tgz']?.data ?? '', 'base64');

    const { document, attachments, dispose } = await decode(JSON.stringify(sent));

    expect(document).toEqual({ ...sent, _attachments: undefined });
    expect(attachments).toEqual([
      {
        filename: 'a-1.0.0.tgz',
        contentType: 'application/octet-stream',
        length: bytes.length,
        size: bytes.length,
        path: expect.stringContaining(directory) as string,
        sha1: hex('sha1', bytes),
        sha256: hex('sha256', bytes),
        sha512: hex('sha512', bytes),
      },
    ]);
    expect((await readFile(attachments[0]?.path ?? '')).equals(bytes)).toBe(true);
    await dispose();
    expect(await isEmpty()).toBe(true);
  });

  it('takes attachments before versions, and a bundle that is text', async () => {
    const bundle = JSON.stringify({ mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', text: 'é "quoted" \\ ' });
    const body = JSON.stringify({
      _attachments: {
        '@s/n-1.0.0.sigstore': { data: bundle, content_type: 'application/vnd.dev.sigstore.bundle.v0.3+json', length: bundle.length },
        '@s/n-1.0.0.tgz': { data: 'aGVsbG8=', length: 5 },
      },
      name: '@s/n',
      versions: {},
    });

    const { document, attachments, dispose } = await decode(body);

    expect(document.name).toBe('@s/n');
    expect(attachments.map(({ filename, contentType, length, size }) => ({ filename, contentType, length, size }))).toEqual([
      { filename: '@s/n-1.0.0.sigstore', contentType: 'application/vnd.dev.sigstore.bundle.v0.3+json', length: bundle.length, size: Buffer.byteLength(bundle) },
      { filename: '@s/n-1.0.0.tgz', contentType: 'application/octet-stream', length: 5, size: 5 },
    ]);
    expect(await readFile(attachments[0]?.path ?? '', 'utf8')).toBe(bundle);
    await dispose();
  });

  it('unpacks gzip, in chunks of any size', async () => {
    const body = gzipSync(JSON.stringify(npmPublishBody('a', '1.0.0')));

    for (const chunkBytes of [1, 2, 3, 1000]) {
      const { attachments, dispose } = await decode(body, { chunkBytes });

      expect(attachments).toHaveLength(1);
      await dispose();
    }
  });

  it('finds the same in any order of members, any cut into chunks and any spelling of the texts', async () => {
    const body = fc.record({ document: fc.dictionary(fc.string().filter((key) => key !== '_attachments'), fc.jsonValue({ maxDepth: 3 })), file: fc.uint8Array({ maxLength: 400 }), name: fc.string() });

    await fc.assert(
      fc.asyncProperty(body, fc.nat(), fc.integer({ min: 1, max: 40 }), async ({ document, file, name }, seed, chunkBytes) => {
        const bytes = Buffer.from(file);
        const filename = name.endsWith('.sigstore') ? 'x' : name;
        const attachment = shuffledObject([['content_type', JSON.stringify('a/b')], ['length', '3'], ['data', spelled(bytes.toString('base64'), seed)], ['more', '{"data":"AAAA"}']], seed);
        const rest = { name: 'n', _id: 'i', 'dist-tags': {}, versions: { '1.0.0': { dist: {}, data: 'AAAA', _attachments: { x: { data: 'not base64!' } } } } };
        const members = Object.entries({ ...withoutChecked(document), ...rest }).map(([key, value]): [string, string] => [key, JSON.stringify(value)]);
        const text = shuffledObject([...members, ['_attachments', `{${spelled(filename, seed)}:${attachment}}`]], seed);

        const decoded = await decode(text, { chunkBytes });

        const { _attachments, ...expected } = JSON.parse(text) as Record<string, unknown>;
        expect(decoded.document).toEqual({ ...expected, _attachments: undefined });
        expect(decoded.attachments).toMatchObject([{ filename, contentType: 'a/b', length: 3, size: bytes.length, sha512: hex('sha512', bytes) }]);
        expect((await readFile(decoded.attachments[0]?.path ?? '')).equals(bytes)).toBe(true);
        await decoded.dispose();
      }),
      { numRuns: 300 },
    );
    expect(await isEmpty()).toBe(true);
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['null', 'null'],
    ['a text', '"1.0.0"'],
    ['a list', '[]'],
    ['JSON that breaks off', '{"name": "broken", "versions": {'],
    ['JSON that breaks off in a text', '{"name": "bro'],
    ['JSON that breaks off in an escape', '{"name": "bro\\'],
    ['JSON that breaks off in data', '{"_attachments":{"a.tgz":{"data":"AAAA'],
    ['JSON that goes on after its end', '{"name":"a"}}'],
    ['two documents', '{}{}'],
    ['a member without a value', '{"_attachments":{"a.tgz":{"data":"AAAA" "AAAA"}}}'],
    ['mixed brackets', '{"a":[}]'],
    ['text that is no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['a name that is a number', '{"name":1}'],
    ['versions that are a list', '{"versions":[]}'],
    ['a version that is a text', '{"versions":{"1.0.0":"x"}}'],
    ['attachments that are a text', '{"_attachments":"x"}'],
    ['base64 with a stranger in it', attachmentOf('AAAA*AAA')],
    ['base64 with white space in it', attachmentOf('AAAA\\nAAA')],
    ['base64 that breaks off', attachmentOf('AAAAA')],
    ['base64 with padding in the middle', attachmentOf('AA==AAAA')],
    ['base64 with too much padding', attachmentOf('A===')],
    ['base64 with an escaped quote', attachmentOf('AAA\\"AAAA')],
    ['base64 with an escaped backslash', attachmentOf('AAA\\\\AAAA')],
    ['base64 with a broken escape', attachmentOf('AAAA\\u00')],
    ['base64 with letters of Unicode', attachmentOf('AAAAéAAA')],
    ['data twice', '{"_attachments":{"a.tgz":{"data":"AAAA","d\\u0061ta":"BBBB"}}}'],
    ['a file twice', '{"_attachments":{"a.tgz":{"data":"AAAA"},"a.tgz":{"data":"BBBB"}}}'],
    ['attachments twice', '{"_attachments":{"a.tgz":{"data":"AAAA"}},"_attachments":{}}'],
    ['too many attachments', JSON.stringify({ _attachments: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.tgz`, { data: 'AAAA' }])) })],
    ['a bomb of lists', '['.repeat(100_000)],
    ['a bomb of objects', `{"versions":${'{"a":'.repeat(100_000)}`],
    ['gzip that breaks off', gzipSync('{"name":"a"}').subarray(0, -5)],
    ['gzip that is none', Buffer.from([0x1f, 0x8b, 1, 2, 3])],
  ])('refuses %s as invalid and leaves no file', async (_label, body) => {
    for (const chunkBytes of [1, 7, 65536].slice(body.length > 1000 ? 2 : 0)) {
      await expect(decode(body, { chunkBytes })).rejects.toMatchObject({ name: 'ProxyError', code: 'invalid' });
    }

    expect(await isEmpty()).toBe(true);
  });

  it.each([
    ['the whole', { limitBytes: 1000 }],
    ['the JSON', { jsonLimitBytes: 100 }],
  ])('refuses a body of which %s is over the limit', async (_label, limits) => {
    await expect(decode(JSON.stringify(npmPublishBody('a', '1.0.0', { bytes: 2000 })), limits)).rejects.toMatchObject({ code: 'too-large' });

    expect(await isEmpty()).toBe(true);
  });

  it('refuses a gzip bomb at the limit', async () => {
    await expect(decode(gzipSync(attachmentOf('A'.repeat(10_000_000))), { limitBytes: 1_000_000 })).rejects.toMatchObject({ code: 'too-large' });

    expect(await isEmpty()).toBe(true);
  });

  it('stops reading at the limit and leaves the request standing for the answer', async () => {
    let given = 0;
    const body = Readable.from((function* () {
      yield Buffer.from('{"_attachments":{"a.tgz":{"data":"');
      for (; ; given += 1) {
        yield Buffer.alloc(65536, 'A');
      }
    })(), { objectMode: false });

    await expect(decodePublishBody(body, { directory, ...LIMITS, limitBytes: 2 ** 20 })).rejects.toMatchObject({ code: 'too-large' });

    expect(given).toBeLessThan(32);
    expect(body.destroyed).toBe(false);
    body.destroy();
  });

  it('says that the sender left, and leaves no file', async () => {
    const body = new Readable({ read: () => undefined });
    body.push(attachmentOf('A'.repeat(400_000)).slice(0, 300_000));

    const decoding = decodePublishBody(body, { directory, ...LIMITS });
    setTimeout(() => body.destroy(new Error('ECONNRESET')), 50);

    await expect(decoding).rejects.toMatchObject({ code: 'aborted' });
    expect(await isEmpty()).toBe(true);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const body = new Readable({ read: () => undefined });
    body.push('{"_attachments":{"a.tgz":{"data":"AAAA');

    const decoding = decodePublishBody(body, { directory, ...LIMITS, signal: controller.signal });
    setTimeout(() => controller.abort(), 20);

    await expect(decoding).rejects.toMatchObject({ code: 'aborted' });
    await expect(decode('{}', { signal: controller.signal })).rejects.toMatchObject({ code: 'aborted' });
    expect(await isEmpty()).toBe(true);
  });

  it('says so when the disk takes nothing', async () => {
    const body = Readable.from([Buffer.from(attachmentOf('AAAA'))]);

    await expect(decodePublishBody(body, { ...LIMITS, directory: `${directory}/nowhere` })).rejects.toMatchObject({ code: 'storage-unavailable' });
  });

  it('takes a tarball of 320 MB with little memory', { timeout: 120_000 }, async () => {
    await (await decodeNoise(48)).dispose();
    const before = process.memoryUsage().rss;
    let highest = before;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage().rss);
    }, 10);

    const { attachments, dispose } = await decodeNoise(320);
    clearInterval(watch);
    await dispose();

    expect(attachments[0]?.size).toBeGreaterThan(320 * 2 ** 20 - 1);
    expect((highest - before) / 2 ** 20).toBeLessThan(64);
    expect(await isEmpty()).toBe(true);
  });
});

function decodeNoise(megabytes: number): Promise<PublishBody> {
  const noise = Buffer.from(randomBytes(48 * 1024).toString('base64'));
  const body = Readable.from((function* () {
    yield Buffer.from('{"_attachments":{"a.tgz":{"data":"');
    for (let size = 0; size < megabytes * 2 ** 20; size += 48 * 1024) {
      yield Buffer.from(noise);
    }
    yield Buffer.from('"}}}');
  })(), { objectMode: false });
  return decodePublishBody(body, { directory, ...LIMITS });
}

function attachmentOf(data: string): string {
  return `{"name":"a","_attachments":{"a.tgz":{"data":"${data}"}}}`;
}

/** A JSON string that says `text`, some of its characters as escapes. */
function spelled(text: string, seed: number): string {
  const characters = JSON.stringify(text).slice(1, -1).split('');
  const out = characters.map((character, index) => {
    const isEscaped = characters[index - 1] === '\\' || character === '\\' || /\\u.{0,3}$/.test(characters.slice(Math.max(0, index - 5), index).join(''));
    if (isEscaped || (index * 7 + seed) % 5 !== 0) {
      return character;
    }
    return character === '/' ? '\\/' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `"${out.join('')}"`;
}

function shuffledObject(members: readonly (readonly [string, string])[], seed: number): string {
  const order = members.map((member, index) => ({ member, rank: hex('sha1', Buffer.from(`${seed} ${index}`)) })).sort((left, right) => left.rank.localeCompare(right.rank));
  return `{${order.map(({ member: [key, value] }) => `${spelled(key, seed)} : ${value}`).join(' ,\n')}}`;
}

/** Members that the schema looks at are given by the test. */
function withoutChecked(document: Record<string, unknown>): Record<string, unknown> {
  const { _rev, ...rest } = document;
  return rest;
}
