import type { Descriptor } from '@oci-package-proxy/oci';
import type { Fact } from '@oci-package-proxy/storage';

import type { ProjectFile } from '../model/project-page.ts';
import { attestationsLayer, type FileDocument, fileDocumentOf, fileLayer, metadataLayer } from '../model/pypi-fact.ts';
import { versionOfFilename } from '../names/filename.ts';
import { normalizedVersion } from '../names/version.ts';

/** Largest core metadata that is read, in bytes. */
export const MAX_METADATA_BYTES: number = 16 * 2 ** 20;
/** Largest attestations that are read, in bytes. */
export const MAX_ATTESTATIONS_BYTES: number = 8 * 2 ** 20;

/** The core metadata that a fact announces; null where it announces none, or what is stored is not what it announces. */
export function announcedMetadata(fact: Fact, document: FileDocument): Descriptor | null {
  const layer = metadataLayer(fact);
  return layer !== null && layer.size <= MAX_METADATA_BYTES && layer.digest === `sha256:${document.metadataSha256}` ? layer : null;
}

/** The attestations of a fact that can be served; null where there are none. */
export function servedAttestations(fact: Fact): Descriptor | null {
  const layer = attestationsLayer(fact);
  return layer !== null && layer.size <= MAX_ATTESTATIONS_BYTES ? layer : null;
}

/** Digests of a stored file: those that its document tells, and the sha256 that it is stored under. */
export function storedHashes(fact: Fact, document: FileDocument): Readonly<Record<string, string>> {
  const stored = fileLayer(fact)?.digest ?? '';
  return { ...document.hashes, ...(stored.startsWith('sha256:') ? { sha256: stored.slice('sha256:'.length) } : {}) };
}

/** A stored file as an index shows it, as if nobody had yanked it. @param project normalized name. */
export function heldFile(project: string, fact: Fact): ProjectFile {
  const document = fileDocumentOf(fact);
  return {
    filename: document.filename,
    version: storedVersion(project, document),
    hashes: storedHashes(fact, document),
    size: fileLayer(fact)?.size ?? document.size,
    uploadTime: document.uploadTime ?? (fact.origin === 'published' && fact.at !== '' ? fact.at : null),
    requiresPython: document.requiresPython,
    yanked: null,
    metadataSha256: announcedMetadata(fact, document) === null ? null : document.metadataSha256,
    hasProvenance: servedAttestations(fact) !== null,
    gpgSignature: null,
  };
}

/** The version of a stored file: as its name has it, else as its document does. */
export function storedVersion(project: string, { filename, version }: FileDocument): string | null {
  return versionOfFilename(filename, project) ?? (version === null ? null : (normalizedVersion(version) ?? version));
}
