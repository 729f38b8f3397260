import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Flushes a directory, so that a name made in it survives a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A path in `directory` that nobody else uses. */
export function temporaryPath(directory: string): string {
  return join(directory, `${process.pid}.${randomBytes(8).toString('hex')}`);
}

/** Writes a stream, through `check`, into a temporary file and flushes it. On any failure the file is gone. */
export async function writeTemporary(directory: string, source: Readable, options: { readonly check: Transform; readonly signal?: AbortSignal }): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = temporaryPath(directory);
  try {
    await pipeline(source, options.check, createWriteStream(path, { flags: 'wx', mode: 0o444, flush: true }), { signal: options.signal });
    return path;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Writes bytes into a temporary file and flushes it. */
export async function writeTemporaryBytes(directory: string, bytes: Uint8Array): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = temporaryPath(directory);
  const handle = await open(path, 'wx', 0o444);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return path;
}

/** Gives `temporary` the name `path` by a link, which fails where the name exists: creation without a lock.
 * @returns whether the name was made; the temporary file is gone either way. */
export async function createName(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    await syncDirectory(dirname(path));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives `temporary` the name `path`, replacing what had it, at once for every reader. */
export async function replaceName(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
