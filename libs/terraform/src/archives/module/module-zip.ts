import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { ZipFile } from 'yazl';

import type { ModuleFile } from './module-file.ts';
import type { SpooledContent } from './module-spool.ts';

const LEVEL = 9;
const FILE_TYPE = 0o100000;
// What the oldest date of a zip is in every time zone: yazl writes local time.
const MTIME = new Date(1980, 0, 1);

/** A zip that was written. */
export interface WrittenZip {
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * Writes files as a zip whose bytes depend on nothing but paths, contents and whether a file may be executed: no times, no owners, no
 * directory entries, one level of compression. (Another zlib may still pack otherwise: what a module *is* says its `h1:`.)
 * @param files sorted.
 */
export async function writeModuleZip(files: readonly ModuleFile[], { target, open, signal }: { readonly target: string; open(content: SpooledContent): Readable; readonly signal?: AbortSignal | undefined }): Promise<WrittenZip> {
  const zip = new ZipFile();
  // yazl hands no failure of its sources on.
  const output = zip.outputStream as PassThrough;
  zip.on('error', (error: Error) => output.destroy(error));
  for (const { path, executable, content } of files) {
    const options = { mtime: MTIME, mode: FILE_TYPE | (executable ? 0o755 : 0o644), compressionLevel: LEVEL, forceDosTimestamp: true, size: content.size };
    zip.addReadStreamLazy(path, options, (use) => {
      const source = open(content);
      source.on('error', (error) => output.destroy(error));
      use(null, source);
    });
  }
  zip.end();
  const hash = createHash('sha256');
  let size = 0;
  const count = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
      yield piece;
    }
  };
  await pipeline(output, count, createWriteStream(target, { mode: 0o600 }), { signal });
  return { size, sha256: hash.digest('hex') };
}
