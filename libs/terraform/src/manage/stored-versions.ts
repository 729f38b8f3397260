import type { Fact, Fold, Origin } from '@oci-package-proxy/storage';

import { platformText, type ProviderArchive, type SigningKey } from '../model/provider.ts';
import { moduleDocumentOf, providerDocumentOf } from '../model/terraform-fact.ts';
import { heldVersions as heldModules } from '../modules/module-places.ts';
import { heldByVersion, type HeldPackage } from '../read/held-provider.ts';
import { isPublishedVersion } from '../read/published-provider.ts';
import type { ManagedPackage } from './managed-package.ts';

/** A file of a version that is stored here. */
export interface StoredFile {
  /** Like `linux_amd64`; null for a module's. */
  readonly platform: string | null;
  readonly sha256: string;
  /** Bytes; null where nobody has said. */
  readonly size: number | null;
}

/** A version that is stored here. */
export interface StoredVersion {
  readonly version: string;
  readonly origin: Origin;
  /** When the first of it was published, ISO 8601; empty where storage holds no time. */
  readonly at: string;
  /** Sorted by platform. */
  readonly files: readonly StoredFile[];
  /** Ids of the keys that clients check it with; none for a module. */
  readonly keys: readonly string[];
  /** Of the facts that it is made of. */
  readonly tags: readonly string[];
}

/** What is stored of a package, by version. */
export function storedVersions(kind: ManagedPackage['kind'], fold: Fold): ReadonlyMap<string, StoredVersion> {
  return kind === 'provider' ? storedProviderVersions(fold) : storedModuleVersions(fold);
}

/** What is stored of a provider, by version. */
function storedProviderVersions(fold: Fold): ReadonlyMap<string, StoredVersion> {
  const published = [...fold.facts.values()].filter(isPublishedVersion).map(publishedVersion);
  const pulled = [...heldByVersion(fold)].map(([version, packages]) => pulledVersion(version, packages));
  return new Map([...published, ...pulled].map((one) => [one.version, one]));
}

/** What is stored of a module, by version. */
function storedModuleVersions(fold: Fold): ReadonlyMap<string, StoredVersion> {
  return new Map([...heldModules(fold)].map(([version, fact]) => [version, moduleVersion(fact)]));
}

function publishedVersion(fact: Fact): StoredVersion {
  const { version, archives, keys } = providerDocumentOf(fact);
  return { version, origin: fact.origin, at: fact.at, files: filesOf(archives), keys: idsOf(keys), tags: [fact.tag] };
}

function pulledVersion(version: string, packages: readonly HeldPackage[]): StoredVersion {
  return {
    version,
    origin: 'upstream',
    at: packages.map(({ fact }) => fact.at).sort()[0] ?? '',
    files: filesOf(packages.map(({ document }) => document.archive)),
    keys: idsOf(packages.flatMap(({ document }) => document.keys)),
    tags: packages.map(({ fact }) => fact.tag),
  };
}

function moduleVersion(fact: Fact): StoredVersion {
  const { sha256, size } = moduleDocumentOf(fact);
  return { version: fact.version, origin: fact.origin, at: fact.at, files: [{ platform: null, sha256, size }], keys: [], tags: [fact.tag] };
}

function filesOf(archives: readonly ProviderArchive[]): readonly StoredFile[] {
  const files = archives.map(({ platform, sha256, size }) => ({ platform: platformText(platform), sha256, size }));
  return files.sort((one, other) => (one.platform < other.platform ? -1 : 1));
}

function idsOf(keys: readonly SigningKey[]): readonly string[] {
  return [...new Set(keys.map(({ keyId }) => keyId))].sort();
}
