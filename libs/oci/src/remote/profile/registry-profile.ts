/** The registries whose habits are written down: `known-products.ts`. */
export const PRODUCTS = ['acr', 'distribution-2', 'distribution-3', 'docker-hub', 'ecr', 'gar', 'ghcr', 'harbor', 'quay', 'zot'] as const;

/** One of {@link PRODUCTS}. */
export type Product = (typeof PRODUCTS)[number];

/**
 * How a tag can be removed: by its name; by its manifest's digest, which removes every tag of that digest; or not at all.
 * `learn`: nobody said, so that it is tried once and kept in mind.
 */
export type DeleteMethod = 'tag' | 'digest' | 'none' | 'learn';

/** What a registry does and does not do, as far as it matters to us. */
export interface Capabilities {
  /** `flat`: repository names have one part below the prefix (`npm-0-types-0-node`), for registries with two levels. Part of where packages are: it must never change. */
  readonly names: 'nested' | 'flat';
  /** Tags to ask for with one request. */
  readonly tagsPerPage: number;
  /** The order of a tag list. Nothing relies on it. */
  readonly tagOrder: 'lexical' | 'by-age' | 'none';
  /** The length at which the registry cuts a repository's whole tag list without a word; null: it does not. */
  readonly maxTags: number | null;
  readonly deletes: DeleteMethod;
  /** Whether a tag that is there can never be put again, but for those that start with `_snapshot` or `_upstream`. Only ever believed when an operator says so. */
  readonly immutableTags: boolean;
  /** Whether a blob of one repository can be had in another without an upload. */
  readonly mounts: boolean;
  /** Whether a blob can be uploaded in several requests. */
  readonly chunkedUploads: boolean;
  /** Largest chunk in bytes; null: any. */
  readonly maxChunkBytes: number | null;
  /** Uploads larger than this many bytes are cut into chunks of it; null: every upload is one request. */
  readonly uploadChunkBytes: number | null;
  /** Whether the referrers API is there. Nothing relies on it. */
  readonly referrers: boolean;
  /** Whether a first push creates the repository. */
  readonly createsRepositories: boolean;
  /** Largest manifest in bytes. */
  readonly maxManifestBytes: number;
}

/** The capabilities of one registry, and the product that they were taken from; null: nobody said which it is. */
export interface RegistryProfile extends Capabilities {
  readonly product: Product | null;
}

/** What is assumed of a registry that nobody named: only what every one of them does. */
export const CAREFUL: Capabilities = {
  names: 'nested',
  tagsPerPage: 1_000,
  tagOrder: 'none',
  maxTags: null,
  deletes: 'learn',
  immutableTags: false,
  mounts: false,
  chunkedUploads: false,
  maxChunkBytes: null,
  uploadChunkBytes: null,
  referrers: false,
  createsRepositories: true,
  maxManifestBytes: 4 * 2 ** 20,
};
