import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { isTag } from '../model/grammar.ts';
import { INDEX_MEDIA_TYPE } from '../model/manifest.ts';
import { replaceNameSoon, writeTemporaryBytes } from './durable-file.ts';
import { isMissing, orNull } from './failure.ts';
import type { LayoutFolder } from './layout-folder.ts';
import { ReferenceCache } from './reference-cache.ts';

/** Shortest time between the end of a rewrite and the next one. */
const SPACING_MS = 100;
/** A rewrite that took long is followed by a pause this many times as long, so that an index of any size leaves time for work. */
const PAUSE_FACTOR = 3;
/** File systems stamp changes by a clock that ticks every few milliseconds: what has an equal stamp after this long did not change. */
const SETTLED_MS = 50;
/** What a flush does at most: one for the last writes, one to see that nobody wrote meanwhile, and some for those who did. */
const MAX_FLUSHES = 5;
const READS_AT_ONCE = 64;

/**
 * Keeps `index.json` of one repository's layout in step with `refs/`. The index is for other OCI tools and derived: we never
 * read it back, and no write waits for it. It is rewritten at once after a quiet time, then in growing intervals: a burst shares rewrites.
 *
 * Several processes do this without a lock. Each, after its rename, looks whether `refs/` changed since it listed it, and
 * does it again until it did not. Take the last rename of all: its process then saw no change since its list, so the index is
 * right for that moment; and whoever changes `refs/` later renames later, which contradicts "last". So the index is right once
 * all living processes are done, also when one of them was stopped before its rename and brought an old list. Only a process that
 * dies between a change and its rewrite leaves an index behind that the next write, of any process, mends.
 */
export class LayoutIndex {
  readonly #folder: LayoutFolder;
  readonly #unfinished: Set<LayoutIndex>;
  readonly #onFailure: (error: unknown) => void;
  readonly #references: ReferenceCache;
  #dirty = false;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #notBefore = 0;
  #stamp: { readonly text: string; readonly since: number } = { text: '', since: 0 };

  /**
   * @param options `unfinished` holds this index while it has something left to do; `onFailure` hears of a rewrite that
   * failed: the next change, or the flush, tries again.
   */
  constructor(folder: LayoutFolder, options: { readonly unfinished: Set<LayoutIndex>; readonly onFailure: (error: unknown) => void }) {
    this.#folder = folder;
    this.#unfinished = options.unfinished;
    this.#onFailure = options.onFailure;
    this.#references = new ReferenceCache(SETTLED_MS);
  }

  /** Whether nothing is left to do. */
  get idle(): boolean {
    return !this.#dirty && this.#running === null;
  }

  /** A tag changed: the index is to follow. */
  touch(): void {
    this.#dirty = true;
    this.#unfinished.add(this);
    this.#schedule();
  }

  /** Nothing changed; but the process that changed it last may have died before it wrote the index. Looked at once. */
  mend(): void {
    if (this.#stamp.text === '') {
      this.touch();
    }
  }

  /** Resolves when the index has every change that was made before the call, or cannot be written. */
  async flush(): Promise<void> {
    await this.#running;
    for (let rewrites = 0; rewrites < MAX_FLUSHES && !this.idle; rewrites += 1) {
      this.#cancelTimer();
      await (rewrites === 0 ? null : pause(SETTLED_MS));
      await (this.#running ?? this.#run());
    }
    this.#cancelTimer();
  }

  #schedule(): void {
    if (this.#running !== null || this.#timer !== null) {
      return;
    }
    const wait = this.#notBefore - performance.now();
    if (wait <= 0) {
      void this.#run();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#run();
    }, wait).unref();
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #run(): Promise<void> {
    const began = performance.now();
    this.#dirty = false;
    let failed = false;
    this.#running = this.#rewrite()
      .catch((error: unknown) => {
        failed = true;
        this.#dirty = true;
        this.#onFailure(error);
      })
      .finally(() => {
        this.#running = null;
        const now = performance.now();
        this.#notBefore = now + Math.max(SPACING_MS, PAUSE_FACTOR * (now - began));
        if (this.idle) {
          this.#unfinished.delete(this);
        } else if (!failed) {
          this.#schedule();
        }
      });
    return this.#running;
  }

  async #rewrite(): Promise<void> {
    const before = await this.#look();
    const began = performance.now();
    const bytes = await this.#content();
    const path = join(this.#folder.path, 'index.json');
    const present = await orNull(readFile(path));
    if (present?.equals(bytes) !== true) {
      await replaceNameSoon(await writeTemporaryBytes(this.#folder.ingest, bytes), path);
    }
    const after = await this.#look();
    if (after.text !== before.text || began - before.since < SETTLED_MS) {
      this.#dirty = true;
      return;
    }
    this.#references.settle();
  }

  /** The stamp of `refs/`, and since when (by our own clock, ms) it has been that one. */
  async #look(): Promise<{ readonly text: string; readonly since: number }> {
    const { ino, mtimeNs } = await stat(this.#folder.refs, { bigint: true });
    const text = `${ino}.${mtimeNs}`;
    if (text !== this.#stamp.text) {
      this.#stamp = { text, since: performance.now() };
    }
    return this.#stamp;
  }

  async #content(): Promise<Buffer> {
    const tags = (await readdir(this.#folder.refs)).filter(isTag).toSorted();
    const manifests: object[] = [];
    this.#references.keep(tags);
    for (let start = 0; start < tags.length; start += READS_AT_ONCE) {
      const slice = tags.slice(start, start + READS_AT_ONCE);
      const read = await Promise.all(slice.map((tag) => this.#descriptor(tag)));
      manifests.push(...read.filter((descriptor) => descriptor !== null));
    }
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests }));
  }

  async #descriptor(tag: string): Promise<object | null> {
    try {
      const reference = await this.#references.get(tag, this.#folder.ref(tag));
      return reference === null ? null : { ...reference, annotations: { 'org.opencontainers.image.ref.name': tag } };
    } catch (error) {
      if (isMissing(error)) {
        return null;
      }
      throw error;
    }
  }
}
