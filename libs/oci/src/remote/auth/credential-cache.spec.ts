import { expect, it } from 'vitest';

import { CredentialCache } from './credential-cache.ts';
import type { Credential } from './credentials.ts';

it('asks again after ten minutes for a credential, and after ten seconds where there was none', async () => {
  const clock = { now: 0 };
  const given: (Credential | null)[] = [null, { username: 'a', password: 'b' }, null];
  let asked = 0;
  const cache = new CredentialCache({ credentialFor: async () => Promise.resolve(given[asked++] ?? null) }, 'registry.example.com', () => clock.now);
  const seen: [number, boolean][] = [];

  for (const now of [0, 9_999, 10_000, 609_999, 610_000]) {
    clock.now = now;
    seen.push([now, (await cache.get()) !== null]);
  }

  expect(seen).toEqual([[0, false], [9_999, false], [10_000, true], [609_999, true], [610_000, false]]);
  expect(asked).toBe(3);
});
