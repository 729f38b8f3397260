import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { isProxyError } from '@oci-package-proxy/errors';
import { describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import type { BlobSource } from '../ports/repository.ts';
import { content, drained, FILE } from './sample-content.contract.ts';
import type { Powers, StoreUnderTest } from './store-under-test.contract.ts';

/** What a Repository promises of blobs. */
export function describeBlobs(store: StoreUnderTest, powers: Powers): void {
  describe('blobs', () => {
  it.each([1, 2, 65_535, 65_536, 65_537, 3_000_000])('of %i bytes come back as they went', async (size) => {
    const repository = store.fresh();
    const bytes = randomBytes(size);
    const digest = digestOf(bytes);

    await repository.writeBlob(bufferBlob(bytes));
    const body = await repository.readBlob(digest);

    expect(await repository.statBlob(digest)).toBe(size);
    expect(body?.size).toBe(size);
    expect((await buffer(body?.stream ?? expect.fail())).equals(bytes)).toBe(true);
  });

  it('may be written again, and by many at a time', async () => {
    const repository = store.fresh();
    const bytes = randomBytes(200_000);

    await Promise.all([repository, store.another(repository), repository].map((writer) => writer.writeBlob(bufferBlob(bytes))));
    await repository.writeBlob(bufferBlob(bytes));

    expect((await content(repository, digestOf(bytes)))?.equals(bytes)).toBe(true);
  });

  it.each<[number, number]>([[0, 0], [0, 9], [5, 5], [3, 7], [9, 9]])('come in parts: %i to %i', async (start, end) => {
    const repository = store.fresh();
    const bytes = Buffer.from('0123456789');
    await repository.writeBlob(bufferBlob(bytes));

    const body = await repository.readBlob(digestOf(bytes), { range: { start, end } });

    expect(body?.size).toBe(10);
    expect((await buffer(body?.stream ?? expect.fail())).toString()).toBe('0123456789'.slice(start, end + 1));
  });

  it.each<[number, number]>([[10, 10], [0, 10], [9, 12], [100, 200], [5, 4], [-1, 3], [0.5, 2]])('have no part %d to %d', async (start, end) => {
    const repository = store.fresh();
    await repository.writeBlob(bufferBlob(Buffer.from('0123456789')));

    const code = (start >= 10 && powers.oddities?.rangeBeyond) || 'range-not-satisfiable';
    await expect(repository.readBlob(digestOf('0123456789'), { range: { start, end } })).rejects.toMatchObject({ code });
  });

  it('that are missing are null', async () => {
    const repository = store.fresh();

    expect(await repository.statBlob(digestOf('missing'))).toBeNull();
    expect(await repository.readBlob(digestOf('missing'))).toBeNull();
    expect(await repository.readBlob(digestOf('missing'), { range: { start: 0, end: 0 } })).toBeNull();
    await repository.writeBlob(bufferBlob(FILE));
    expect(await repository.statBlob(digestOf('missing'))).toBeNull();
    expect(await repository.readBlob(digestOf('missing'))).toBeNull();
  });

  it('of no bytes are refused', async () => {
    await expect(store.fresh().writeBlob(bufferBlob(Buffer.alloc(0)))).rejects.toMatchObject({ code: 'invalid' });
  });

  it.each<[string, string, string]>([
    ['other bytes', 'lies', 'true'],
    ['too few bytes', 'tru', 'true'],
    ['no bytes', '', 'true'],
    ['too many bytes', 'true!', 'true'],
    ['another last byte after much', `${'0'.repeat(500_000)}a`, `${'0'.repeat(500_000)}b`],
  ])('whose source yields %s are not stored', async (name, yielded, wanted) => {
    const repository = store.fresh();
    // Some stores have what any repository has.
    const [given, promised] = [Buffer.from(yielded === '' ? '' : `${name} ${yielded}`), Buffer.from(`${name} ${wanted}`)];
    const source: BlobSource = { digest: digestOf(promised), size: promised.length, open: () => Readable.from(given.length === 0 ? [] : [given], { objectMode: false }) };

    await expect(repository.writeBlob(source)).rejects.toMatchObject({ code: 'integrity' });

    expect(await repository.statBlob(digestOf(promised))).toBeNull();
    expect(await repository.statBlob(digestOf(given))).toBeNull();
    await repository.writeBlob(bufferBlob(promised));
    expect((await content(repository, digestOf(promised)))?.equals(promised)).toBe(true);
  });

  it.each<[string, () => Readable]>([
    ['fails', () => new Readable({ read: (): void => undefined }).destroy(new Error('disk'))],
    ['cannot be opened', () => {
      throw new Error('disk');
    }],
    ['ends in the middle', () => new Readable({ read: (): void => undefined }).destroy()],
  ])('whose source %s are not stored', async (_name, open) => {
    const repository = store.fresh();

    const error: unknown = await repository.writeBlob({ digest: digestOf('x'), size: 1, open }).catch((reason: unknown) => reason);

    expect(isProxyError(error, 'internal')).toBe(true);
    expect(await repository.statBlob(digestOf('x'))).toBeNull();
  });

  it('can be given up while they are written', async () => {
    const repository = store.fresh();
    const caller = new AbortController();
    const source: BlobSource = { digest: digestOf('xy'), size: 2, open: () => new Readable({ read: (): void => undefined }) };

    const writing = repository.writeBlob(source, { signal: caller.signal });
    setTimeout(() => caller.abort(), 50);

    await expect(writing).rejects.toMatchObject({ code: 'aborted' });
    expect(await repository.statBlob(digestOf('xy'))).toBeNull();
  });

  it('can be given up while they are read', async () => {
    const repository = store.fresh();
    const bytes = randomBytes(8_000_000);
    await repository.writeBlob(bufferBlob(bytes));
    const caller = new AbortController();

    const body = await repository.readBlob(digestOf(bytes), { signal: caller.signal });
    const stream = body?.stream ?? expect.fail();
    stream.once('data', () => caller.abort());

    const end = await buffer(stream).catch((error: unknown) => error);
    expect(Buffer.isBuffer(end) ? end.equals(bytes) : isProxyError(end, 'aborted')).toBe(true);
  });

  it.each([1, 8, 65_536, 400_000])('of %i bytes that were damaged in the store never come to an end', async (size) => {
    const repository = store.fresh();
    const bytes = randomBytes(size);
    await repository.writeBlob(bufferBlob(bytes));
    const damaged = Buffer.from(bytes);
    damaged[size - 1] = (damaged[size - 1] ?? 0) ^ 1;
    await store.corrupt(repository, digestOf(bytes), damaged);

    const body = await repository.readBlob(digestOf(bytes));
    if (powers.oddities?.hidesDamage === true) {
      expect(body).toBeNull();
      return;
    }
    const { received, error } = await drained(body?.stream ?? expect.fail());

    expect(isProxyError(error, 'integrity')).toBe(true);
    expect(received).toBeLessThanOrEqual(Math.max(0, size - 65_536));
  });
  });
}
