import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { type ReadEntry, Parser } from 'tar';

import { ProxyError } from '@oci-package-proxy/errors';

const MAX_ENTRIES = 500_000;
const MAX_MANIFESTS = 16;
const MAX_MANIFEST_BYTES = 8 * 2 ** 20;
const GZIP_START = 0x1f8b;

/** What a package tarball holds, as `npm` unpacks it: the first part of every path is taken off. */
export interface TarballContent {
  readonly fileCount: number;
  /** Bytes of all files. */
  readonly unpackedSize: number;
  /** The texts of every `<folder>/package.json`; the last one is what a client ends up with. */
  readonly manifests: readonly string[];
  readonly hasShrinkwrap: boolean;
}

/**
 * Reads a package tarball to its end without keeping it.
 * @param limits `unpackedBytes`: the most that it may unpack to.
 * @throws ProxyError `unprocessable` when it is no gzipped tar to its very end; `too-large`.
 */
export async function readTarball(path: string, limits: { readonly unpackedBytes: number; readonly signal?: AbortSignal | undefined }): Promise<TarballContent> {
  const reader = new TarballReader(limits.unpackedBytes);
  try {
    await pipeline(createReadStream(path, { highWaterMark: 64 * 1024 }), createGunzip({ chunkSize: 64 * 1024 }), (unpacked) => reader.read(unpacked as AsyncIterable<Buffer>), { signal: limits.signal });
  } catch (error) {
    if (error instanceof ProxyError) {
      throw error;
    }
    if (limits.signal?.aborted === true) {
      throw new ProxyError('aborted', 'Checking the tarball: aborted.', { cause: error });
    }
    throw notATarball('it is not gzip, or breaks off', error);
  }
  return reader.content();
}

class TarballReader {
  readonly #unpackedBytes: number;
  readonly #parser: Parser;
  readonly #manifests: Buffer[][] = [];
  #entries = 0;
  #fileCount = 0;
  #unpackedSize = 0;
  #hasShrinkwrap = false;
  #ended = false;
  #problem: ProxyError | null = null;

  constructor(unpackedBytes: number) {
    this.#unpackedBytes = unpackedBytes;
    this.#parser = new Parser({
      zstd: false,
      brotli: false,
      filter: (path, entry) => this.#meet(path, entry as ReadEntry),
      onReadEntry: (entry) => this.#readManifest(entry),
      onwarn: (_code, message) => {
        this.#problem ??= notATarball(String(message), undefined);
      },
    });
    this.#parser.on('eof', () => {
      this.#ended = true;
    });
  }

  async read(unpacked: AsyncIterable<Buffer>): Promise<void> {
    let size = 0;
    for await (const chunk of unpacked) {
      if (size === 0 && chunk.length > 1 && chunk.readUInt16BE() === GZIP_START) {
        // The parser would unpack that too, with no limit.
        throw notATarball('it is compressed twice', undefined);
      }
      size += chunk.length;
      if (size > this.#unpackedBytes) {
        throw new ProxyError('too-large', `The tarball unpacks to more than the ${this.#unpackedBytes} bytes that are allowed here.`);
      }
      // What comes after the end of the archive would be collected by the parser.
      if (!this.#ended) {
        this.#parser.write(chunk);
      }
      if (this.#problem !== null) {
        throw this.#problem;
      }
    }
    this.#parser.end();
    if (this.#problem !== null) {
      throw this.#problem;
    }
    if (this.#entries === 0) {
      throw notATarball('it is no tar archive', undefined);
    }
  }

  content(): TarballContent {
    return {
      fileCount: this.#fileCount,
      unpackedSize: this.#unpackedSize,
      manifests: this.#manifests.map((chunks) => Buffer.concat(chunks).toString('utf8')),
      hasShrinkwrap: this.#hasShrinkwrap,
    };
  }

  /** @returns whether the entry is to be read. */
  #meet(path: string, entry: ReadEntry): boolean {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) {
      this.#problem ??= new ProxyError('too-large', `The tarball has more than ${MAX_ENTRIES} entries.`);
    }
    if (entry.type !== 'File' && entry.type !== 'OldFile' && entry.type !== 'ContiguousFile') {
      return false;
    }
    this.#fileCount += 1;
    this.#unpackedSize += entry.size;
    const [, name, ...deeper] = path.split('/');
    if (deeper.length > 0) {
      return false;
    }
    this.#hasShrinkwrap ||= name === 'npm-shrinkwrap.json';
    return name === 'package.json' && this.#mayRead(entry.size);
  }

  #mayRead(size: number): boolean {
    if (size > MAX_MANIFEST_BYTES || this.#manifests.length === MAX_MANIFESTS) {
      this.#problem ??= new ProxyError('too-large', `The tarball has a package.json of more than ${MAX_MANIFEST_BYTES} bytes, or more than ${MAX_MANIFESTS} of them.`);
      return false;
    }
    return true;
  }

  #readManifest(entry: ReadEntry): void {
    const chunks: Buffer[] = [];
    this.#manifests.push(chunks);
    entry.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  }
}

function notATarball(why: string, cause: unknown): ProxyError {
  return new ProxyError('unprocessable', `The tarball is not a gzipped tar archive: ${why}.`, { cause });
}
