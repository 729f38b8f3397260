import { registryProfile } from '@oci-package-proxy/oci';
import { expect, it } from 'vitest';

import { StorageCapabilities, StorageProduct, storageProfile } from './storage-capabilities.ts';

function problemsOf(given: Parameters<typeof storageProfile>[0]): string[] {
  const problems: string[] = [];
  storageProfile(given, (where, what) => problems.push(`${where}: ${what}`));
  return problems;
}

it('takes what is known of the product, and an operator\'s word before it', () => {
  const none = (): never => expect.fail('a problem');

  expect(storageProfile({}, none)).toEqual(registryProfile());
  expect(storageProfile({ product: 'docker-hub' }, none)).toMatchObject({ product: 'docker-hub', names: 'flat', deletes: 'tag', tagsPerPage: 100 });
  expect(storageProfile({ product: 'distribution-2', capabilities: { deletes: 'none', tagsPerPage: undefined } }, none)).toMatchObject({ deletes: 'none', tagsPerPage: 1000 });
  expect(storageProfile({ product: 'zot', capabilities: { uploadChunkBytes: 64 * 2 ** 20 } }, none).uploadChunkBytes).toBe(64 * 2 ** 20);
});

it.each([
  ['chunks of a registry that breaks them', { product: 'ecr', capabilities: { uploadChunkBytes: 8 * 2 ** 20 } }, /^uploadChunkBytes: Amazon ECR is not known to take uploads in chunks/],
  ['chunks of who knows what', { capabilities: { uploadChunkBytes: 8 * 2 ** 20 } }, /^uploadChunkBytes: the registry is not known to take/],
  ['chunks that are too large', { product: 'ghcr', capabilities: { uploadChunkBytes: 8 * 2 ** 20 } }, /^uploadChunkBytes: .*takes chunks of 4194304 bytes at most$/],
  ['chunks that are too small', { product: 'zot', capabilities: { uploadChunkBytes: 1000 } }, /^uploadChunkBytes: must be at least 5242880 bytes/],
  ['manifests that are too small', { capabilities: { maxManifestBytes: 1000 } }, /^maxManifestBytes: must be at least 1048576/],
] as const)('refuses %s', (_, given, expected) => {
  expect(problemsOf(given)).toEqual([expect.stringMatching(expected)]);
});

it('refuses what is no product and no capability', () => {
  expect(StorageProduct.safeParse('nexus').error?.issues[0]?.message).toMatch(/^must be one of acr, distribution-2/);
  expect(StorageCapabilities.safeParse({ deletes: 'never' }).success).toBe(false);
  expect(StorageCapabilities.safeParse({ referrers: true }).success).toBe(false);
  expect(StorageCapabilities.safeParse({ uploadChunkBytes: '64MiB', maxTags: null })).toMatchObject({ success: true, data: { uploadChunkBytes: 64 * 2 ** 20, maxTags: null } });
});
