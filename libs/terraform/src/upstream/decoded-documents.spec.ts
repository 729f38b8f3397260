import { ProxyError } from '@oci-package-proxy/errors';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { TerraformUpstream } from '../config/hosts.ts';
import { DecodedDocuments } from './decoded-documents.ts';

const URL = 'https://registry.example.com/list';

type Answer = Pick<UpstreamDocument, 'bytes'> & Partial<UpstreamDocument>;

afterEach(() => vi.useRealTimers());

/** An upstream that answers as it is told; what is thrown is what fails. */
function upstreamOf(answer: (call: { readonly fresh?: boolean }) => Answer | null): TerraformUpstream & { readonly calls: boolean[] } {
  const calls: boolean[] = [];
  return {
    host: 'registry.example.com',
    url: 'https://registry.example.com',
    http: { get: async () => Promise.reject(new Error('not asked')), close: async () => Promise.resolve() },
    documents: {
      get: async (call) => {
        calls.push(call.fresh === true);
        const document = answer(call);
        return Promise.resolve(document === null ? null : { contentType: 'text/plain', url: URL, etag: null, revision: document.bytes.toString(), confirmedAt: Date.now(), stale: false, ...document });
      },
    },
    calls,
  };
}

function documents(trustMs = 0, maxAgeMs?: number): { readonly read: DecodedDocuments<string>; readonly decoded: string[] } {
  const decoded: string[] = [];
  const decode = ({ bytes }: UpstreamDocument): string | null => {
    decoded.push(bytes.toString());
    return bytes.toString().startsWith('<') ? null : bytes.toString();
  };
  return { read: new DecodedDocuments({ what: 'list', accept: 'text/plain', decode, trustMs, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) }), decoded };
}

const PAGE = { bytes: Buffer.from('<html>') };
const LIST = { bytes: Buffer.from('one') };

describe('a document', () => {
  it('is decoded once for each revision and place', async () => {
    let answer: Answer = LIST;
    const upstream = upstreamOf(() => answer);
    const { read, decoded } = documents();

    await read.get(upstream, URL);
    await read.get(upstream, URL);
    answer = { ...LIST, url: `${URL}/moved` };
    const moved = await read.get(upstream, URL);

    expect(decoded).toEqual(['one', 'one']);
    expect(moved).toMatchObject({ value: 'one', stale: false });
  });

  it('that is none has the last one stand in, once upstream was asked again', async () => {
    let answer: Answer = LIST;
    const upstream = upstreamOf(() => answer);
    const { read } = documents();
    const first = await read.get(upstream, URL);
    answer = { ...PAGE, confirmedAt: Date.now() - 60_000 };
    const second = await read.get(upstream, URL);

    expect([first?.stale, second?.stale, second?.value]).toEqual([false, true, 'one']);
    expect(upstream.calls).toEqual([false, false, true]);
  });

  it('is asked for again from its greatest age on, whatever the shared cache keeps, and stands in where that fails', async () => {
    let answer: Answer = { ...LIST, confirmedAt: Date.now() - 50_000 };
    const upstream = upstreamOf(() => answer);
    const { read } = documents(0, 60_000);
    await read.get(upstream, URL);
    answer = { ...LIST, confirmedAt: Date.now() - 70_000 };
    await read.get(upstream, URL);
    answer = { ...LIST, confirmedAt: Date.now() - 70_000, stale: true };
    const stale = await read.get(upstream, URL);

    expect(upstream.calls).toEqual([false, false, true, false]);
    expect(stale).toMatchObject({ value: 'one', stale: true });
  });

  it('that is none, and never was, is a failure', async () => {
    const { read } = documents();

    await expect(read.get(upstreamOf(() => PAGE), URL)).rejects.toMatchObject({ code: 'upstream-unavailable', message: expect.stringContaining('is no list') as string });
  });

  it('that upstream has no more does not stand in', async () => {
    let answer: Answer | null = LIST;
    const upstream = upstreamOf(() => answer);
    const { read } = documents();
    await read.get(upstream, URL);
    answer = null;
    const gone = await read.get(upstream, URL);
    answer = PAGE;

    expect(gone).toBeNull();
    await expect(read.get(upstream, URL)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it.each(['too-large', 'policy'] as const)('that cannot be taken is one that cannot be had: %s', async (code) => {
    const upstream = upstreamOf(() => {
      throw new ProxyError(code, 'for a test');
    });

    await expect(documents().read.get(upstream, URL)).rejects.toMatchObject({ code: 'upstream-unavailable' });
  });

  it('that is trusted is not waited for, and asked for behind', async () => {
    let answer: Answer = LIST;
    const upstream = upstreamOf(() => answer);
    const { read } = documents(60_000);
    await read.get(upstream, URL);
    answer = { bytes: Buffer.from('two') };
    const behind = await read.get(upstream, URL);
    await expect.poll(async () => (await read.get(upstream, URL))?.value).toBe('two');
    answer = { bytes: Buffer.from('three') };

    expect(behind?.value).toBe('one');
    expect((await read.get(upstream, URL, { fresh: true }))?.value).toBe('three');
  });

  it('that is trusted is asked for when it is too old', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    let answer: Answer = LIST;
    const upstream = upstreamOf(() => answer);
    const { read } = documents(60_000);
    await read.get(upstream, URL);
    answer = { bytes: Buffer.from('two') };
    vi.setSystemTime(Date.now() + 61_000);

    expect((await read.get(upstream, URL))?.value).toBe('two');
  });
});

describe('what is looked for in a document', () => {
  it.each([
    ['is there', 'one', {}, [false]],
    ['is not there a moment ago', 'two', {}, [false]],
    ['is not there a while ago', 'two', { confirmedAt: Date.now() - 60_000 }, [false, true]],
    ['is not in a stale one', 'two', { stale: true }, [false, true]],
  ])('and %s', async (_, wanted, how, calls) => {
    const upstream = upstreamOf(() => ({ ...LIST, ...how }));
    const { read } = documents();

    const found = await read.getWith(upstream, URL, { has: (value) => value === wanted });

    expect(found?.value).toBe('one');
    expect(upstream.calls).toEqual(calls);
  });
});
