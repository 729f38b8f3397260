import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { sha256Of, wheelOf } from './archive/sample-archive.contract.ts';
import { bodyOf, BOUNDARY, clientForms, contentPart, FORM_TYPE, formOf, type SampleFile, textParts } from './sample-upload.contract.ts';
import { readUploadBody, type UploadBody, type UploadBodyOptions } from './upload-body.ts';

const WHEEL: SampleFile = { filename: 'demo-1.0-py3-none-any.whl', bytes: wheelOf('demo', '1.0'), name: 'demo', version: '1.0' };
const FORMS = await clientForms(WHEEL);
const UV = FORMS['uv'] ?? Buffer.alloc(0);

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

function read(body: Readable, more: Partial<UploadBodyOptions> = {}): Promise<UploadBody> {
  return readUploadBody(body, { contentType: FORM_TYPE, directory, limits: { publishBytes: 2 ** 20 }, onName: () => undefined, ...more });
}

/** What became of it: the file's digest, or the code of the failure. Never waits for long. */
async function outcome(body: Readable, more: Partial<UploadBodyOptions> = {}): Promise<string> {
  const work = read(body, more).then(
    async (read) => {
      const digest = read.content === null ? 'no content' : sha256Of(await readFile(read.content.file.path));
      await read.dispose();
      return digest;
    },
    (error: unknown) => (isProxyError(error) ? error.code : String(error)),
  );
  return Promise.race([work, sleep(20_000, 'hangs', { ref: false })]);
}

