export type { Descriptor } from './model/descriptor.ts';
export { type Digest, digestOf, isDigest } from './model/digest.ts';
export {
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  EMPTY_MEDIA_TYPE,
  INDEX_MEDIA_TYPE,
  type Index,
  MANIFEST_MEDIA_TYPE,
  type Manifest,
  type ManifestBytes,
} from './model/manifest.ts';
export {
  type BlobBody,
  type BlobMounter,
  type BlobReader,
  type BlobSource,
  type BlobWriter,
  type ByteRange,
  type CallOptions,
  isBlobMounter,
  isTagCreator,
  isTagDeleter,
  type ManifestReader,
  type ManifestWriter,
  type Registry,
  type Repository,
  type TagCreator,
  type TagDeleter,
  type TagLister,
} from './ports/repository.ts';
export {
  type CollectedGarbage,
  type CollectOptions,
  type GarbageCollector,
  isGarbageCollector,
  isRepositoryLister,
  MIN_GRACE_MS,
  type RepositoryLister,
} from './ports/housekeeping.ts';
export { type CloudContext, type CloudCredentials, cloudCredentials } from './remote/auth/cloud/cloud-credentials.ts';
export { type Credential, type CredentialSource, staticCredentials } from './remote/auth/credentials.ts';
export { dockerConfigCredentials } from './remote/auth/docker-config.ts';
export type { ClientCertificate } from './remote/http/client-certificate.ts';
export type { RetryPolicy } from './remote/http/retry.ts';
export type { TransportTimeouts } from './remote/http/transport.ts';
export { type Evidence, type KnownProduct, KNOWN_PRODUCTS, registryProfile } from './remote/profile/known-products.ts';
export { type HarborRule, type HarborRules, readHarborRules } from './remote/probe/harbor-rules.ts';
export { type Finding, findingOf, type Leftover, PROBE_TOPICS, type ProbeReport, type ProbeTopic, type ProbeValues } from './remote/probe/probe-report.ts';
export { type ProbeOptions, probeRegistry } from './remote/probe/probe-registry.ts';
export { type Capabilities, type DeleteMethod, type Product, PRODUCTS, type RegistryProfile } from './remote/profile/registry-profile.ts';
export { RemoteRegistry, type RemoteRegistryOptions } from './remote/remote-registry.ts';
export type { RegistryRights, RepositoryAction, RightsAnswer, UserCredential } from './remote/rights/registry-rights.ts';
export { RemoteRegistryRights, type RemoteRegistryRightsOptions } from './remote/rights/remote-registry-rights.ts';
export { parseStorageUrl, type StorageUrl } from './remote/storage-url.ts';
export { LayoutRegistry, type LayoutRegistryOptions } from './layout/layout-registry.ts';
export { MemoryRegistry, type MemoryRegistryOptions } from './memory/memory-registry.ts';
export type { Fate, Gate, MemoryOperation } from './memory/memory-requests.ts';
export { bufferBlob, fileBlob } from './model/blob-source.ts';
export { canonicalJson } from './model/canonical-json.ts';
export { isManifest, MAX_MANIFEST_BYTES, manifestBytes, parseManifest, referencesOf } from './model/manifest-bytes.ts';
export { type ExpectedContent, HELD_BACK_BYTES, VerifyingStream } from './verify/verifying-stream.ts';
