import { bufferBlob, fileBlob } from '@oci-package-proxy/oci';
import { fileTag } from '@oci-package-proxy/mapping';
import type { NewFact, NewLayer } from '@oci-package-proxy/storage';
import type { SpooledFile } from '@oci-package-proxy/upstream';

import type { PypiUpstream } from '../config/indexes.ts';
import { parseCoreMetadata } from '../metadata/core-metadata.ts';
import type { UpstreamFile } from '../model/project-page.ts';
import { encodeFileDocument, PYPI_TYPES } from '../model/pypi-fact.ts';
import { parseFilename } from '../names/filename.ts';
import { metadataInFile } from '../read/file-metadata.ts';
import { isUpstreamFailure } from '../read/upstream-failure.ts';
import { fetchAnnouncedMetadata, sha256Of } from '../read/upstream-metadata.ts';
import { lastModified } from './last-modified.ts';

const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';
/** https://github.com/opencontainers/image-spec/blob/main/annotations.md: what a client calls the file that it takes out. */
const TITLE = 'org.opencontainers.image.title';

/** A verified file and what upstream says of it. */
export interface PulledDistribution {
  /** Normalized. */
  readonly project: string;
  readonly upstream: PypiUpstream;
  readonly entry: UpstreamFile;
  readonly file: SpooledFile;
  readonly signal: AbortSignal;
}

/** The fact of a file that was pulled through: the same, whoever makes it. */
export async function pulledFact({ project, upstream, entry, file, signal }: PulledDistribution): Promise<NewFact> {
  const { filename, version } = entry;
  const isWheel = filename.endsWith('.whl');
  const metadata = await metadataOf({ project, upstream, entry, file, signal });
  const uploadTime = entry.uploadTime ?? (await lastModified(upstream.http, entry.url, signal));
  const fileLayer: NewLayer = { mediaType: mediaTypeOf(filename, project), source: fileBlob(file.path, `sha256:${file.sha256}`, file.size), annotations: { [TITLE]: filename } };
  return {
    tag: fileTag(filename),
    version: filename,
    artifactType: PYPI_TYPES.file,
    document: encodeFileDocument({
      filename,
      name: project,
      version,
      hashes: { ...entry.hashes, sha256: file.sha256 },
      size: file.size,
      requiresPython: entry.requiresPython ?? (metadata === null ? null : requiresPython(metadata)),
      uploadTime,
      metadataSha256: isWheel && metadata !== null ? sha256Of(metadata) : null,
    }),
    documentMediaType: PYPI_TYPES.document,
    layers: [fileLayer, ...(metadata === null ? [] : [{ mediaType: PYPI_TYPES.metadata, source: bufferBlob(metadata) }])],
    payload: `sha256:${file.sha256}`,
    at: timeOf(uploadTime),
  };
}

/** What upstream announces goes before what is in the file: clients have been told of it. */
async function metadataOf({ project, upstream, entry, file, signal }: PulledDistribution): Promise<Buffer | null> {
  const own = await metadataInFile(file.path, { filename: entry.filename, project, version: entry.version }, signal);
  const inside = own === null || own.length === 0 ? null : own;
  if (entry.metadataSha256 === null || (inside !== null && sha256Of(inside) === entry.metadataSha256)) {
    return inside;
  }
  try {
    return (await fetchAnnouncedMetadata(upstream, entry, signal)) ?? inside;
  } catch (error) {
    if (!isUpstreamFailure(error)) {
      throw error;
    }
    return inside;
  }
}

function mediaTypeOf(filename: string, project: string): string {
  return PYPI_TYPES[parseFilename(filename, project)?.kind ?? 'other'];
}

function requiresPython(metadata: Buffer): string | null {
  const text = parseCoreMetadata(metadata).fields.get('requires-python')?.[0]?.trim() ?? '';
  return text === '' || text === 'UNKNOWN' ? null : text;
}

function timeOf(uploadTime: string | null): string {
  const time = Date.parse(uploadTime ?? '');
  return Number.isNaN(time) ? UNKNOWN_TIME : new Date(time).toISOString();
}
