import type { Product } from '../profile/registry-profile.ts';

/** Everything that a probe finds out about a registry, and as what. */
export interface ProbeValues {
  /** Something answers at `/v2/` as a registry does. */
  readonly reachable: boolean;
  /** What it asks of strangers: for `/v2/`, else for a write. */
  readonly authentication: 'none' | 'basic' | 'bearer' | 'other';
  /** It takes the credential that we have. */
  readonly credential: boolean;
  /** Which product it seems to be; a guess from what it says of itself and does. */
  readonly product: Product;
  /** Its clock minus ours. */
  readonly clockSkewMs: number;
  /** Median of a few requests that do nothing. */
  readonly latencyMs: number;
  /** Answers are compressed, though we ask for none of that. */
  readonly compresses: boolean;
  /** Our credential may read. */
  readonly pull: boolean;
  /** Our credential may write. */
  readonly push: boolean;
  /** Our credential may delete. */
  readonly delete: boolean;
  /** Who shows no credential may read what we stored. */
  readonly strangersPull: boolean;
  /** Who shows no credential may write. */
  readonly strangersPush: boolean;
  /** A first push creates the repository. */
  readonly createsRepositories: boolean;
  /** Repository names may have as many parts as ours do. */
  readonly nestedNames: boolean;
  /** How it answers a tag list of a repository that is not there. */
  readonly missingRepository: 'not-found' | 'empty' | 'denied';
  /** A blob can be uploaded by POST and one PUT. */
  readonly uploads: boolean;
  /** A blob can be uploaded by PATCHes, and is whole afterwards. */
  readonly chunkedUploads: boolean;
  /** `OCI-Chunk-Min-Length` in bytes. */
  readonly minChunkBytes: number;
  /** A blob of one repository of ours can be had in another without an upload. */
  readonly mounts: boolean;
  /** HEAD and GET of a blob say and send what was stored. */
  readonly blobReads: boolean;
  readonly blobRanges: boolean;
  /** Blobs are read from another host than the registry's. */
  readonly blobRedirects: boolean;
  /** A manifest with artifactType, empty config, unknown layer types, `data` and an annotation of 4 KiB. */
  readonly artifacts: boolean;
  /** An index with artifactType, of children that were put by digest. */
  readonly indexes: boolean;
  /** Size in bytes of the largest manifest that was taken, of those that were tried. */
  readonly largestManifest: number;
  /** `Docker-Content-Digest` comes with manifests. */
  readonly contentDigest: boolean;
  /** A tag is read, and is in the list, right after it was put. */
  readonly readsItsWrites: boolean;
  /** Several first puts at the same moment are all there afterwards. */
  readonly keepsConcurrentTags: boolean;
  /** An ordinary tag can be put again with another manifest. */
  readonly replacesTags: boolean;
  /** Tags as we rewrite them, `_snapshot` and `_upstream`, can be put again. */
  readonly replacesDerivedTags: boolean;
  /** What `n` and `last` do: pages with `Link`; pages without it, `last` works; pages whose rest nobody gets; everything at once. */
  readonly tagPages: 'linked' | 'by-last' | 'cut' | 'ignored';
  readonly tagOrder: 'lexical' | 'by-age' | 'none';
  /** A tag can be deleted by its name. */
  readonly deletesTags: boolean;
  /** A manifest can be deleted by its digest. */
  readonly deletesDigests: boolean;
  /** Deleting a tag leaves other tags of the same manifest. */
  readonly deleteSparesTags: boolean;
  /** The child of a tagged index can be deleted from under it. */
  readonly deletesChildren: boolean;
  readonly referrers: boolean;
}

/** What a finding is about. */
export type ProbeTopic = keyof ProbeValues;

/** One thing that was found out, or could not be. */
export interface Finding<T extends ProbeTopic = ProbeTopic> {
  readonly what: T;
  /** Null: unknown; `details` says why. */
  readonly value: ProbeValues[T] | null;
  /** What was seen, in words. */
  readonly details: string;
}

/** What a probe could not remove. */
export interface Leftover {
  /** Full repository name. */
  readonly repository: string;
  readonly tags: readonly string[];
  /** Manifests without a tag, which the registry's own garbage collection may remove. */
  readonly untagged: number;
}

/** What a probe found. */
export interface ProbeReport {
  /** `host[:port]`. */
  readonly host: string;
  readonly readOnly: boolean;
  /** One for every topic, in the order of {@link ProbeValues}. */
  readonly findings: readonly Finding[];
  readonly leftovers: readonly Leftover[];
}

/** The finding about `what`. */
export function findingOf<T extends ProbeTopic>(report: Pick<ProbeReport, 'findings'>, what: T): Finding<T> {
  const found = report.findings.find((finding): finding is Finding<T> => finding.what === what);
  return found ?? { what, value: null, details: 'not looked at' };
}

/** In the order of a report. */
export const PROBE_TOPICS = [
  'reachable', 'authentication', 'credential', 'product', 'clockSkewMs', 'latencyMs', 'compresses',
  'pull', 'push', 'delete', 'strangersPull', 'strangersPush',
  'createsRepositories', 'nestedNames', 'missingRepository',
  'uploads', 'chunkedUploads', 'minChunkBytes', 'mounts', 'blobReads', 'blobRanges', 'blobRedirects',
  'artifacts', 'indexes', 'largestManifest', 'contentDigest',
  'readsItsWrites', 'keepsConcurrentTags', 'replacesTags', 'replacesDerivedTags', 'tagPages', 'tagOrder',
  'deletesTags', 'deletesDigests', 'deleteSparesTags', 'deletesChildren', 'referrers',
] as const satisfies readonly ProbeTopic[];
