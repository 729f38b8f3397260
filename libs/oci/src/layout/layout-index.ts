import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isDigest } from '../model/digest.ts';
import { INDEX_MEDIA_TYPE } from '../model/manifest.ts';
import { replaceName, writeTemporaryBytes } from './durable-file.ts';
import { isMissing } from './failure.ts';

/** What a file under `refs/` holds: the manifest that the tag names. */
export interface Reference {
  readonly mediaType: string;
  readonly digest: `sha256:${string}`;
  readonly size: number;
}

/** Writes a reference as it stands in its file. */
export function encodeReference(reference: Reference): Buffer {
  return Buffer.from(`${JSON.stringify(reference)}\n`, 'utf8');
}

/** The reference in a file's text, or null when it is none of ours. */
export function decodeReference(text: string): Reference | null {
  try {
    const value = JSON.parse(text) as Partial<Reference>;
    return typeof value.digest === 'string' && isDigest(value.digest) && typeof value.mediaType === 'string' && typeof value.size === 'number'
      ? { mediaType: value.mediaType, digest: value.digest, size: value.size }
      : null;
  } catch {
    return null;
  }
}

/**
 * Keeps `index.json` of one repository's layout in step with `refs/`. The index is for other OCI tools and derived: we never
 * read it. Bursts of writes share a rewrite; a process that dies before it leaves an index that the next write mends.
 */
export class LayoutIndex {
  readonly #directory: string;
  readonly #known = new Map<string, Reference>();
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Rewrites the index. When it resolves, every reference that existed at the call is in it. */
  async refresh(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#write().finally(() => {
        this.#running = null;
      });
      return this.#running;
    }
    // The running rewrite may have listed already; all who come meanwhile share the one after it.
    this.#next ??= this.#running.catch(() => undefined).then(() => {
      this.#next = null;
      return this.refresh();
    });
    return this.#next;
  }

  async #write(): Promise<void> {
    // Another process may have written an older list after ours: look again until nothing changed meanwhile.
    let before: string;
    let names = await this.#names();
    do {
      before = names.join('\n');
      const manifests = await Promise.all(names.map(async (tag) => ({ tag, reference: await this.#reference(tag) })));
      const bytes = Buffer.from(JSON.stringify({
        schemaVersion: 2,
        mediaType: INDEX_MEDIA_TYPE,
        manifests: manifests.flatMap(({ tag, reference }) => (reference === null ? [] : [{ ...reference, annotations: { 'org.opencontainers.image.ref.name': tag } }])),
      }));
      await replaceName(await writeTemporaryBytes(join(this.#directory, 'ingest'), bytes), join(this.#directory, 'index.json'));
      names = await this.#names();
    } while (names.join('\n') !== before);
  }

  async #names(): Promise<string[]> {
    return (await readdir(join(this.#directory, 'refs'))).sort();
  }

  async #reference(tag: string): Promise<Reference | null> {
    // Tags that begin with `_` + letter may be rewritten (snapshots); all others are written once.
    const known = this.#known.get(tag);
    if (known !== undefined) {
      return known;
    }
    const text = await readFile(join(this.#directory, 'refs', tag), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) {
        return '';
      }
      throw error;
    });
    const reference = decodeReference(text);
    if (reference !== null) {
      this.#known.set(tag, reference);
    }
    return reference;
  }

  /** Forgets what a tag named, before it is rewritten or removed. */
  forget(tag: string): void {
    this.#known.delete(tag);
  }
}
