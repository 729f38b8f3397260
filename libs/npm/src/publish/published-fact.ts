import { versionTag } from '@oci-package-proxy/mapping';
import { fileBlob } from '@oci-package-proxy/oci';
import type { JsonValue, NewFact, NewLayer } from '@oci-package-proxy/storage';

import { NPM_TYPES } from '../npm-fact.ts';
import type { MeasuredFile } from './attachment-file.ts';
import { integrityOf } from './declarations.ts';
import type { Provenance } from './provenance.ts';
import type { PublishRequest } from './publish-request.ts';
import { distTagKey } from './published-values.ts';
import type { TarballContent } from './tarball-content.ts';

/** What is known of a version that is about to be stored. */
export interface CheckedVersion {
  readonly name: string;
  readonly request: PublishRequest;
  readonly content: TarballContent;
  /** Of the request's bundle; null for none. */
  readonly provenance: Provenance | null;
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
    artifactType: NPM_TYPES.version,
    document: JSON.stringify(versionDocument(checked)),
    documentMediaType: NPM_TYPES.manifest,
    layers: [
      layer(NPM_TYPES.tarball, tarball),
      ...(readme === null ? [] : [layer(NPM_TYPES.readme, readme)]),
      ...(bundle === null ? [] : [layer(NPM_TYPES.attestations, bundle)]),
    ],
    payload: integrityOf(tarball),
    at,
    assign: Object.fromEntries(tags.map((tag) => [distTagKey(tag), version])),
  };
}

function versionDocument({ name, request, content, provenance, by }: CheckedVersion): Readonly<Record<string, JsonValue>> {
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
    dist: {
      integrity: integrityOf(tarball),
      shasum: tarball.sha1,
      fileCount: content.fileCount,
      unpackedSize: content.unpackedSize,
      // Without its address, which depends on who asks.
      ...(provenance === null ? {} : { attestations: { provenance: { predicateType: provenance.predicateType } } }),
    },
  };
}

function layer(mediaType: string, file: MeasuredFile): NewLayer {
  return { mediaType, source: fileBlob(file.path, `sha256:${file.sha256}`, file.size) };
}
