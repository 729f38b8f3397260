import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { beforeEach, expect, it } from 'vitest';

import type { TerraformUpstream } from '../config/hosts.ts';
import { providerRef } from '../model/address.ts';
import { isAsked, ProviderPlaces } from './provider-places.ts';

const ADDRESS = { host: 'registry.example.com', namespace: 'acme', type: 'demo' };

let ledger: Ledger;

beforeEach(() => {
  ledger = new Ledger({ registry: new MemoryRegistry() });
});

// Whatever the configuration says of a host: each of these is enough to ask nobody.
function places(how: { readonly own?: string; readonly isPrivate?: (name: string) => boolean }): ProviderPlaces {
  const upstream = { host: ADDRESS.host } as unknown as TerraformUpstream;
  return new ProviderPlaces({ ledger, hosts: { isOwn: (host) => host === how.own, isPrivate: how.isPrivate ?? (() => false), upstream: () => upstream } });
}

it.each([
  ['of an upstream', {}, null, true],
  ['that came from upstream', {}, 'upstream', true],
  ['under the own host', { own: ADDRESS.host }, null, false],
  ['that is private', { isPrivate: (name: string) => name === 'providers/registry.example.com/acme/demo' }, 'upstream', false],
  ['that was published here', {}, 'published', false],
] as const)('decides whether upstream may be asked for a provider %s', async (_, how, origin, asked) => {
  if (origin !== null) {
    await ledger.decideOrigin(providerRef(ADDRESS), origin);
  }

  const place = await places(how).of(ADDRESS);

  expect(isAsked(place)).toBe(asked);
  expect(place.fold.origin).toBe(origin);
});