describe('readUploadBody', () => {
  it('reads the same whatever the pieces in which it arrives', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Object.values(FORMS).filter(({ length }) => length < 2 ** 20)), fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 }), async (form, sizes) => {
        const pieces: Buffer[] = [];
        for (let at = 0, index = 0; at < form.length; index += 1) {
          const size = sizes[index % sizes.length] ?? 1;
          pieces.push(form.subarray(at, at + size));
          at += size;
        }

        const body = await read(Readable.from(pieces, { objectMode: false }));

        expect(await readFile(body.content?.file.path ?? '')).toEqual(WHEEL.bytes);
        expect(await body.content?.file.digest('sha256')).toBe(sha256Of(WHEEL.bytes));
        expect([body.fields.get('name'), body.fields.get('version'), body.content?.filename]).toEqual(['demo', '1.0', WHEEL.filename]);
        await body.dispose();
      }),
      { numRuns: 60 },
    );
  });

  it('reads files of any size, in pieces of any size, wherever they are in the form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 300_000 }), fc.integer({ min: 200, max: 150_000 }), fc.nat({ max: 5 }), async (size, pieceBytes, place) => {
        const bytes = Buffer.alloc(size, '\r\n--xyz');
        const form = formOf(textParts(WHEEL).slice(0, 5).toSpliced(place, 0, { name: 'other', filename: 'o', value: bytes }, contentPart({ ...WHEEL, bytes }), { name: 'unknown', value: bytes }));

        expect(await outcome(bodyOf(form, pieceBytes))).toBe(sha256Of(bytes));
      }),
      { numRuns: 100 },
    );
  });

  it.each([
    ['a last boundary within the headers of a part', 'Content-Disposition: form-data; name="version"', `Content-Disposition: \r\n--${BOUNDARY}--`],
    ['a large part without a name', 'form-data; name="content"', 'other'],
  ])('comes to an end of %s', async (_case, from, to) => {
    const form = formOf([...textParts(WHEEL).slice(0, 4), contentPart({ ...WHEEL, bytes: Buffer.alloc(200_000) }), { name: 'x', value: 'y' }]).toString('latin1');

    for (let pieceBytes = 30_000; pieceBytes < 70_000; pieceBytes += 997) {
      const result = await outcome(bodyOf(Buffer.from(form.replace(from, to), 'latin1'), pieceBytes));

      expect(result, `in pieces of ${pieceBytes}`).toMatch(/^(?:invalid|no content)$/);
    }
  });

  it('says that a body breaks off, wherever it does, and keeps nothing of it', async () => {
    for (let length = 0; length < UV.length - 4; length += length < UV.length - 300 ? 13 : 1) {
      const result = await outcome(bodyOf(UV.subarray(0, length), 300));

      expect(result, `cut at ${length}`).toBe('invalid');
    }
    expect(await left()).toEqual([]);
  });

  it('says that the sender left, wherever it does, and keeps nothing of it', async () => {
    for (const length of [0, 1, 100, 500, 1000, 1500, 1800, UV.length - 100, UV.length - 1]) {
      const body = new PassThrough();
      const result = outcome(body);
      body.write(UV.subarray(0, length));
      await sleep(5);

      body.destroy(new Error('reset'));

      expect(await result).toBe('aborted');
      expect(await left()).toEqual([]);
    }
  });

  it('never hangs, crashes or leaks on a body that is changed somewhere', async () => {
    const start = formOf([...textParts(WHEEL).slice(0, 4), contentPart({ ...WHEEL, bytes: Buffer.from('PK content') }), { name: 'attestations', value: '[]' }]);
    const change = fc.record({ at: fc.nat({ max: start.length - 1 }), remove: fc.nat({ max: 40 }), insert: fc.oneof(fc.uint8Array({ maxLength: 8 }), fc.constantFrom('\r\n', '\r\n\r\n', '--', `--${BOUNDARY}`, `\r\n--${BOUNDARY}--`, `\r\n--${BOUNDARY}\r\n`, '"', ';', '\\', 'filename*=utf-8\'\'x').map((text) => Buffer.from(text))) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 700 }), async (changes, pieceBytes) => {
        let form = start;
        for (const { at, remove, insert } of changes) {
          form = Buffer.concat([form.subarray(0, at), insert, form.subarray(at + remove)]);
        }

        expect(await outcome(bodyOf(form, pieceBytes))).toMatch(/^(?:[0-9a-f]{64}|no content|invalid)$/);
      }),
      { numRuns: 400 },
    );
    expect(await left()).toEqual([]);
  }, 60_000);

  it('leaves the rest of a body that it refuses to whoever answers', async () => {
    const form = formOf([contentPart({ ...WHEEL, bytes: Buffer.alloc(2 * 2 ** 20) }), ...textParts(WHEEL)]);
    const body = bodyOf(form);

    expect(await outcome(body)).toBe('too-large');

    expect(body.destroyed).toBe(false);
    body.resume();
    await once(body, 'end');
  });

  it('asks for no more than it can put away', async () => {
    let sent = 0;
    const form = formOf([...textParts(WHEEL), contentPart({ ...WHEEL, bytes: Buffer.alloc(900 * 1024) })]);
    const seen: number[] = [];
    const body = Readable.from(
      (function* () {
        for (; sent < form.length; sent += 4096) {
          yield form.subarray(sent, sent + 4096);
        }
      })(),
      { objectMode: false, highWaterMark: 4096 },
    );

    const result = outcome(body, { onName: () => void seen.push(sent) });

    expect(await result).toMatch(/^[0-9a-f]{64}$/);
    expect(seen[0]).toBeLessThan(32 * 1024);
  });

  it('ends at once when it is aborted', async () => {
    const abort = new AbortController();
    const body = new PassThrough();
    const result = outcome(body, { signal: abort.signal });
    body.write(UV.subarray(0, 1500));
    await sleep(5);

    abort.abort();

    expect(await result).toBe('aborted');
    expect(body.destroyed).toBe(true);
    expect(await outcome(new PassThrough(), { signal: AbortSignal.abort() })).toBe('aborted');
  });

  it('says when the disk takes nothing', async () => {
    expect(await outcome(bodyOf(UV), { directory: `${directory}/none` })).toBe('storage-unavailable');
  });

  it('ends with what the name is refused for', async () => {
    const refuse = (name: string): void => {
      throw new ProxyError('forbidden', name);
    };
    const refuseLater = async (name: string): Promise<void> => {
      await sleep(5);
      refuse(name);
    };

    for (const [client, form] of Object.entries(FORMS)) {
      expect(await outcome(bodyOf(form), { onName: refuse }), client).toBe('forbidden');
      expect(await outcome(bodyOf(form), { onName: refuseLater }), client).toBe('forbidden');
    }
  });

  it('holds little of a large file in memory', async () => {
    const child = fork(new URL('./large-upload.contract.ts', import.meta.url), [directory], { execArgv: ['--conditions=@oci-package-proxy/source'], stdio: 'inherit' });
    const exit = once(child, 'exit');

    const [report] = (await Promise.race([once(child, 'message'), exit])) as [{ grown: number; size: number }];
    await exit;

    expect(report.size).toBe(300 * 2 ** 20);
    expect(report.grown).toBeLessThan(64 * 2 ** 20);
  }, 120_000);
});
