import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { syncDirectory } from './directory-sync.ts';

/** A path in `directory` that nobody else uses. */
export function temporaryPath(directory: string): string {
  return join(directory, `${process.pid}.${randomBytes(8).toString('hex')}`);
}

/** Writes a stream into a temporary file and flushes it. On any failure the file is gone. */
export async function writeTemporary(directory: string, source: Readable, signal?: AbortSignal): Promise<string> {
  const path = temporaryPath(directory);
  try {
    await pipeline(source, createWriteStream(path, { flags: 'wx', mode: 0o444, flush: true }), { signal });
    return path;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** Writes bytes into a temporary file and flushes it. On any failure the file is gone. */
export async function writeTemporaryBytes(directory: string, bytes: Uint8Array): Promise<string> {
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

/**
 * Gives `temporary` the name `path` by a link, which fails where the name exists: creation without a lock.
 * @returns whether the name was made; it is durable either way, and the temporary file is gone.
 */
export async function createName(temporary: string, path: string): Promise<boolean> {
  try {
    const created = await linked(temporary, path);
    // Also when another made the name: whoever answers by it must not answer by what a power cut takes back.
    await syncDirectory(dirname(path));
    return created;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Gives `temporary` the name `path`, replacing what had it, at once for every reader. The name is durable when its directory is flushed. */
export async function replaceName(temporary: string, path: string): Promise<void> {
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function linked(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      return false;
    }
    throw error;
  }
}
