import { bufferBlob, type Digest, digestOf, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type Manifest, type ManifestBytes, type MemoryRegistry } from '@oci-package-proxy/oci';

import type { LedgerLogger, NewChild, NewFact, PackageRef } from './index.ts';
import { MEDIA_TYPE_PREFIX } from './vendor.ts';

/** A package of an ecosystem that does not exist. */
export const REF: PackageRef = { ecosystem: 'test', name: 'left-pad', repository: 'test/left-pad' };

/** A version of {@link REF} with one file. */
export function newFact(version: string, changes: Partial<NewFact> & { readonly content?: string } = {}): NewFact {
  const { content = `file of ${version}`, ...rest } = changes;
  return {
    tag: version,
    version,
    artifactType: `${MEDIA_TYPE_PREFIX}test.v1`,
    document: JSON.stringify({ version, content: digestOf(content) }),
    documentMediaType: `${MEDIA_TYPE_PREFIX}test.v1+json`,
    layers: [{ mediaType: 'application/octet-stream', source: bufferBlob(Buffer.from(content)) }],
    payload: digestOf(content),
    at: '2026-01-02T03:04:05.000Z',
    ...rest,
  };
}

/** What the index of {@link indexFact} lists for one operating system. */
export function child(os: string, changes: Partial<NewChild> & { readonly content?: string } = {}): NewChild {
  const { content = `file for ${os}`, ...rest } = changes;
  return {
    artifactType: 'application/vnd.example.target',
    layers: [{ mediaType: 'archive/zip', source: bufferBlob(Buffer.from(content)) }],
    platform: { os, architecture: 'amd64' },
    ...rest,
  };
}

/** A version of {@link REF} that is stored as an index, for two platforms. */
export function indexFact(version: string, changes: Parameters<typeof newFact>[1] = {}): NewFact {
  return newFact(version, { index: { artifactType: 'application/vnd.example.index', children: [child('linux'), child('darwin')] }, ...changes });
}

/** A digest that is the digest of `text`. */
export function digestFor(text: string): Digest {
  return digestOf(text);
}

/** Any manifest as it is stored; what `changes` say overrides what is legal. */
export function rawManifest(changes: Readonly<Record<string, unknown>>, mediaType: string = MANIFEST_MEDIA_TYPE): ManifestBytes {
  const manifest: Manifest = { schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR] };
  return rawBytes(JSON.stringify({ ...manifest, ...changes }), mediaType);
}

/** Any bytes as a stored manifest. */
export function rawBytes(text: string, mediaType: string = MANIFEST_MEDIA_TYPE): ManifestBytes {
  const bytes = Buffer.from(text);
  return { mediaType, digest: digestOf(bytes), bytes };
}

/** A logger that keeps the messages. */
export function keptLog(): LedgerLogger & { readonly messages: string[] } {
  const messages: string[] = [];
  return { messages, warn: (_fields, message) => messages.push(message) };
}

/** The requests of a view since the last call, as `kind reference`. */
export function requestsOf(registry: MemoryRegistry): string[] {
  return registry.operations.splice(0).map(({ kind, reference }) => (reference === undefined ? kind : `${kind} ${reference}`));
}
