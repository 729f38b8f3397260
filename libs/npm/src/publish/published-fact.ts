import { versionTag } from '@oci-package-proxy/mapping';
import { fileBlob } from '@oci-package-proxy/oci';
import { type JsonValue, MEDIA_TYPE_PREFIX, type NewFact, type NewLayer } from '@oci-package-proxy/storage';

import { integrityOf } from './declarations.ts';
import type { MeasuredFile } from './attachment-file.ts';
import type { PublishRequest } from './publish-request.ts';
import { distTagKey } from './published-values.ts';
import type { TarballContent } from './tarball-content.ts';

/** What is known of a version that is about to be stored. */
export interface CheckedVersion {
  readonly name: string;
  readonly request: PublishRequest;
  readonly content: TarballContent;
  /** The README as a file; null for none. */
  readonly readme: MeasuredFile | null;
  /** All dist-tags that the publish sets. */
  readonly tags: readonly string[];
  /** ISO 8601. */
  readonly at: string;
  /** User name. */
  readonly by: string;
}

/** The fact of a version that is published here. */
export function publishedFact(checked: CheckedVersion): NewFact {
  const { request, readme, tags, at } = checked;
  const { version, tarball, bundle } = request;
  return {
    tag: versionTag(version),
    version,
    artifactType: `${MEDIA_TYPE_PREFIX}npm.version.v1`,
    document: JSON.stringify(versionDocument(checked)),
    documentMediaType: `${MEDIA_TYPE_PREFIX}npm.version.v1+json`,
    layers: [
      layer('application/gzip', tarball),
      ...(readme === null ? [] : [layer('text/markdown', readme)]),
      ...(bundle === null ? [] : [layer(bundle.contentType, bundle)]),
    ],
    payload: integrityOf(tarball),
    at,
    assign: Object.fromEntries(tags.map((tag) => [distTagKey(tag), version])),
  };
}

function versionDocument({ name, request, content, by }: CheckedVersion): Readonly<Record<string, JsonValue>> {
  const { version, manifest, tarball } = request;
  // A README is a layer, a deprecation an event; who published it, is not for the client to say, nor where its tarball is.
  const { readme: _readme, deprecated: _deprecated, _npmUser, _attachments, dist: _dist, ...kept } = manifest as Readonly<Record<string, JsonValue>>;
  return {
    ...kept,
    name,
    version,
    _id: `${name}@${version}`,
    _npmUser: { name: by },
    ...(content.hasShrinkwrap ? { _hasShrinkwrap: true } : {}),
    dist: { integrity: integrityOf(tarball), shasum: tarball.sha1, fileCount: content.fileCount, unpackedSize: content.unpackedSize },
  };
}

function layer(mediaType: string, file: MeasuredFile): NewLayer {
  return { mediaType, source: fileBlob(file.path, `sha256:${file.sha256}`, file.size) };
}
