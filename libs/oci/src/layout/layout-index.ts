import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { replaceName, writeTemporaryBytes } from './durable-file.ts';
import { orNull } from './failure.ts';
import { IndexContent } from './index-content.ts';
import type { LayoutFolder } from './layout-folder.ts';

/** From a change, or the end of a rewrite, to the next one. */
const SPACING_MS = 100;
/** A rewrite that took long is followed by a pause this many times as long, so that an index of any size leaves time for work. */
const PAUSE_FACTOR = 3;
/** File systems stamp changes by a clock that ticks every few milliseconds: what has an equal stamp after this long did not change. */
const SETTLED_MS = 50;
/** What a flush does at most: one for the last writes, one to see that nobody wrote meanwhile, and some for those who did. */
const MAX_FLUSHES = 5;
/** While changes go on, every tag is looked at this often, in ms; in between a glance shows what is new. */
const LOOK_MS = 2_000;

interface Stamp {
  readonly ino: bigint;
  readonly mtimeNs: bigint;
  /** By our own clock, in ms. */
  readonly since: number;
}

/**
 * Keeps `index.json` of one repository's layout in step with `refs/`. The index is for other OCI tools and derived: we never
 * read it back, and no write waits for it. It is rewritten a moment after a change, so that a burst shares rewrites.
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
  readonly #content: IndexContent;
  /** Whether the index may differ from `refs/`. */
  #dirty = false;
  /** Whether this process changed a tag since the last rewrite began. */
  #changed = false;
  /** When the first glance after the last look at every tag began. */
  #glancingSince: number | null = null;
  #running: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #due = 0;
  #glanceNotBefore = 0;
  #lookNotBefore = 0;
  #stamp: Stamp | null = null;

  /**
   * @param options `unfinished` holds this index while it has something left to do; `onFailure` hears of a rewrite that
   * failed: the next change, or the flush, tries again.
   */
  constructor(folder: LayoutFolder, options: { readonly unfinished: Set<LayoutIndex>; readonly onFailure: (error: unknown) => void }) {
    this.#folder = folder;
    this.#unfinished = options.unfinished;
    this.#onFailure = options.onFailure;
    this.#content = new IndexContent(folder, SETTLED_MS);
  }

  /** Whether nothing is left to do. */
  get idle(): boolean {
    return !this.#dirty && this.#running === null;
  }

  /** This process changed `tag`: the index is to follow. */
  touch(tag: string): void {
    this.#content.forget(tag);
    this.#changed = true;
    this.#begin();
  }

  /** Nothing changed; but the process that changed it last may have died before it wrote the index. Looked at once. */
  mend(): void {
    if (this.#stamp === null) {
      this.#begin();
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

  #begin(): void {
    this.#dirty = true;
    this.#unfinished.add(this);
    this.#schedule();
  }

  #schedule(): void {
    const now = performance.now();
    const due = Math.max(now + SPACING_MS, this.#canGlance(now) ? this.#glanceNotBefore : this.#lookNotBefore);
    if (this.#running !== null || (this.#timer !== null && this.#due <= due)) {
      return;
    }
    // What is seen now and is still the same when the rewrite begins needs no second look.
    this.#look().catch(() => undefined);
    this.#cancelTimer();
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#run();
    }, due - now).unref();
  }

  #canGlance(now: number): boolean {
    return this.#changed && this.#content.warm && (now < this.#lookNotBefore || now - (this.#glancingSince ?? now) < LOOK_MS);
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
  }

  #run(): Promise<void> {
    const began = performance.now();
    const glance = this.#canGlance(began);
    this.#dirty = false;
    this.#changed = false;
    let failed = false;
    this.#running = this.#rewrite(glance)
      .catch((error: unknown) => {
        failed = true;
        this.#dirty = true;
        this.#onFailure(error);
      })
      .finally(() => {
        this.#running = null;
        this.#rest(began, glance);
        if (this.idle) {
          this.#unfinished.delete(this);
        } else if (!failed) {
          this.#schedule();
        }
      });
    return this.#running;
  }

  #rest(began: number, glance: boolean): void {
    const now = performance.now();
    const until = now + PAUSE_FACTOR * (now - began);
    if (glance) {
      this.#glanceNotBefore = until;
      this.#glancingSince ??= began;
      return;
    }
    this.#lookNotBefore = until;
    this.#glancingSince = null;
  }

  async #rewrite(glance: boolean): Promise<void> {
    const before = await this.#look();
    const began = performance.now();
    const bytes = await this.#content.bytes({ glance, clockNs: before.mtimeNs });
    const path = join(this.#folder.path, 'index.json');
    const present = await orNull(readFile(path));
    if (present?.equals(bytes) !== true) {
      await replaceName(await writeTemporaryBytes(this.#folder.ingest, bytes), path);
    }
    const after = await this.#look();
    if (glance || after !== before || began - before.since < SETTLED_MS) {
      this.#dirty = true;
      return;
    }
    this.#content.settle();
  }

  /** The state of `refs/`, and since when it has been that one. */
  async #look(): Promise<Stamp> {
    const { ino, mtimeNs } = await stat(this.#folder.refs, { bigint: true });
    if (ino !== this.#stamp?.ino || mtimeNs !== this.#stamp.mtimeNs) {
      this.#stamp = { ino, mtimeNs, since: performance.now() };
    }
    return this.#stamp;
  }
}
