import { readFile, stat } from 'node:fs/promises';

import { decodeReference, type Reference } from './reference-file.ts';

interface CachedReference {
  readonly stamp: string;
  /** By our own clock, ms: when this stamp was first seen. */
  readonly since: number;
  /** When the file was read. */
  readonly readAt: number;
  readonly reference: Reference | null;
}

/** Below this many tags a list is read faster than it is worth remembering. */
const WORTH_KEEPING = 256;

/**
 * Remembers what the files of one repository's tags hold, so that an index of many tags costs a stat for each and not a read.
 * A tag may be replaced, by any process: only a file whose stamp was the same long enough before it was read is believed.
 */
export class ReferenceCache {
  readonly #settledMs: number;
  readonly #known = new Map<string, CachedReference>();

  /** @param settledMs how much later a change is sure to have another stamp. */
  constructor(settledMs: number) {
    this.#settledMs = settledMs;
  }

  /** @throws the file system's error; ENOENT when the tag is gone. */
  async get(tag: string, path: string): Promise<Reference | null> {
    const { ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    const stamp = `${ino}.${mtimeNs}.${ctimeNs}`;
    const known = this.#known.get(tag);
    const same = known?.stamp === stamp;
    if (same && known.readAt - known.since >= this.#settledMs) {
      return known.reference;
    }
    const readAt = performance.now();
    const reference = decodeReference(await readFile(path, 'utf8'));
    this.#known.set(tag, { stamp, since: same ? known.since : readAt, readAt, reference });
    return reference;
  }

  /** Forgets all tags but these. */
  keep(tags: readonly string[]): void {
    if (this.#known.size === 0) {
      return;
    }
    const kept = new Set(tags);
    for (const tag of this.#known.keys()) {
      if (!kept.has(tag)) {
        this.#known.delete(tag);
      }
    }
  }

  /** Nothing is likely to change soon: frees what is quickly read again. */
  settle(): void {
    if (this.#known.size < WORTH_KEEPING) {
      this.#known.clear();
    }
  }
}
