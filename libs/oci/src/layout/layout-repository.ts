import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, digestOf, isDigest } from '../model/digest.ts';
import { isManifest, parseManifest } from '../model/manifest-bytes.ts';
import type { ManifestBytes } from '../model/manifest.ts';
import type { BlobBody, BlobSource, ByteRange, CallOptions, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { VerifyingStream } from '../verify/verifying-stream.ts';
import { createName, replaceName, syncDirectory, writeTemporary, writeTemporaryBytes } from './durable-file.ts';
import { isMissing, layoutFailure } from './failure.ts';
import { decodeReference, encodeReference, LayoutIndex, type Reference } from './layout-index.ts';

const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
/** What a killed process left in `ingest/` is removed after this long. */
const LEFTOVER_MS = 24 * 60 * 60 * 1000;

/**
 * One repository as an OCI image layout: https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 * A tag is a file under `refs/`, made by a link (created) or a rename (replaced) of a flushed file, so that several processes
 * need no lock and a kill at any instant leaves the old state or the new.
 */
export class LayoutRepository implements Repository, TagCreator, TagDeleter {
  readonly name: string;
  readonly #directory: string;
  readonly #index: LayoutIndex;
  #prepared: Promise<void> | null = null;

  constructor(name: string, directory: string) {
    this.name = name;
    this.#directory = directory;
    this.#index = new LayoutIndex(directory);
  }

  async statBlob(digest: Digest): Promise<number | null> {
    return this.#attempt(`stat blob ${digest}`, async () => (await orNull(stat(this.#blobPath(digest))))?.size ?? null);
  }

  async readBlob(digest: Digest, options: CallOptions & { readonly range?: ByteRange } = {}): Promise<BlobBody | null> {
    const size = await this.statBlob(digest);
    if (size === null) {
      return null;
    }
    const { range, signal } = options;
    if (range === undefined) {
      const verified = new VerifyingStream({ size, sha256: digest.slice('sha256:'.length) }, `blob ${digest} of repository ${this.name}`);
      const source = createReadStream(this.#blobPath(digest), { highWaterMark: 256 * 1024, signal });
      // The reader sees the failure on the verified stream, which pipeline destroys.
      return { size, stream: pipeline(source, verified, () => undefined) };
    }
    if (range.start < 0 || range.start > range.end || range.start >= size) {
      throw new ProxyError('range-not-satisfiable', `The blob ${digest} has ${size} bytes.`);
    }
    return { size, stream: createReadStream(this.#blobPath(digest), { start: range.start, end: Math.min(range.end, size - 1), signal }) };
  }

  async writeBlob(source: BlobSource, options: CallOptions = {}): Promise<void> {
    if (source.size < 1) {
      throw new ProxyError('invalid', 'A blob of 0 bytes cannot be stored: several registries refuse it.');
    }
    await this.#attempt(`write blob ${source.digest}`, async () => {
      await this.#prepare();
      const path = this.#blobPath(source.digest);
      const present = await orNull(stat(path));
      if (present?.size === source.size) {
        // A collector of old blobs must see that this one is wanted again.
        await utimes(path, new Date(), new Date()).catch(() => undefined);
        return;
      }
      const check = new VerifyingStream({ size: source.size, sha256: source.digest.slice('sha256:'.length) }, `blob ${source.digest} for repository ${this.name}`);
      const temporary = await writeTemporary(this.#path('ingest'), source.open(), { check, signal: options.signal });
      await replaceName(temporary, path);
    });
  }

  async readManifest(reference: string): Promise<ManifestBytes | null> {
    return this.#attempt(`read manifest ${reference}`, async () => {
      const found = isDigest(reference) ? { digest: reference, mediaType: null } : await this.#resolve(reference);
      if (found === null) {
        return null;
      }
      const bytes = await orNull(readFile(this.#blobPath(found.digest)));
      if (bytes === null) {
        return null;
      }
      if (digestOf(bytes) !== found.digest) {
        throw new ProxyError('integrity', `The manifest ${found.digest} of repository ${this.name} does not have that digest: the storage directory is damaged.`);
      }
      return { mediaType: found.mediaType ?? mediaTypeOf(bytes), digest: found.digest, bytes };
    });
  }

  async statManifest(reference: string): Promise<Digest | null> {
    return this.#attempt(`stat manifest ${reference}`, async () => {
      if (isDigest(reference)) {
        return (await orNull(stat(this.#blobPath(reference)))) === null ? null : reference;
      }
      return (await this.#resolve(reference))?.digest ?? null;
    });
  }

  async writeManifest(manifest: ManifestBytes, options: CallOptions & { readonly tag?: string } = {}): Promise<void> {
    await this.#attempt(`write manifest ${options.tag ?? manifest.digest}`, async () => {
      await this.#writeManifestBlob(manifest);
      if (options.tag === undefined) {
        return;
      }
      const temporary = await this.#writeReference(manifest);
      this.#index.forget(options.tag);
      await replaceName(temporary, this.#refPath(options.tag));
      await this.#index.refresh();
    });
  }

  async createTag(tag: string, manifest: ManifestBytes): Promise<Digest> {
    return this.#attempt(`create tag ${tag}`, async () => {
      await this.#writeManifestBlob(manifest);
      const created = await createName(await this.#writeReference(manifest), this.#refPath(tag));
      if (created) {
        await this.#index.refresh();
        return manifest.digest;
      }
      const before = await this.#resolve(tag);
      if (before === null) {
        throw new ProxyError('storage-unavailable', `create tag ${tag} in repository ${this.name}: it was removed meanwhile; try again.`);
      }
      return before.digest;
    });
  }

  async *listTags(): AsyncIterable<readonly string[]> {
    yield await this.#attempt('list tags', async () => (await orNull(readdir(this.#path('refs')))) ?? []);
  }

  async deleteTag(tag: string): Promise<boolean> {
    return this.#attempt(`delete tag ${tag}`, async () => {
      if ((await orNull(stat(this.#path('refs')))) === null) {
        return true;
      }
      await rm(this.#refPath(tag), { force: true });
      await syncDirectory(this.#path('refs'));
      this.#index.forget(tag);
      await this.#index.refresh();
      return true;
    });
  }

  async #writeManifestBlob(manifest: ManifestBytes): Promise<void> {
    await this.#checkReferences(manifest);
    await this.#prepare();
    const path = this.#blobPath(manifest.digest);
    if ((await orNull(stat(path)))?.size !== manifest.bytes.length) {
      await replaceName(await writeTemporaryBytes(this.#path('ingest'), manifest.bytes), path);
    }
  }

  async #checkReferences(manifest: ManifestBytes): Promise<void> {
    if (digestOf(manifest.bytes) !== manifest.digest) {
      throw new ProxyError('integrity', `The manifest ${manifest.digest} does not have that digest.`);
    }
    const parsed = parseManifest(manifest);
    const named = isManifest(parsed) ? [parsed.config, ...parsed.layers] : parsed.manifests;
    for (const { digest } of named) {
      if ((await orNull(stat(this.#blobPath(digest)))) === null) {
        throw new ProxyError('unprocessable', `The manifest ${manifest.digest} names ${digest}, which repository ${this.name} does not have.`);
      }
    }
  }

  async #writeReference(manifest: ManifestBytes): Promise<string> {
    const reference: Reference = { mediaType: manifest.mediaType, digest: manifest.digest, size: manifest.bytes.length };
    return writeTemporaryBytes(this.#path('ingest'), encodeReference(reference));
  }

  async #resolve(tag: string): Promise<Reference | null> {
    const text = await orNull(readFile(this.#refPath(tag), 'utf8'));
    return text === null ? null : decodeReference(text);
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#makeLayout().catch((error: unknown) => {
      this.#prepared = null;
      throw error;
    });
    return this.#prepared;
  }

  async #makeLayout(): Promise<void> {
    for (const folder of ['blobs/sha256', 'refs', 'ingest']) {
      await mkdir(this.#path(folder), { recursive: true });
    }
    const marker = this.#path('oci-layout');
    if ((await orNull(stat(marker))) === null) {
      await replaceName(await writeTemporaryBytes(this.#path('ingest'), Buffer.from('{"imageLayoutVersion":"1.0.0"}')), marker);
    }
    await this.#removeLeftovers();
  }

  async #removeLeftovers(): Promise<void> {
    for (const name of await readdir(this.#path('ingest'))) {
      const path = this.#path('ingest', name);
      const age = Date.now() - ((await orNull(stat(path)))?.mtimeMs ?? Date.now());
      if (age > LEFTOVER_MS) {
        await rm(path, { force: true });
      }
    }
  }

  #path(...parts: readonly string[]): string {
    return join(this.#directory, ...parts);
  }

  #blobPath(digest: Digest): string {
    if (!isDigest(digest)) {
      throw new ProxyError('invalid', 'A digest must be sha256: and 64 hex digits.');
    }
    return this.#path('blobs/sha256', digest.slice('sha256:'.length));
  }

  #refPath(tag: string): string {
    if (!TAG.test(tag)) {
      throw new ProxyError('invalid', `${JSON.stringify(tag)} is no OCI tag.`);
    }
    return this.#path('refs', tag);
  }

  async #attempt<T>(operation: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw layoutFailure(error, `${operation} in repository ${this.name}`);
    }
  }
}

function mediaTypeOf(bytes: Buffer): string {
  const value: unknown = JSON.parse(bytes.toString('utf8'));
  const mediaType = typeof value === 'object' && value !== null && 'mediaType' in value ? value.mediaType : '';
  return typeof mediaType === 'string' ? mediaType : '';
}

async function orNull<T>(promise: Promise<T>): Promise<T | null> {
  return promise.catch((error: unknown) => {
    if (isMissing(error)) {
      return null;
    }
    throw error;
  });
}
