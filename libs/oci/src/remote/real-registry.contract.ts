import type { RegistryUnderTest } from '@oci-package-proxy/testing';
import { describe } from 'vitest';

import { describeRepositoryContract } from '../contract/repository.contract.ts';
import type { RegistryUnderTest as StoreUnderTest } from '../contract/store-under-test.contract.ts';
import { describeStreaming } from '../contract/streaming.contract.ts';
import { registryProfile } from './profile/known-products.ts';
import { RemoteRegistry } from './remote-registry.ts';

/** What the driver promises, on a real registry. The rows of docs/registries.md are named after these descriptions. */
export function describeRealRegistry(registry: RegistryUnderTest): void {
  const { server, form, deletesTags, oddities, immutableTags } = registry;
  const start = async (): Promise<StoreUnderTest> => {
    const { connection, corrupt, stop } = await registry.start();
    return { corrupt, stop, connect: () => new RemoteRegistry({ ...connection, profile: registryProfile({ overrides: { immutableTags } }) }) };
  };

  describe(`${server} | ${form}`, () => {
    describe('blobs, manifests, tag lists, deletion', () => {
      describeRepositoryContract('the driver', start, { createsTags: immutableTags, deletesTags, oddities });
    });
  });
}

/** A file that must not be held in memory, on a real registry. */
export function describeRealStreaming(registry: RegistryUnderTest): void {
  describe(`${registry.server} | ${registry.form}`, () => {
    describe('300 MiB in and out, not held in memory', () => {
      describeStreaming('the driver', async () => {
        const { connection, stop } = await registry.start();
        return { registry: new RemoteRegistry(connection), stop };
      });
    });
  });
}
