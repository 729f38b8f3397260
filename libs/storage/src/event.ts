import {
  bufferBlob,
  type BlobSource,
  EMPTY_DESCRIPTOR,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type ManifestBytes,
  manifestBytes,
  parseManifest,
} from '@oci-package-proxy/oci';
import { z } from 'zod';

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

const EventShape = z.object({ key: z.string(), value: z.json(), at: z.string(), by: z.string() });

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

/** The event in a manifest, with its stamp; null when it is none. */
export function decodeEvent(tag: string, stored: ManifestBytes): (LedgerEvent & { readonly stamp: Stamp }) | null {
  const manifest = parseManifest(stored);
  const stamp = stampOf(tag);
  if (!isManifest(manifest) || manifest.artifactType !== LEDGER_TYPES.event || stamp === null || manifest.annotations?.[ANNOTATIONS.tag] !== tag) {
    return null;
  }
  const data = manifest.layers[0]?.data;
  if (data === undefined) {
    return null;
  }
  const parsed = EventShape.safeParse(JSON.parse(Buffer.from(data, 'base64').toString('utf8')));
  return parsed.success ? { ...(parsed.data as LedgerEvent), stamp } : null;
}
