import {
  type BlobSource,
  bufferBlob,
  digestOf,
  EMPTY_DESCRIPTOR,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  parseManifest,
} from '@oci-package-proxy/oci';

import { isJsonObject, parseJson } from './json-value.ts';
import type { JsonValue } from './package-ref.ts';
import { stampOf, type Stamp } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES, MEDIA_TYPE_PREFIX } from './vendor.ts';

const EVENT_MEDIA_TYPE = `${MEDIA_TYPE_PREFIX}event.v1+json`;

/** A change to how facts are shown: the latest event of a key is its value. */
export interface LedgerEvent {
  readonly key: string;
  /** Null removes the key. */
  readonly value: JsonValue;
  /** ISO 8601. */
  readonly at: string;
  readonly by: string;
}

/** The manifest of an event, and the blob that must be there before it. */
export function encodeEvent(tag: string, event: LedgerEvent): { readonly manifest: ManifestBytes; readonly blob: BlobSource } {
  const bytes = Buffer.from(JSON.stringify({ key: event.key, value: event.value, at: event.at, by: event.by }), 'utf8');
  const blob = bufferBlob(bytes);
  const manifest = manifestBytes({
    schemaVersion: 2,
    mediaType: MANIFEST_MEDIA_TYPE,
    artifactType: LEDGER_TYPES.event,
    config: EMPTY_DESCRIPTOR,
    layers: [{ mediaType: EVENT_MEDIA_TYPE, digest: blob.digest, size: blob.size, data: bytes.toString('base64') }],
    // The tag holds a nonce, and so every event has a digest of its own.
    annotations: { [ANNOTATIONS.tag]: tag },
  });
  return { manifest, blob };
}

/** The event in a manifest, with its stamp; null when it is none. @throws ProxyError `integrity` when the bytes are no manifest. */
export function decodeEvent(tag: string, stored: ManifestBytes): (LedgerEvent & { readonly stamp: Stamp }) | null {
  const manifest = parseManifest(stored);
  const stamp = stampOf(tag);
  if (!isManifest(manifest) || manifest.artifactType !== LEDGER_TYPES.event || stamp === null || manifest.annotations?.[ANNOTATIONS.tag] !== tag) {
    return null;
  }
  const [layer] = manifest.layers;
  if (typeof layer?.data !== 'string') {
    return null;
  }
  const bytes = Buffer.from(layer.data, 'base64');
  const content = digestOf(bytes) === layer.digest ? parseJson(bytes.toString('utf8')) : undefined;
  if (!isJsonObject(content)) {
    return null;
  }
  const { key, value, at, by } = content;
  if (typeof key !== 'string' || value === undefined || typeof at !== 'string' || typeof by !== 'string') {
    return null;
  }
  return { key, value, at, by, stamp };
}
