import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';

import { fromRandomAccessReaderPromise, type ZipFile } from 'yauzl';

import { BufferedFile } from '@oci-package-proxy/platform/files';

import { type ArchiveFault, archiveFailure, archiveFault, shown } from '../archive-failure.ts';
import { MAX_MEMBER_NAME_BYTES } from '../archive-limits.ts';
import { type ZipMember, zipMember } from './zip-member.ts';

const PIECE_BYTES = 256 * 1024;
const LOCAL_HEADER = { signature: 0x04034b50, bytes: 30, nameLengthAt: 26, extraLengthAt: 28 } as const;

/** How a zip is read. */
export interface ZipReading {
  /** Begins the sentence of every fault: the file's name, or "The archive". */
  readonly subject: string;
  readonly signal?: AbortSignal | undefined;
}

/** A zip archive on disk, of any size (zip64 too). Memory holds its names and a few pieces. */
export class ZipReader {
  /** Bytes of the whole file. */
  readonly size: number;
  readonly fault: ArchiveFault;
  readonly #zip: ZipFile;
  readonly #handle: FileHandle;
  readonly #signal: AbortSignal | undefined;

  /** For {@link withZip}. */
  constructor(parts: { readonly zip: ZipFile; readonly handle: FileHandle; readonly size: number; readonly fault: ArchiveFault; readonly signal: AbortSignal | undefined }) {
    this.#zip = parts.zip;
    this.#handle = parts.handle;
    this.size = parts.size;
    this.fault = parts.fault;
    this.#signal = parts.signal;
  }

  /** How many members the archive says it has. */
  get count(): number {
    return this.#zip.entryCount;
  }

  /** Every member of the central directory, once. @throws ProxyError `unprocessable` for a damaged one. */
  async *members(): AsyncGenerator<ZipMember> {
    for await (const entry of this.#zip.eachEntry()) {
      this.#signal?.throwIfAborted();
      const member = zipMember(entry);
      if (member.rawName.length === 0 || member.rawName.length > MAX_MEMBER_NAME_BYTES) {
        throw this.fault(`a member has a name of ${member.rawName.length} bytes`);
      }
      if (member.offset + LOCAL_HEADER.bytes + member.packedSize > this.size) {
        throw this.fault(`${shown(member.name)} reaches past the end of the file`);
      }
      yield member;
    }
  }

  /** The bytes of a member, piece by piece. @throws ProxyError `unprocessable` when they cannot be unpacked, or are not what the directory says: after the last piece. */
  async read(member: ZipMember, take: (piece: Buffer) => unknown): Promise<void> {
    if (member.unreadable !== null) {
      throw this.fault(`${shown(member.name)} ${member.unreadable}`);
    }
    const damaged = (): Error => this.fault(`${shown(member.name)} is damaged: its bytes are not those that its checksum is of`);
    let size = 0;
    let crc = 0;
    const count = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
      for await (const piece of pieces) {
        size += piece.length;
        // A bomb says less than it holds.
        if (size > member.size) {
          throw damaged();
        }
        crc = crc32(piece, crc);
        await take(piece);
      }
    };
    const packed = this.#pieces(await this.#dataStart(member), member.packedSize);
    await (member.deflated ? pipeline(packed, createInflateRaw({ chunkSize: chunkSize(member) }), count, { signal: this.#signal }) : count(packed));
    if (size !== member.size || crc !== member.crc32) {
      throw damaged();
    }
  }

  async #dataStart(member: ZipMember): Promise<number> {
    const header = await this.#exactly(LOCAL_HEADER.bytes, member.offset);
    if (header.readUInt32LE(0) !== LOCAL_HEADER.signature) {
      throw this.fault(`${shown(member.name)} is not where the archive says it is`);
    }
    return member.offset + LOCAL_HEADER.bytes + header.readUInt16LE(LOCAL_HEADER.nameLengthAt) + header.readUInt16LE(LOCAL_HEADER.extraLengthAt);
  }

  async *#pieces(start: number, length: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < length; at += PIECE_BYTES) {
      this.#signal?.throwIfAborted();
      yield await this.#exactly(Math.min(PIECE_BYTES, length - at), start + at);
    }
  }

  async #exactly(length: number, position: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafeSlow(length);
    for (let used = 0; used < length; ) {
      const { bytesRead } = await this.#handle.read(buffer, used, length - used, position + used);
      if (bytesRead === 0) {
        throw this.fault('it breaks off');
      }
      used += bytesRead;
    }
    return buffer;
  }
}

/** No more memory than the member needs; zlib takes no less than 64 bytes. */
function chunkSize({ size }: ZipMember): number {
  return Math.max(64, Math.min(size + 1, PIECE_BYTES));
}

/**
 * Opens the zip archive at `path` for `work`, and closes it whatever comes.
 * @throws ProxyError `unprocessable` for what is no zip archive; `storage-unavailable` when the disk cannot be read; `aborted`; whatever `work` does.
 */
export async function withZip<T>(path: string, { subject, signal }: ZipReading, work: (zip: ZipReader) => Promise<T>): Promise<T> {
  const fault = archiveFault(subject);
  try {
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const zip = await fromRandomAccessReaderPromise(new BufferedFile(handle), size, { autoClose: false, decodeStrings: false });
      return await work(new ZipReader({ zip, handle, size, fault, signal }));
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw archiveFailure(error, fault, signal);
  }
}
