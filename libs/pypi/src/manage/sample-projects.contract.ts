import { bufferBlob, MemoryRegistry } from '@oci-package-proxy/oci';
import { fileTag } from '@oci-package-proxy/mapping';
import { type Fold, Ledger, type NewFact, type PackageRef } from '@oci-package-proxy/storage';
import { coreMetadata, type PackageFile, type PypiUpstream, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';
import { DocumentCache, UpstreamClient } from '@oci-package-proxy/upstream';

import { createIndexes } from '../config/create-indexes.ts';
import type { PypiIndexes } from '../config/indexes.ts';
import { PYPI_SECTION } from '../config/pypi-section.ts';
import { encodeFileDocument, PYPI_TYPES } from '../model/pypi-fact.ts';
import { createManagement, type Management } from './management.ts';

/** Two upstreams, a ledger in memory, and the use cases on them. */
export interface SampleProjects {
  readonly ledger: Ledger;
  readonly indexes: PypiIndexes;
  readonly management: Management;
  /** `default`. */
  readonly first: PypiUpstream;
  /** `other`, which the index `mirror` shows. */
  readonly second: PypiUpstream;
  publish(ref: PackageRef, file: PackageFile): Promise<void>;
  ingest(ref: PackageRef, file: PackageFile): Promise<void>;
  fold(ref: PackageRef): Promise<Fold>;
  close(): Promise<void>;
}

/** A wheel of a project. @param tag such as `py3-none-any`. */
export function wheel(name: string, version: string, tag?: string): PackageFile {
  return wheelFile({ name, version, ...(tag === undefined ? {} : { tag }) });
}

/** Starts {@link SampleProjects}; `merged` and `merged-*` are merged in the default index, `private-*` are private. */
export async function startSampleProjects(): Promise<SampleProjects> {
  const [first, second] = [await startPypiUpstream([]), await startPypiUpstream([])];
  const http = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [first.url, second.url], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  const indexes = createIndexes({
    section: PYPI_SECTION.parse({
      upstreams: { other: second.url },
      indexes: { default: { upstreams: ['default'], merge: ['merged', 'merged-*'] }, mirror: { published: false, upstreams: ['other'] } },
    }),
    defaultUrl: first.url,
    privateNames: ['private-*'],
    upstreamAt: () => ({ upstream: http, documents: new DocumentCache({ upstream: http, ttlMs: 0, negativeTtlMs: 0, errorTtlMs: 0 }) }),
  });
  const ledger = new Ledger({ registry: new MemoryRegistry() });
  return {
    ledger,
    indexes,
    management: createManagement({ ledger, indexes }),
    first,
    second,
    publish: async (ref, file) => void (await ledger.publish(ref, factOf(ref, file), { by: 'carol' })),
    ingest: async (ref, file) => void (await ledger.ingest(ref, factOf(ref, file))),
    fold: async (ref) => ledger.fold(ref, { fresh: true }),
    close: async () => {
      await http.close();
      await Promise.all([first.close(), second.close()]);
    },
  };
}

/** A file as it is stored. */
export function factOf({ name }: PackageRef, { filename, bytes, sha256, metadata }: PackageFile): NewFact {
  const document = { filename, name, version: null, hashes: { sha256 }, size: bytes.length, requiresPython: null, uploadTime: '2026-01-02T03:04:05Z', metadataSha256: null };
  return {
    tag: fileTag(filename),
    version: filename,
    artifactType: PYPI_TYPES.file,
    document: encodeFileDocument(document),
    documentMediaType: PYPI_TYPES.document,
    layers: [
      { mediaType: PYPI_TYPES.wheel, source: bufferBlob(bytes) },
      { mediaType: PYPI_TYPES.metadata, source: bufferBlob(metadata.length === 0 ? coreMetadata({ name, version: '0' }) : metadata) },
    ],
    payload: sha256,
    at: '2026-01-02T03:04:05.000Z',
  };
}
