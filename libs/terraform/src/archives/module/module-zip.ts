import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import type { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { ZipFile } from 'yazl';

import type { ModuleFile } from './module-file.ts';
import type { SpooledContent } from './module-spool.ts';

const LEVEL = 9;
const ADDED_AT_ONCE = 200;
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

/** How {@link writeModuleZip} reads and writes. */
export interface ModuleZipWriting {
  readonly target: string;
  /** The bytes of a file. */
  open(content: SpooledContent): Readable;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes files as a zip whose bytes depend on nothing but paths, contents and whether a file may be executed: no times, no owners, no
 * directory entries, one level of compression. (Another zlib may still pack otherwise: what a module *is* says its `h1:`.)
 * @param files sorted.
 */
export async function writeModuleZip(files: readonly ModuleFile[], writing: ModuleZipWriting): Promise<WrittenZip> {
  const zip = new ZipFile();
  const output = zip.outputStream as PassThrough;
  // yazl hands no failure on.
  zip.on('error', (error: Error) => output.destroy(error));
  const hash = createHash('sha256');
  let size = 0;
  const count = async function* (pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      hash.update(piece);
      size += piece.length;
      yield piece;
    }
  };
  const { target, signal } = writing;
  await Promise.all([pipeline(output, count, createWriteStream(target, { mode: 0o600 }), { signal }), addAll(zip, files, writing)]);
  return { size, sha256: hash.digest('hex') };
}

async function addAll(zip: ZipFile, files: readonly ModuleFile[], { open }: ModuleZipWriting): Promise<void> {
  const output = zip.outputStream as PassThrough;
  for (const [index, { path, executable, content }] of files.entries()) {
    const options = { mtime: MTIME, mode: FILE_TYPE | (executable ? 0o755 : 0o644), compressionLevel: LEVEL, forceDosTimestamp: true, size: content.size };
    zip.addReadStreamLazy(path, options, (use) => {
      const source = open(content);
      source.on('error', (error) => output.destroy(error));
      use(null, source);
    });
    // yazl looks through all that it has whenever one more comes.
    if (index % ADDED_AT_ONCE === 0) {
      await nextTurn();
    }
  }
  zip.end();
}
