import { link, lstat, opendir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import type { CollectedGarbage, CollectOptions } from '../ports/housekeeping.ts';
import { isMissing, orNull } from './failure.ts';
import { LayoutBlobs } from './layout-blobs.ts';
import { type LayoutFolder, TRASH } from './layout-folder.ts';
import { markReachable } from './layout-marks.ts';

interface Counts {
  kept: number;
  young: number;
  removed: number;
  removedBytes: number;
  leftovers: number;
  leftoverBytes: number;
}

/**
 * Removes from one layout what no tag leads to. Writers need no lock: each sets the time of every blob that it finds or needs,
 * before its tag is made. A blob is first moved away and only then, when nobody can find it any more, is its time looked at once
 * more: whoever found it before has set its time, and it is moved back; whoever looks after that does not find it, and writes it again.
 */
export class LayoutCollector {
  readonly #name: string;
  readonly #folder: LayoutFolder;
  readonly #blobs: LayoutBlobs;
  readonly #options: CollectOptions;
  readonly #counts: Counts = { kept: 0, young: 0, removed: 0, removedBytes: 0, leftovers: 0, leftoverBytes: 0 };

  constructor(name: string, folder: LayoutFolder, options: CollectOptions) {
    this.#name = name;
    this.#folder = folder;
    this.#blobs = new LayoutBlobs(folder, name);
    this.#options = options;
  }

  /** Marks and sweeps. Throws raw errors of the file system. */
  async collect(): Promise<CollectedGarbage> {
    try {
      await this.#refuseShared();
      if (!this.#options.dryRun) {
        await this.#restoreTrash();
      }
      const marked = await markReachable(this.#folder, this.#blobs);
      await this.#sweepBlobs(marked);
      await this.#sweepIngest();
    } catch (error) {
      if (!isProxyError(error, 'integrity')) {
        throw error;
      }
      return { repository: this.#name, ...this.#counts, damage: error.message };
    }
    return { repository: this.#name, ...this.#counts, damage: null };
  }

  /** Blobs that lie elsewhere may be those of several layouts, and what this one does not need another one may. */
  async #refuseShared(): Promise<void> {
    for (const path of [dirname(this.#folder.blobs), this.#folder.blobs]) {
      if ((await orNull(lstat(path)))?.isSymbolicLink() === true) {
        throw new ProxyError('integrity', 'The directory of its blobs is a symbolic link: other layouts may share it.');
      }
    }
  }

  /** Undoes what a collector left that died between its two looks. */
  async #restoreTrash(): Promise<void> {
    for (const name of (await orNull(readdir(this.#folder.ingest))) ?? []) {
      const digest = `sha256:${name.slice(TRASH.length)}`;
      if (name.startsWith(TRASH) && isDigest(digest)) {
        await this.#putBack(join(this.#folder.ingest, name), digest);
      }
    }
  }

  async #sweepBlobs(marked: ReadonlySet<Digest>): Promise<void> {
    const directory = await orNull(opendir(this.#folder.blobs));
    if (directory === null) {
      return;
    }
    for await (const { name } of directory) {
      this.#options.signal?.throwIfAborted();
      const digest = `sha256:${name}`;
      if (!isDigest(digest)) {
        continue;
      }
      if (marked.has(digest)) {
        this.#counts.kept += 1;
        continue;
      }
      await this.#sweepBlob(digest);
    }
  }

  async #sweepBlob(digest: Digest): Promise<void> {
    const path = this.#folder.blob(digest);
    const found = await orNull(stat(path));
    if (found === null) {
      return;
    }
    if (this.#isYoung(found.mtimeMs) || (!this.#options.dryRun && !(await this.#remove(path, digest)))) {
      this.#counts.young += 1;
      return;
    }
    this.#counts.removed += 1;
    this.#counts.removedBytes += found.size;
  }

  /** @returns whether it is gone: not when somebody wanted it meanwhile. */
  async #remove(path: string, digest: Digest): Promise<boolean> {
    const trash = join(this.#folder.ingest, `${TRASH}${digest.slice('sha256:'.length)}`);
    await orNull(rename(path, trash));
    const moved = await orNull(stat(trash));
    if (moved === null) {
      // Another collector was faster.
      return false;
    }
    if (this.#isYoung(moved.mtimeMs)) {
      await this.#putBack(trash, digest);
      return false;
    }
    await rm(trash, { force: true });
    return true;
  }

  async #putBack(trash: string, digest: Digest): Promise<void> {
    try {
      await link(trash, this.#folder.blob(digest));
    } catch (error) {
      // Somebody wrote it again meanwhile, or another collector put it back.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' && !isMissing(error)) {
        throw error;
      }
    }
    await rm(trash, { force: true });
  }

  async #sweepIngest(): Promise<void> {
    for (const name of (await orNull(readdir(this.#folder.ingest))) ?? []) {
      const path = join(this.#folder.ingest, name);
      const found = await orNull(stat(path));
      if (found === null || this.#isYoung(found.mtimeMs) || name.startsWith(TRASH)) {
        continue;
      }
      this.#counts.leftovers += 1;
      this.#counts.leftoverBytes += found.size;
      if (!this.#options.dryRun) {
        await rm(path, { force: true });
      }
    }
  }

  #isYoung(mtimeMs: number): boolean {
    return mtimeMs > Date.now() - this.#options.graceMs;
  }
}
