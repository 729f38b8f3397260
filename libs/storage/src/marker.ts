import { EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes, manifestBytes } from '@oci-package-proxy/oci';

import { ANNOTATIONS } from './vendor.ts';

/** A manifest that says what it says by its tag and annotations alone: a deletion, an origin, a vote, a catalogue entry. */
export function markerManifest(artifactType: string, tag: string, annotations: Readonly<Record<string, string>> = {}): ManifestBytes {
  return manifestBytes({
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType,
    config: EMPTY_DESCRIPTOR,
    layers: [EMPTY_DESCRIPTOR],
    annotations: { ...annotations, [ANNOTATIONS.tag]: tag },
  });
}
