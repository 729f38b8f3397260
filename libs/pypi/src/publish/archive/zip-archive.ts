import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';

import { type Entry, fromRandomAccessReaderPromise, type ZipFile } from 'yauzl';

import { BufferedFile } from '@oci-package-proxy/platform/files';

import { archiveFailure, badArchive, shown } from './archive-failure.ts';

const MAX_ENTRIES = 500_000;
// A local header without its name.
const LOCAL_HEADER_BYTES = 30;
const STORED = 0;
const DEFLATED = 8;
const TYPE_BITS = 0o170000;
const LINK_BITS = 0o120000;
const UNIX = 3;

const inflate = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflateRaw);

/** A zip archive on disk, of any size (zip64 too); only its central directory is read, and the members that are asked for. */
export class ZipArchive {
  /** Bytes of the whole file. */
  readonly size: number;
  readonly #zip: ZipFile;
  readonly #file: BufferedFile;

  /** For {@link withZip}. */
  constructor(zip: ZipFile, file: BufferedFile, size: number) {
    this.#zip = zip;
    this.#file = file;
    this.size = size;
  }

  /** Every entry of the central directory, once. @throws ProxyError `invalid` for a damaged one, and for names that lead out of the archive. */
  async *entries(): AsyncGenerator<Entry> {
    if (this.#zip.entryCount > MAX_ENTRIES) {
      throw badArchive(`it has ${this.#zip.entryCount} members, and ${MAX_ENTRIES} are allowed`);
    }
    for await (const entry of this.#zip.eachEntry()) {
      if (entry.relativeOffsetOfLocalHeader + LOCAL_HEADER_BYTES + entry.compressedSize > this.size) {
        throw badArchive(`${shown(entry.fileName)} reaches past the end of the file`);
      }
      yield entry;
    }
  }

  /** A small member, whole. @throws ProxyError `invalid` when it is larger, cannot be unpacked, or is not what the directory says. */
  async read(entry: Entry, limitBytes: number): Promise<Buffer> {
    const { fileName, compressedSize, uncompressedSize, compressionMethod } = entry;
    if (entry.isEncrypted() || (compressionMethod !== STORED && compressionMethod !== DEFLATED)) {
      throw badArchive(`${shown(fileName)} is encrypted, or compressed by another method than deflate`);
    }
    // What deflate cannot make smaller grows a little.
    if (uncompressedSize > limitBytes || compressedSize > limitBytes + limitBytes / 16 + 1024) {
      throw badArchive(`${shown(fileName)} is larger than the ${limitBytes} bytes that are allowed`);
    }
    const { fileDataStart } = await this.#zip.readLocalFileHeaderPromise(entry, { minimal: true });
    const packed = Buffer.allocUnsafe(compressedSize);
    if ((await this.#file.readInto(packed, fileDataStart)) < compressedSize) {
      throw badArchive(`${shown(fileName)} reaches past the end of the file`);
    }
    const bytes = compressionMethod === STORED ? packed : await inflate(packed, { maxOutputLength: Math.max(uncompressedSize, 1) });
    if (bytes.length !== uncompressedSize || crc32(bytes) !== entry.crc32) {
      throw badArchive(`${shown(fileName)} is damaged`);
    }
    return bytes;
  }
}

/**
 * Opens the zip archive at `path` for `work`, and closes it whatever comes.
 * @throws ProxyError `invalid` for what is no zip archive; `storage-unavailable` when the disk cannot be read; whatever `work` does.
 */
export async function withZip<T>(path: string, work: (zip: ZipArchive) => Promise<T>): Promise<T> {
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const file = new BufferedFile(handle);
      const zip = await fromRandomAccessReaderPromise(file, size, { autoClose: false });
      return await work(new ZipArchive(zip, file, size));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw archiveFailure(error);
  }
}

/** Whether unpacking would make a symbolic link of it, whose target is then its content. */
export function isLink({ versionMadeBy, externalFileAttributes }: Entry): boolean {
  return versionMadeBy >>> 8 === UNIX && ((externalFileAttributes >>> 16) & TYPE_BITS) === LINK_BITS;
}
