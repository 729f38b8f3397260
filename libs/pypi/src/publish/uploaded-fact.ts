import { fileTag } from '@oci-package-proxy/mapping';
import { bufferBlob, fileBlob } from '@oci-package-proxy/oci';
import type { NewFact } from '@oci-package-proxy/storage';

import { encodeFileDocument, type FileDocument, PYPI_TYPES } from '../model/pypi-fact.ts';
import type { FileContent } from './file-content.ts';
import type { UploadForm } from './upload-form.ts';

/** A file that was checked and is about to be stored. */
export interface CheckedUpload {
  readonly form: UploadForm;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Null: it has no metadata. */
  readonly content: FileContent | null;
  /** Null: there are none. */
  readonly attestations: Buffer | null;
  readonly at: Date;
}

/** The fact of a file that is published here. */
export function uploadedFact(upload: CheckedUpload): NewFact {
  const { form, sha256, content, attestations, at } = upload;
  return {
    tag: fileTag(form.filename),
    version: form.filename,
    artifactType: PYPI_TYPES.file,
    document: encodeFileDocument(fileDocument(upload)),
    documentMediaType: PYPI_TYPES.document,
    layers: [
      { mediaType: form.distribution.kind === 'wheel' ? PYPI_TYPES.wheel : PYPI_TYPES.sdist, source: fileBlob(form.file.path, `sha256:${sha256}`, form.file.size) },
      ...(content === null ? [] : [{ mediaType: PYPI_TYPES.metadata, source: bufferBlob(content.bytes) }]),
      ...(attestations === null ? [] : [{ mediaType: PYPI_TYPES.attestations, source: bufferBlob(attestations) }]),
    ],
    payload: `sha256:${sha256}`,
    at: at.toISOString(),
  };
}

function fileDocument({ form, sha256, content, at }: CheckedUpload): FileDocument {
  const metadataDigest = form.distribution.kind === 'wheel' && content !== null ? bufferBlob(content.bytes).digest : null;
  return {
    filename: form.filename,
    name: content?.core.name ?? form.displayName,
    version: content?.core.version ?? form.distribution.version,
    hashes: { sha256 },
    size: form.file.size,
    requiresPython: (content?.core.fields.get('requires-python')?.find((value) => value !== '') ?? form.requiresPython)?.replaceAll(/\s+/g, ' ') ?? null,
    // PEP 700 has up to six digits, and every client expects all of them.
    uploadTime: at.toISOString().replace('Z', '000Z'),
    metadataSha256: metadataDigest === null ? null : metadataDigest.slice('sha256:'.length),
  };
}
