import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { bufferBlob } from '../model/blob-source.ts';
import { type Digest, digestOf } from '../model/digest.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import type { CallOptions, Repository } from '../ports/repository.ts';

/** The one file of {@link version}. */
export const FILE = Buffer.from('the file');

/** Makes a repository have what {@link version} names. */
export async function seed(repository: Repository): Promise<void> {
  await Promise.all([repository.writeBlob(bufferBlob(FILE)), repository.writeBlob(bufferBlob(EMPTY_BYTES))]);
}

/** A descriptor of `bytes`. */
export function layer(bytes: Buffer): object {
  return { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length };
}

/** A manifest of the seeded file that differs from others by its name. */
export function version(name: string): ManifestBytes {
  return stored(MANIFEST_MEDIA_TYPE, { artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [layer(FILE)], annotations: { 'com.example.name': name } });
}

/** A manifest or index as it is written. */
export function stored(mediaType: string, members: object): ManifestBytes {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...members }));
  return { mediaType, digest: digestOf(bytes), bytes };
}

/** All its tags, sorted. */
export async function tagsOf(repository: Repository, options: CallOptions = {}): Promise<readonly string[]> {
  const tags = new Set<string>();
  for await (const page of repository.listTags(options)) {
    for (const tag of page) {
      tags.add(tag);
    }
  }
  return [...tags].toSorted();
}

/** All bytes of a blob. */
export async function content(repository: Repository, digest: Digest): Promise<Buffer | null> {
  const body = await repository.readBlob(digest);
  return body === null ? null : buffer(body.stream);
}

/** How much came before the end or the failure. */
export async function drained(stream: Readable): Promise<{ received: number; error: unknown }> {
  let received = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      received += chunk.length;
    }
    return { received, error: null };
  } catch (error) {
    return { received, error };
  }
}
