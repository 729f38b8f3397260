import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { type MetadataOptions, noise, recordLine, wheelEntries, wheelFilename } from './wheel-file.ts';
import { centralDirectory, localHeader, type ZipRecord } from './zip-file.ts';

/** A file on disk that is too big for memory. */
export interface BigFile {
  readonly filename: string;
  /** Where it is, the file itself. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  readonly metadata: Buffer;
}

const PIECE = 1024 * 1024;

/**
 * Writes a valid wheel of about `bytes` bytes into `directory`: one stored file of noise, all sizes in 64 bits (zip64). It is
 * written piece by piece, so that its size costs no memory, and the same options make the same bytes.
 */
export async function bigWheel(options: { readonly directory: string; readonly bytes: number; readonly tag?: string } & Partial<MetadataOptions>): Promise<BigFile> {
  const wheel = { name: 'big', version: '1.0', ...options };
  const filename = wheelFilename(wheel);
  const path = join(options.directory, filename);
  const data = { path: `${wheel.name}_data.bin`, ...digestsOf(options.bytes) };
  const handle = await open(path, 'w');
  try {
    const writer = new HashingWriter(handle);
    const records: ZipRecord[] = [];
    // What comes after the data lies beyond 4 GiB where the data does.
    const small = wheelEntries(wheel);
    const add = async (entry: { path: string; crc: number; size: number }, pieces: Iterable<Buffer>): Promise<void> => {
      const record = { path: entry.path, method: 0 as const, crc: entry.crc, packed: entry.size, size: entry.size, offset: writer.written };
      await writer.write(localHeader(record, true));
      for (const piece of pieces) {
        await writer.write(piece);
      }
      records.push(record);
    };
    await add({ path: data.path, crc: data.crc, size: options.bytes }, piecesOf(options.bytes));
    for (const { path: name, content } of small) {
      const isRecord = name.endsWith('/RECORD');
      const text = isRecord ? Buffer.concat([Buffer.from(recordLine(data.path, data.sha256, options.bytes)), content]) : content;
      await add({ path: name, crc: crc32(text), size: text.length }, [text]);
    }
    await writer.write(centralDirectory(records, writer.written, true));
    const metadata = small.find(({ path: name }) => name.endsWith('/METADATA'))?.content ?? Buffer.alloc(0);
    return { filename, path, size: writer.written, sha256: writer.sha256(), metadata };
  } finally {
    await handle.close();
  }
}

class HashingWriter {
  written = 0;
  readonly #hash = createHash('sha256');
  readonly #handle: FileHandle;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length; ) {
      done += (await this.#handle.write(bytes, done)).bytesWritten;
    }
    this.written += bytes.length;
  }

  sha256(): string {
    return this.#hash.digest('hex');
  }
}

/** The data, piece by piece; each piece begins with its number, so that no two are the same. */
function* piecesOf(bytes: number): Iterable<Buffer> {
  const piece = noise(PIECE, 'big wheel');
  for (let made = 0; made < bytes; made += PIECE) {
    piece.writeBigUInt64LE(BigInt(made));
    yield piece.subarray(0, Math.min(PIECE, bytes - made));
  }
}

function digestsOf(bytes: number): { crc: number; sha256: string } {
  const hash = createHash('sha256');
  let crc = 0;
  for (const piece of piecesOf(bytes)) {
    crc = crc32(piece, crc);
    hash.update(piece);
  }
  return { crc, sha256: hash.digest('base64url') };
}
