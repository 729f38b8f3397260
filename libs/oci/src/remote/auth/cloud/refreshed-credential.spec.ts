import { ProxyError } from '@oci-package-proxy/errors';
import { describe, expect, it } from 'vitest';

import { CredentialCache } from '../credential-cache.ts';
import { RefreshedCredential } from './refreshed-credential.ts';

const HOUR = 3_600_000;

function counting(lifetimeMs: number = HOUR): { source: RefreshedCredential; clock: { now: number }; issued: () => number; fail: (on: boolean) => void } {
  const clock = { now: 0 };
  let issued = 0;
  let failing = false;
  const issue = async (): Promise<{ credential: { identityToken: string }; lifetimeMs: number }> => {
    issued += 1;
    await Promise.resolve();
    if (failing) {
      throw new ProxyError('storage-unavailable', 'down');
    }
    return { credential: { identityToken: `t${issued}` }, lifetimeMs };
  };
  return { source: new RefreshedCredential(issue, () => clock.now), clock, issued: () => issued, fail: (on) => (failing = on) };
}

describe('RefreshedCredential', () => {
  it('asks once for all who wait, and again only before the end', async () => {
    const { source, clock, issued } = counting();

    const first = await Promise.all(Array.from({ length: 50 }, () => source.credentialFor()));
    clock.now = HOUR - 15 * 60_000 - 1;
    await source.credentialFor();

    expect(new Set(first.map((credential) => JSON.stringify(credential)))).toEqual(new Set([JSON.stringify({ identityToken: 't1', askAgainAt: HOUR - 15 * 60_000 })]));
    expect(issued()).toBe(1);
  });

  it('replaces it early, while the old one serves', async () => {
    const { source, clock, issued } = counting();
    await source.credentialFor();

    clock.now = HOUR - 15 * 60_000;
    const during = await source.credentialFor();
    await new Promise(setImmediate);
    const after = await source.credentialFor();

    expect([during, after]).toMatchObject([{ identityToken: 't1' }, { identityToken: 't2' }]);
    expect(issued()).toBe(2);
  });

  it('uses the old one to its end when a refresh fails, asking not more often than every 30 s, then fails', async () => {
    const { source, clock, issued, fail } = counting();
    await source.credentialFor();
    fail(true);

    for (const second of [0, 1, 29, 31]) {
      clock.now = HOUR - 10 * 60_000 + second * 1000;
      expect(await source.credentialFor()).toMatchObject({ identityToken: 't1' });
      await new Promise(setImmediate);
    }
    const refreshes = issued();
    clock.now = HOUR - 10_000;

    await expect(source.credentialFor()).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(refreshes).toBe(3);
    fail(false);
    expect(await source.credentialFor()).toMatchObject({ identityToken: 't5' });
  });

  it('gets another when it was refused, unless it is young', async () => {
    const { source, clock, issued } = counting();
    await source.credentialFor();

    clock.now = 59_000;
    source.refused();
    await source.credentialFor();
    const young = issued();
    clock.now = 60_000;
    source.refused();
    await source.credentialFor();

    expect([young, issued()]).toEqual([1, 2]);
  });

  it('is not kept by the cache beyond the time to ask again', async () => {
    const { source, clock } = counting(8 * 60_000);
    const cache = new CredentialCache(source, 'example.com', () => clock.now);
    await cache.get();

    clock.now = 6 * 60_000 + 1;
    await cache.get();
    await new Promise(setImmediate);
    clock.now += 30_000;

    expect(await cache.get()).toMatchObject({ identityToken: 't2' });
  });
});
