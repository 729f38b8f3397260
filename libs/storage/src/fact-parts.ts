import { ProxyError } from '@oci-package-proxy/errors';
import { type BlobSource, bufferBlob, EMPTY_BYTES, MAX_MANIFEST_BYTES, type Repository } from '@oci-package-proxy/oci';

import { isFactType, isOurs } from './fact-decoding.ts';
import { childManifests, documentBlob, encodeFact } from './fact-manifest.ts';
import { MAX_DOCUMENT_BYTES, type NewFact } from './fact.ts';
import type { PackageRef } from './package-ref.ts';
import { kindOf } from './tags.ts';

const MAX_PAYLOAD_BYTES = 1024;
/** Left for what is only known when it is written: who published it, and its stamp. */
const SPARE_MANIFEST_BYTES = 64 * 1024;

/**
 * Writes what must be there before the manifest or index of a fact: its blobs, each once, streamed; the empty config, which
 * several registries check; and the children of its index, which have no tags.
 */
export async function writeFactParts(repository: Repository, fact: NewFact, signal?: AbortSignal): Promise<void> {
  const layers = [...fact.layers, ...(fact.index?.children ?? []).flatMap((child) => child.layers)];
  const sources = [bufferBlob(EMPTY_BYTES), documentBlob(fact), ...layers.map(({ source }) => source)];
  const unique = new Map<string, BlobSource>(sources.map((source) => [source.digest, source]));
  for (const source of unique.values()) {
    await repository.writeBlob(source, { signal });
  }
  for (const child of childManifests(fact)) {
    await repository.writeManifest(child, { signal });
  }
}

/**
 * What a fact must be before anything of it is written: what would not be read back must not be stored.
 * @throws ProxyError `too-large` for the document or the manifest, `internal` for what the ecosystem must never hand over.
 */
export function checkFact(ref: PackageRef, fact: NewFact): void {
  if (Buffer.byteLength(fact.document, 'utf8') > MAX_DOCUMENT_BYTES) {
    throw new ProxyError('too-large', `The metadata of ${fact.version} has more than ${MAX_DOCUMENT_BYTES} bytes.`);
  }
  if (kindOf(fact.tag) !== 'fact' || !hasReadableTypes(fact)) {
    throw new ProxyError('internal', `The tag ${fact.tag} or type ${fact.artifactType} cannot be one of a version.`);
  }
  if (fact.document === '' || Buffer.byteLength(fact.payload, 'utf8') > MAX_PAYLOAD_BYTES || Number.isNaN(Date.parse(fact.at))) {
    throw new ProxyError('internal', `The document, payload or time of ${fact.version} cannot be stored.`);
  }
  if (fact.aliases?.some((alias) => alias === fact.tag || kindOf(alias) !== 'fact') === true) {
    throw new ProxyError('internal', `The further tags of ${fact.version} cannot be those of a version.`);
  }
  const manifests = [...childManifests(fact), encodeFact(ref, fact, { origin: 'published', stamp: null })];
  if (manifests.some(({ bytes }) => bytes.length > MAX_MANIFEST_BYTES - SPARE_MANIFEST_BYTES)) {
    throw new ProxyError('too-large', `${fact.version} has more files, or more that is said of them, than a manifest can name.`);
  }
}

// The manifest of ours is found in an index by its type, and known for a fact by its document's.
function hasReadableTypes({ artifactType, documentMediaType, index }: NewFact): boolean {
  if (!isFactType(artifactType) || !isOurs(documentMediaType)) {
    return false;
  }
  const listed = index?.children.flatMap((child) => [child.artifactType, ...(child.also ?? []).map((also) => also.artifactType)]) ?? [];
  return index === undefined || (isOurs(artifactType) && isFactType(index.artifactType) && !listed.some(isOurs));
}
