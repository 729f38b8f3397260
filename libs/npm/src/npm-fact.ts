import type { Descriptor } from '@oci-package-proxy/oci';
import { ANNOTATION_PREFIX, type Fact, MEDIA_TYPE_PREFIX } from '@oci-package-proxy/storage';

import { tarballName } from './package-name.ts';

/** Types of what is stored for one version. */
export const NPM_TYPES = {
  /** Of the artifact. */
  version: `${MEDIA_TYPE_PREFIX}npm.version.v1`,
  /** The version object as the registry shows it, without where its tarball is and without what can change. */
  manifest: `${MEDIA_TYPE_PREFIX}npm.manifest.v1+json`,
  /** Always the first layer. */
  tarball: `${MEDIA_TYPE_PREFIX}npm.tarball.v1.tar+gzip`,
  readme: `${MEDIA_TYPE_PREFIX}npm.readme.v1`,
  /** A Sigstore bundle, as it was published. */
  attestations: `${MEDIA_TYPE_PREFIX}npm.attestations.v1+json`,
} as const;

/** The tarball's file name at upstream, where it is not the ordinary one. */
export const FILENAME_ANNOTATION: string = `${ANNOTATION_PREFIX}npm.filename`;

/** `dist` of a version: what of it is looked at. */
export interface Dist {
  readonly integrity?: string;
  readonly shasum?: string;
  readonly tarball?: string;
}

/** The file name under which a version's tarball is handed out. */
export function fileNameOf(name: string, fact: Pick<Fact, 'version' | 'annotations'>): string {
  return fact.annotations[FILENAME_ANNOTATION] ?? tarballName(name, fact.version);
}

/** The tarball of a fact; null for a fact without any file, which none of ours is. */
export function tarballLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers[0] ?? null;
}

/** The README of a fact, or null. */
export function readmeLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers.slice(1).find(({ mediaType }) => mediaType === NPM_TYPES.readme || mediaType === 'text/markdown') ?? null;
}

/** The Sigstore bundle of a fact, or null. */
export function bundleLayer(fact: Pick<Fact, 'layers'>): Descriptor | null {
  return fact.layers.slice(1).find(({ mediaType }) => mediaType === NPM_TYPES.attestations || mediaType.includes('sigstore')) ?? null;
}
