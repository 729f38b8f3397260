import { type Capabilities, KNOWN_PRODUCTS, type Product, PRODUCTS, type RegistryProfile, registryProfile } from '@oci-package-proxy/oci';
import { z } from 'zod';

import { ByteSize } from './byte-size.ts';

/** The least that registries take as a chunk of an upload that is not its last, in bytes. */
const MIN_CHUNK_BYTES = 5 * 2 ** 20;
/** Documents with the metadata of versions are inline in manifests. */
const MIN_MANIFEST_BYTES = 2 ** 20;

const positive = z.int('must be a whole number').min(1);

/** `storage.product` of CONFIG_FILE: which registry it is. */
export const StorageProduct = z.enum(PRODUCTS, { error: `must be one of ${PRODUCTS.join(', ')}` });

/** `storage.capabilities` of CONFIG_FILE: what the registry does, where it differs from what is known of the product. */
export const StorageCapabilities = z.strictObject({
  names: z.enum(['nested', 'flat']).optional(),
  tagsPerPage: positive.max(10_000).optional(),
  maxTags: positive.nullable().optional(),
  deletes: z.enum(['tag', 'digest', 'none', 'learn']).optional(),
  immutableTags: z.boolean().optional(),
  mounts: z.boolean().optional(),
  chunkedUploads: z.boolean().optional(),
  maxChunkBytes: ByteSize.nullable().optional(),
  uploadChunkBytes: ByteSize.nullable().optional(),
  createsRepositories: z.boolean().optional(),
  maxManifestBytes: ByteSize.optional(),
});

/** What {@link StorageCapabilities} and {@link StorageProduct} come to. @param problem told what does not go together. */
export function storageProfile(
  given: { readonly product?: Product | undefined; readonly capabilities?: z.output<typeof StorageCapabilities> | undefined },
  problem: (where: string, what: string) => void,
): RegistryProfile {
  const profile = registryProfile({ product: given.product ?? null, overrides: withoutUndefined(given.capabilities ?? {}) });
  const chunk = profile.uploadChunkBytes;
  if (chunk !== null) {
    const named = profile.product === null ? 'the registry' : KNOWN_PRODUCTS[profile.product].title;
    if (!profile.chunkedUploads) {
      problem('uploadChunkBytes', `${named} is not known to take uploads in chunks; where it does, set chunkedUploads: true beside it`);
    } else if (profile.maxChunkBytes !== null && chunk > profile.maxChunkBytes) {
      problem('uploadChunkBytes', `${named} takes chunks of ${profile.maxChunkBytes} bytes at most`);
    } else if (chunk < Math.min(MIN_CHUNK_BYTES, profile.maxChunkBytes ?? MIN_CHUNK_BYTES)) {
      problem('uploadChunkBytes', `must be at least ${MIN_CHUNK_BYTES} bytes: registries refuse smaller chunks`);
    }
  }
  if (profile.maxManifestBytes < MIN_MANIFEST_BYTES) {
    problem('maxManifestBytes', `must be at least ${MIN_MANIFEST_BYTES}: metadata of versions is kept in manifests`);
  }
  return profile;
}

function withoutUndefined(given: z.output<typeof StorageCapabilities>): Partial<Capabilities> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
