import { CAREFUL, type Capabilities, type Product, type RegistryProfile } from './registry-profile.ts';

/** How sure a statement is. `run`: seen on a running server by our tests; `source`: read in its source code or documents; `reported`: told by others. */
export type Evidence = 'run' | 'source' | 'reported';

/** A registry's habits. */
export interface KnownProduct {
  /** As people call it. */
  readonly title: string;
  /** How it differs from {@link CAREFUL}. */
  readonly capabilities: Partial<Capabilities>;
  /** The best evidence for the whole of it, and where it is from. */
  readonly evidence: Evidence;
  readonly sources: string;
  /** What an operator has to make before the first push; shown when a push finds no repository. */
  readonly creation: string;
  /** What else an operator should know. */
  readonly notes: readonly string[];
}

/** The documented defaults, from `reference/oci.md` §2 and §3. `docs/registries.md` shows them; its spec compares. */
export const KNOWN_PRODUCTS: Readonly<Record<Product, KnownProduct>> = {
  zot: {
    title: 'zot 2.1',
    capabilities: { tagOrder: 'lexical', deletes: 'tag', mounts: true, chunkedUploads: true, referrers: true },
    evidence: 'source',
    sources: 'zot 6d19b445 (2.1.20)',
    creation: 'Nothing, unless `maxRepos` is reached.',
    notes: [
      'Several replicas on one shared storage lose tags of each other (pull request 4337): run one, or give each its own.',
      'Removes untagged manifests after an hour: everything of ours is tagged or the child of a tagged index.',
      'A policy with `create` and without `update` keeps tags from being replaced, but looks before the put and not with it: two puts at the same moment both get through. So never `immutableTags: true` there.',
    ],
  },
  'distribution-2': {
    title: 'distribution 2.8',
    capabilities: { deletes: 'digest', mounts: true, chunkedUploads: true },
    evidence: 'run',
    sources: '2.8.2, the package of Debian',
    creation: 'Nothing.',
    notes: [
      'Deleting is off by default (`REGISTRY_STORAGE_DELETE_ENABLED=true`); with it off, set `deletes: none`.',
      'Sends the whole tag list at once, unsorted, whatever is asked.',
      '`garbage-collect --delete-untagged` removes children of OCI indexes, and so published provider archives: never use that flag.',
    ],
  },
  'distribution-3': {
    title: 'distribution 3',
    capabilities: { tagOrder: 'lexical', deletes: 'tag', mounts: true, chunkedUploads: true },
    evidence: 'run',
    sources: '3.1.2, built by Go; its source at 0d6b721',
    creation: 'Nothing.',
    notes: ['Deleting is off by default (`REGISTRY_STORAGE_DELETE_ENABLED=true`); with it off, set `deletes: none`.', 'No referrers API.'],
  },
  harbor: {
    title: 'Harbor 2',
    capabilities: { tagOrder: 'lexical', deletes: 'digest', mounts: true, chunkedUploads: true, referrers: true },
    evidence: 'source',
    sources: 'harbor c50c7dd',
    creation: 'The project, which is the first part of the path of STORAGE_URL; repositories in it come with the first push.',
    notes: [
      'Two first pushes of one new tag at the same moment are both answered 201, and one is dropped (issue 23118): every tag is read back after it was put.',
      'Tag immutability rules must exclude `_snapshot` and `_upstream`, with `immutableTags: true` these two alone.',
      'Retention rules must spare tags that start with `_`, and every tag in `catalog/` and `system/`. Where rules are for repositories of packages, one must retain versions too: what no rule retains is removed.',
      'A robot account needs pull, push and, to remove deleted versions, artifact delete.',
    ],
  },
  ghcr: {
    title: 'GitHub Container Registry (GHCR)',
    capabilities: { tagOrder: 'by-age', deletes: 'none', mounts: true, chunkedUploads: true, maxChunkBytes: 4 * 2 ** 20, maxManifestBytes: 4 * 2 ** 20 - 1 },
    evidence: 'reported',
    sources: 'oras, Homebrew, renovate; not tried',
    creation: 'Nothing: a push creates a private package below the owner, whose name must be in lower case.',
    notes: ['Deleted versions stay in its store, hidden: it deletes by its own REST API only.', '10 GB for a layer, and 10 minutes for an upload.', 'No referrers API.'],
  },
  ecr: {
    title: 'Amazon ECR',
    capabilities: { deletes: 'digest', referrers: true, createsRepositories: false },
    evidence: 'reported',
    sources: 'its documentation and containers-roadmap; not tried',
    creation: 'Every repository; or once a repository creation template for the prefix, with `appliedFor: CREATE_ON_PUSH`.',
    notes: [
      'Uploads in chunks are broken (roadmap 2831): they are never used there.',
      'With tag immutability and an exclusion filter for `_snapshot` and `_upstream` (`IMMUTABLE_WITH_EXCLUSION`), say `immutableTags: true`.',
      'Lifecycle rules must leave out tags that start with `_`, and never go by the last pull. Repositories below `catalog/` and `system/` must have none: where the creation template for the prefix brings some, make templates for these two without.',
    ],
  },
  acr: {
    title: 'Azure Container Registry (ACR)',
    capabilities: { tagOrder: 'lexical', deletes: 'digest', mounts: true, chunkedUploads: true, referrers: true },
    evidence: 'reported',
    sources: 'its documentation and issues 749 and 890; not tried',
    creation: 'Nothing.',
    notes: ['Answers 1000 tags a page, whatever is asked.', 'Tags can be locked only after they were pushed, so that they are not create-only.'],
  },
  gar: {
    title: 'Google Artifact Registry (GAR)',
    capabilities: { maxTags: 10_000, deletes: 'tag', mounts: true, referrers: true },
    evidence: 'reported',
    sources: 'its documentation, kitops, Flux 328; not tried',
    creation: 'The repository of Artifact Registry (the part of the path after the project); images in it come with the first push.',
    notes: ['No uploads in chunks.', 'A tag list is incomplete above 10 000 tags: a package with more files fails with a text that says so.'],
  },
  quay: {
    title: 'Quay 3',
    capabilities: { tagsPerPage: 100, tagOrder: 'lexical', deletes: 'tag', mounts: true, chunkedUploads: true, referrers: true },
    evidence: 'source',
    sources: 'quay ffba0c7; the hosted service was not tried',
    creation: 'The organization; repositories in it come with the first push, where its account may create them.',
    notes: ['What is pushed by digest alone is kept for an hour: everything of ours is tagged or the child of a tagged index.'],
  },
  'docker-hub': {
    title: 'Docker Hub',
    capabilities: { names: 'flat', tagsPerPage: 100, deletes: 'tag', mounts: true, chunkedUploads: true, referrers: true },
    evidence: 'reported',
    sources: 'hub-feedback 1404, 2361, roadmap 724, soci 1828; not tried',
    creation: 'Nothing below your own namespace, which is the only part of the path of STORAGE_URL.',
    notes: ['Counts every GET of a manifest against a small limit: not for a store that builds depend on.', 'A third level of names fails with 401.', 'Referrers since late 2025.'],
  },
};

/** The profile of a registry: an operator's word, else what is known of the product, else {@link CAREFUL}. No request is made. */
export function registryProfile(given: { readonly product?: Product | null; readonly overrides?: Partial<Capabilities> } = {}): RegistryProfile {
  const { product = null, overrides = {} } = given;
  return { ...CAREFUL, ...(product !== null && KNOWN_PRODUCTS[product].capabilities), ...overrides, product };
}
