import { ProxyError } from '@oci-package-proxy/errors';
import { type BlobSource, bufferBlob, EMPTY_BYTES, type Repository } from '@oci-package-proxy/oci';

import { documentBlob, isFactType } from './fact-manifest.ts';
import { MAX_DOCUMENT_BYTES, type NewFact } from './fact.ts';
import { kindOf } from './tags.ts';

const MAX_PAYLOAD_BYTES = 1024;

/** Writes the blobs of a fact, each once, streamed; also the empty config, which several registries check. */
export async function writeFactBlobs(repository: Repository, fact: NewFact, signal?: AbortSignal): Promise<void> {
  const sources = [bufferBlob(EMPTY_BYTES), documentBlob(fact), ...fact.layers.map(({ source }) => source)];
  const unique = new Map<string, BlobSource>(sources.map((source) => [source.digest, source]));
  for (const source of unique.values()) {
    await repository.writeBlob(source, { signal });
  }
}

/**
 * What a fact must be before anything of it is written: what would not be read back must not be stored.
 * @throws ProxyError `too-large` for the document, `internal` for what the ecosystem must never hand over.
 */
export function checkFact(fact: NewFact): void {
  if (Buffer.byteLength(fact.document, 'utf8') > MAX_DOCUMENT_BYTES) {
    throw new ProxyError('too-large', `The metadata of ${fact.version} has more than ${MAX_DOCUMENT_BYTES} bytes.`);
  }
  if (kindOf(fact.tag) !== 'fact' || !isFactType(fact.artifactType)) {
    throw new ProxyError('internal', `The tag ${fact.tag} or type ${fact.artifactType} cannot be one of a version.`);
  }
  if (fact.document === '' || Buffer.byteLength(fact.payload, 'utf8') > MAX_PAYLOAD_BYTES || Number.isNaN(Date.parse(fact.at))) {
    throw new ProxyError('internal', `The document, payload or time of ${fact.version} cannot be stored.`);
  }
}
