import { ProxyError } from '@oci-package-proxy/errors';
import { describe, expect, it } from 'vitest';

import { retryAfterMs, withRetries } from './retry.ts';

const NOW = Date.parse('2026-11-01T00:00:00Z');

describe('retryAfterMs', () => {
  it.each([
    [null, null],
    ['3', 3_000],
    ['0.25', 250],
    ['86400', 60_000],
    ['Sun, 01 Nov 2026 00:00:10 GMT', 10_000],
    ['Sun, 01 Nov 2026 01:00:00 GMT', 60_000],
    ['Sat, 31 Oct 2026 00:00:00 GMT', 0],
    ['soon', null],
  ])('%s', (header, expected) => {
    expect(retryAfterMs(header, NOW)).toBe(expected);
  });
});

describe('withRetries', () => {
  const policy = { attempts: 3, baseMs: 1 };

  it('repeats what is unavailable, as often as the policy says', async () => {
    const seen: number[] = [];

    const outcome = withRetries(policy, { subject: 's' }, async (number) => {
      seen.push(number);
      throw new ProxyError('storage-unavailable', 'no');
    });

    await expect(outcome).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(seen).toEqual([0, 1, 2]);
  });

  it('does not repeat what is refused', async () => {
    let attempts = 0;

    const outcome = withRetries(policy, { subject: 's' }, async () => {
      attempts += 1;
      throw new ProxyError('storage-denied', 'no');
    });

    await expect(outcome).rejects.toMatchObject({ code: 'storage-denied' });
    expect(attempts).toBe(1);
  });

  it('stops waiting when the caller gives up', async () => {
    const signal = AbortSignal.timeout(20);

    const outcome = withRetries(policy, { subject: 's', signal }, async () => {
      throw new ProxyError('storage-unavailable', 'no', { retryAfterMs: 9_000 });
    });

    await expect(outcome).rejects.toMatchObject({ code: 'aborted' });
  });

  it('hands on what asks for a longer rest than a request can wait', async () => {
    let attempts = 0;

    const outcome = withRetries(policy, { subject: 's' }, async () => {
      attempts += 1;
      throw new ProxyError('storage-unavailable', 'slowly', { retryAfterMs: 10_001 });
    });

    await expect(outcome).rejects.toMatchObject({ message: 'slowly', retryAfterMs: 10_001 });
    expect(attempts).toBe(1);
  });
});
