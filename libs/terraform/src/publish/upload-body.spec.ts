import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type ReleaseFile, smallFile, temporaryDirectory, uploadForm } from '@oci-package-proxy/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { readUploadBody, type UploadBodyOptions } from './upload-body.ts';

const STEM = 'terraform-provider-demo_1.0.0_';
const FILES = [smallFile(`${STEM}SHA256SUMS`, Buffer.from('sums\r\n--\r\n')), smallFile(`${STEM}linux_amd64.zip`, Buffer.alloc(900, '\r\n--xyz')), smallFile(`${STEM}SHA256SUMS.sig`, Buffer.from([0x88, 0, 1, 2]))];
const FORM = uploadForm(FILES, { note: 'x' });
const BODY = await buffer(FORM.stream());
const BOUNDARY = FORM.contentType.replace(/^.*boundary=/, '');

let directory: string;

beforeAll(async () => {
  directory = await temporaryDirectory('upload-body');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(async () => {
  expect(await left()).toEqual([]);
});

/** Temporary files, and open ones. */
async function left(): Promise<string[]> {
  const open = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
  return [...(await readdir(directory)), ...open.filter((target) => target.startsWith(directory))];
}

function inPieces(body: Buffer, sizes: readonly number[]): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < body.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(body.subarray(at, at + size));
    at += size;
  }
  return Readable.from(pieces, { objectMode: false });
}

/** What became of it: the files, or the code of the failure. Never waits for long. */
async function outcome(stream: Readable, more: Partial<UploadBodyOptions> = {}): Promise<string> {
  const work = readUploadBody({ contentType: FORM.contentType, stream }, { directory, limits: { publishBytes: 2 ** 20 }, original: false, ...more }).then(
    async ({ files, dispose }) => {
      const told = await Promise.all(files.map(async ({ name, file }) => `${name.filename} ${createHash('sha256').update(await readFile(file.path)).digest('hex') === file.sha256 ? file.sha256 : 'wrong'}`));
      await dispose();
      return told.join('\n');
    },
    (error: unknown) => (isProxyError(error) ? error.code : String(error)),
  );
  return Promise.race([work, sleep(20_000, 'hangs', { ref: false })]);
}

function told(files: readonly ReleaseFile[]): string {
  return files.map(({ filename, sha256 }) => `${filename} ${sha256}`).join('\n');
}

describe('readUploadBody', () => {
  it('reads the same whatever the pieces in which it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        expect(await outcome(inPieces(BODY, sizes))).toBe(told(FILES));
      }),
      { numRuns: 100 },
    );
  });

  it('reads files of any size, in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 5 }), fc.integer({ min: 200, max: 150_000 }), async (sizes, pieceBytes) => {
        const files = sizes.map((size, index) => smallFile(`${STEM}linux_a${index}.zip`, Buffer.alloc(size, '\r\n--xyz')));

        expect(await outcome(inPieces(await buffer(uploadForm(files).stream()), [pieceBytes]))).toBe(told(files));
      }),
      { numRuns: 60 },
    );
  });

  it('reads many small files that arrive at once', async () => {
    const files = Array.from({ length: 150 }, (_, index) => smallFile(`${STEM}linux_a${String(index).padStart(3, '0')}.zip`, Buffer.alloc(index + 1, 'x')));

    expect(await outcome(inPieces(await buffer(uploadForm(files).stream()), [2 ** 20]))).toBe(told(files));
  });

  it('says that a body breaks off, wherever it does', async () => {
    for (let length = 0; length < BODY.length - 4; length += length < BODY.length - 300 ? 13 : 1) {
      expect(await outcome(inPieces(BODY.subarray(0, length), [300])), `cut at ${length}`).toBe('invalid');
    }
  });

  it('says that the sender left, wherever it does, and keeps nothing of it', async () => {
    for (const length of [0, 1, 100, 300, 500, 700, 1000, BODY.length - 100, BODY.length - 1]) {
      const body = new PassThrough();
      const result = outcome(body);
      body.write(BODY.subarray(0, length));
      await sleep(5);

      body.destroy(new Error('reset'));

      expect(await result).toBe('aborted');
      expect(await left()).toEqual([]);
    }
  });

  it('never hangs, crashes or leaks on a body that is changed somewhere', async () => {
    const insert = fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('\r\n', '\r\n\r\n', '--', `--${BOUNDARY}`, `\r\n--${BOUNDARY}--`, `\r\n--${BOUNDARY}\r\n`, '"', ';', '\\', '../', "filename*=utf-8''x").map((text) => Buffer.from(text)));
    const change = fc.record({ at: fc.nat({ max: BODY.length - 1 }), remove: fc.nat({ max: 40 }), insert });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 700 }), fc.boolean(), async (changes, pieceBytes, original) => {
        let body = BODY;
        for (const { at, remove, insert: inserted } of changes) {
          body = Buffer.concat([body.subarray(0, at), inserted, body.subarray(at + remove)]);
        }

        expect(await outcome(inPieces(body, [pieceBytes]), { original })).not.toMatch(/^(?:hangs|[A-Z].*Error|internal)|wrong/);
      }),
      { numRuns: 400 },
    );
    expect(await left()).toEqual([]);
  }, 60_000);

  it.each([
    ['a last boundary within the headers of a part', 'Content-Disposition: form-data; name="file"', `Content-Disposition: \r\n--${BOUNDARY}--`],
    ['a part without a name', 'form-data; name="file"', 'other'],
  ])('comes to an end of %s', async (_case, from, to) => {
    const body = Buffer.from(BODY.toString('latin1').replace(from, to), 'latin1');

    for (const pieceBytes of [50, 99, 400, 3000]) {
      expect(await outcome(inPieces(body, [pieceBytes])), `in pieces of ${pieceBytes}`).not.toBe('hangs');
    }
  });

  it('leaves the rest of a body that it refuses to whoever answers', async () => {
    const body = inPieces(await buffer(uploadForm([smallFile(`${STEM}linux_amd64.zip`, Buffer.alloc(2 * 2 ** 20)), ...FILES]).stream()), [64 * 1024]);

    expect(await outcome(body)).toBe('too-large');

    expect(body.destroyed).toBe(false);
    body.resume();
    await once(body, 'end');
  });

  it('ends at once when it is aborted', async () => {
    const abort = new AbortController();
    const body = new PassThrough();
    const result = outcome(body, { signal: abort.signal });
    body.write(BODY.subarray(0, 700));
    await sleep(5);

    abort.abort();

    expect(await result).toBe('aborted');
    expect(body.destroyed).toBe(true);
    expect(await outcome(new PassThrough(), { signal: AbortSignal.abort() })).toBe('aborted');
  });

  it('says when the disk takes nothing', async () => {
    expect(await outcome(FORM.stream(), { directory: `${directory}/none` })).toBe('storage-unavailable');
  });

  it('ends with what a file or field is refused for', async () => {
    const refuse = (): never => {
      throw new ProxyError('forbidden', 'no');
    };

    expect(await outcome(FORM.stream(), { onFile: refuse })).toBe('forbidden');
    expect(await outcome(FORM.stream(), { onField: refuse })).toBe('forbidden');
  });
});
