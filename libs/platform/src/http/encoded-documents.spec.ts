import { gunzipSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { EncodedDocuments, type RenderedDocument } from './encoded-documents.ts';

describe('encoded documents', () => {
  it('are made once for all who wait, and kept', async () => {
    const documents = new EncodedDocuments(2 ** 20);
    let made = 0;
    const render = (): RenderedDocument => {
      made += 1;
      return { bytes: Buffer.alloc(5000, 'x'), revision: 'one' };
    };

    const [one, two] = await Promise.all([documents.get('key', render), documents.get('key', render)]);
    const three = await documents.get('key', render);
    const other = await documents.get('other', () => ({ bytes: Buffer.from('short'), revision: 'two' }));

    expect(made).toBe(1);
    expect([two, three]).toEqual([one, one]);
    expect(gunzipSync(one.gzip ?? '')).toEqual(one.bytes);
    expect(other).toEqual({ bytes: Buffer.from('short'), revision: 'two' });
  });

  it('are made again after a failure, and where there was none', async () => {
    const documents = new EncodedDocuments(2 ** 20);

    await expect(documents.get('key', async () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    const none = await documents.get('key', () => null);
    const then = await documents.get('key', () => ({ bytes: Buffer.from('ok'), revision: 'one' }));

    expect(none).toBeNull();
    expect(then.bytes.toString()).toBe('ok');
  });

  it('stay within their bytes', async () => {
    const documents = new EncodedDocuments(10_000);
    let made = 0;
    const render = (): RenderedDocument => {
      made += 1;
      return { bytes: Buffer.alloc(900, made), revision: String(made) };
    };
    for (let index = 0; index < 20; index += 1) {
      await documents.get(`key ${index}`, render);
    }

    await documents.get('key 19', render);
    await documents.get('key 0', render);

    expect(made).toBe(21);
  });
});
