import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { SILENT, type UpstreamLogger } from '../logger.ts';
import type { SpooledFile } from './download-port.ts';
import { makeSpoolDirectory } from './spool-directory.ts';
import type { Transfer } from './transfer.ts';

/** A verified file and who reads it. */
export interface SpoolEntry {
  readonly key: string;
  readonly file: SpooledFile;
  readonly transfer: Transfer;
}

/** How a {@link Spool} is made. */
export interface SpoolOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly logger?: UpstreamLogger | undefined;
  readonly onEvicted?: ((key: string) => void) | undefined;
}

/** Verified files on disk, and the room for those that are growing. Files that nobody reads go when room is needed, the least recently used first. */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #logger: UpstreamLogger;
  // In the order of their last use.
  readonly #entries = new Map<string, SpoolEntry>();
  #directory: Promise<string> | null = null;
  #used = 0;
  #files = 0;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#logger = options.logger ?? SILENT;
  }

  /** Makes its directory, once. */
  async prepare(): Promise<string> {
    this.#directory ??= makeSpoolDirectory(this.#options.directory);
    try {
      return await this.#directory;
    } catch (error) {
      this.#directory = null;
      throw error;
    }
  }

  /** A path that no other file has. */
  newPath(directory: string): string {
    this.#files += 1;
    return join(directory, this.#files.toString(36));
  }

  /** Takes `bytes` of the room, after evicting what must go for that; false, with nothing evicted, when it cannot be had. */
  reserve(bytes: number): boolean {
    const missing = this.#used + bytes - this.#options.maxBytes;
    if (missing <= 0) {
      this.#used += bytes;
      return true;
    }
    const victims: SpoolEntry[] = [];
    let freed = 0;
    for (const entry of this.#entries.values()) {
      if (freed >= missing) {
        break;
      }
      if (!entry.transfer.held) {
        victims.push(entry);
        freed += entry.file.size;
      }
    }
    if (freed < missing) {
      return false;
    }
    for (const victim of victims) {
      this.#evict(victim);
    }
    this.#used += bytes;
    return true;
  }

  /** Evicts files that nobody reads, for the disk is full in truth; false when there is none. */
  relieve(): boolean {
    const victim = [...this.#entries.values()].find((entry) => !entry.transfer.held);
    if (victim === undefined) {
      return false;
    }
    this.#evict(victim);
    return true;
  }

  /** Gives `bytes` back. */
  release(bytes: number): void {
    this.#used -= bytes;
  }

  /** Takes in a verified file, for which there is room already. */
  add(entry: SpoolEntry): void {
    const before = this.#entries.get(entry.key);
    if (before !== undefined) {
      this.#evict(before);
    }
    this.#entries.set(entry.key, entry);
  }

  /** Lets go of a file, whoever still reads it. */
  forget(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#evict(entry);
    }
  }

  /** The verified file of `key`, or null. */
  get(key: string): SpoolEntry | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      return null;
    }
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  /** The same, held (give it back with `release`) and looked for on disk: somebody may clean up there. */
  async take(key: string): Promise<{ readonly entry: SpoolEntry; readonly release: () => void } | null> {
    const entry = this.get(key);
    if (entry === null) {
      return null;
    }
    const release = entry.transfer.hold();
    const stats = await stat(entry.file.path).catch(() => null);
    if (stats?.size === entry.file.size) {
      return { entry, release };
    }
    release();
    if (this.#entries.get(key) === entry) {
      this.#evict(entry);
    }
    this.#logger.warn({ key }, 'a file of the spool was removed or cut by somebody else');
    return null;
  }

  /** Removes the directory. */
  async close(): Promise<void> {
    this.#entries.clear();
    if (this.#directory !== null) {
      await rm(await this.#directory, { recursive: true, force: true });
    }
  }

  /** Deletes a file of the spool's; a failure is only logged. */
  async remove(path: string): Promise<void> {
    await rm(path, { force: true }).catch((error: unknown) => this.#logger.warn({ error }, 'a file of the spool could not be removed'));
  }

  #evict(entry: SpoolEntry): void {
    this.#entries.delete(entry.key);
    this.#used -= entry.file.size;
    void this.remove(entry.file.path);
    try {
      this.#options.onEvicted?.(entry.key);
    } catch (error) {
      this.#logger.warn({ key: entry.key, error }, 'the eviction of a file could not be told');
    }
  }
}
