import { createHash } from 'node:crypto';

import { canonicalJson, type Descriptor } from '@oci-package-proxy/oci';
import { MAX_TAG_LENGTH, versionTag } from '@oci-package-proxy/mapping';
import { type Fact, MEDIA_TYPE_PREFIX } from '@oci-package-proxy/storage';

import type { Platform, ProviderArchive, SigningKey } from './provider.ts';
import { platformText } from './provider.ts';

/** Types that OpenTofu reads: its documentation of "OCI registries". */
export const OPENTOFU_TYPES = {
  /** Of the index under a provider version's tag. */
  provider: 'application/vnd.opentofu.provider',
  /** Of the manifest of one platform. */
  target: 'application/vnd.opentofu.provider-target',
  /** Of a module version's manifest. */
  module: 'application/vnd.opentofu.modulepkg',
  /** Of the one layer with the archive. */
  archive: 'archive/zip',
} as const;

/** Types of ours. */
export const TERRAFORM_TYPES = {
  /** Of the index's child that holds what the platforms share. */
  provider: `${MEDIA_TYPE_PREFIX}terraform.provider.v1`,
  /** {@link ProviderDocument}, as canonical JSON. */
  providerDocument: `${MEDIA_TYPE_PREFIX}terraform.provider.document.v1+json`,
  /** {@link PulledDocument}, as canonical JSON: one platform of a version that was pulled through. */
  pulledDocument: `${MEDIA_TYPE_PREFIX}terraform.pulled.document.v1+json`,
  /** {@link ModuleDocument}, as canonical JSON. */
  moduleDocument: `${MEDIA_TYPE_PREFIX}terraform.module.document.v1+json`,
  /** SHA256SUMS, byte for byte. */
  sums: `${MEDIA_TYPE_PREFIX}terraform.sha256sums.v1`,
  /** The detached, binary OpenPGP signature of it. */
  signature: `${MEDIA_TYPE_PREFIX}terraform.sha256sums.sig.v1`,
  /** `…_manifest.json`, byte for byte. */
  manifest: `${MEDIA_TYPE_PREFIX}terraform.manifest.v1+json`,
} as const;

/** What is said of a provider version that was published here. */
export interface ProviderDocument {
  readonly version: string;
  /** Like `5.0`. */
  readonly protocols: readonly string[];
  /** All of size and hashes known. */
  readonly archives: readonly ProviderArchive[];
  /** The keys that the signature was made with. */
  readonly keys: readonly SigningKey[];
}

/** What is said of one platform of a version that was pulled through: only what never changes upstream. */
export interface PulledDocument {
  readonly version: string;
  readonly protocols: readonly string[];
  readonly archive: ProviderArchive;
  /** Those of upstream, all of them. */
  readonly keys: readonly SigningKey[];
}

/** An input of a module: a `variable` block. */
export interface ModuleInput {
  readonly name: string;
  /** As it is written; empty where it is not. */
  readonly type: string;
  readonly description: string;
  /** As it is written; null: there is none, so it is required. */
  readonly default: string | null;
  readonly sensitive: boolean;
}

/** An output of a module. */
export interface ModuleOutput {
  readonly name: string;
  readonly description: string;
  readonly sensitive: boolean;
}

/** What is shown of a module's root, or of one directory below `modules/`. */
export interface ModulePart {
  /** Empty for the root, else like `modules/vpc`. */
  readonly path: string;
  /** Text of its README, empty where there is none; cut at 256 KiB. */
  readonly readme: string;
  readonly inputs: readonly ModuleInput[];
  readonly outputs: readonly ModuleOutput[];
  /** Sources of its `required_providers` and their version constraints. */
  readonly providers: readonly { readonly name: string; readonly source: string; readonly version: string }[];
  /** `module` blocks. */
  readonly dependencies: readonly { readonly name: string; readonly source: string; readonly version: string }[];
  /** `resource` blocks. */
  readonly resources: readonly { readonly name: string; readonly type: string }[];
}

/** What is said of a module version. */
export interface ModuleDocument {
  readonly version: string;
  /** Lower-case hex and bytes of the archive, which is made here and the same for the same files. */
  readonly sha256: string;
  readonly size: number;
  /** Where in the archive the module is, as `net/vpc`; left out: at its top. */
  readonly subdirectory?: string;
  readonly root: ModulePart;
  readonly submodules: readonly ModulePart[];
  /** Where upstream has it, as its registry says (a go-getter address without credentials); null: published here. */
  readonly source: string | null;
}

/** JSON text of a document: the same for everybody who makes it. */
export function encodeDocument(document: ProviderDocument | PulledDocument | ModuleDocument): string {
  return canonicalJson(document as unknown as Readonly<Record<string, unknown>>);
}

/** The document of a version that was published here. */
export function providerDocumentOf(fact: Pick<Fact, 'document'>): ProviderDocument {
  return JSON.parse(fact.document) as ProviderDocument;
}

/** The document of one platform of a version that was pulled through. */
export function pulledDocumentOf(fact: Pick<Fact, 'document'>): PulledDocument {
  return JSON.parse(fact.document) as PulledDocument;
}

/** The document of a module version. */
export function moduleDocumentOf(fact: Pick<Fact, 'document'>): ModuleDocument {
  return JSON.parse(fact.document) as ModuleDocument;
}

/** The layer of a type, or null. */
export function layerOf(fact: Pick<Fact, 'layers'>, mediaType: string): Descriptor | null {
  return fact.layers.find((layer) => layer.mediaType === mediaType) ?? null;
}

/** The tag of one platform of a version that was pulled through: `_p.<os>_<arch>.<version>`; a hash of that where it is too long for a tag. */
export function pulledTag(version: string, platform: Platform): string {
  const tag = `_p.${platformText(platform)}.${versionTag(version)}`;
  return tag.length <= MAX_TAG_LENGTH ? tag : `_p.${createHash('sha256').update(tag, 'utf8').digest('hex')}`;
}

/** Key of a yank: its value is the reason, or an empty text. @param version as it is listed. */
export function yankKey(version: string): string {
  return `yanked:${version}`;
}

/** In place of a version: all of them, also those that upstream adds later. */
export const EVERY_VERSION = '*';

/** Key of a block: nobody is to have that version of what is pulled through, held or not. Its value is the reason, or an empty text. @param version as it is listed, or {@link EVERY_VERSION}. */
export function blockKey(version: string): string {
  return `blocked:${version}`;
}

/** Key of a key that may sign a namespace's providers; its value is a {@link SigningKey} with the time of its adding, null once removed. @param fingerprint upper-case hex. */
export function signingKeyKey(fingerprint: string): string {
  return `key:${fingerprint}`;
}
