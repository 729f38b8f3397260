import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import { type Digest, isDigest } from '../model/digest.ts';
import { isTag } from '../model/grammar.ts';
import { syncDirectory, syncUpTo } from './directory-sync.ts';
import { replaceName, writeTemporaryBytes } from './durable-file.ts';
import { isMissing, orNull } from './failure.ts';

/** https://github.com/opencontainers/image-spec/blob/main/image-layout.md#oci-layout-file */
const MARKER = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
/** What a collector moves away has this before its digest, so that a collector that dies can be undone, by the next one. */
export const TRASH = 'gc-';
/** What a killed process left in `ingest/` is removed after this long. */
const LEFTOVER_MS = 24 * 60 * 60 * 1000;

/** Where the files of one repository's layout lie. Nothing is made before the first write. */
export class LayoutFolder {
  readonly path: string;
  readonly #root: string;
  readonly #durable: Set<string>;
  #prepared: Promise<void> | null = null;

  /** @param options `root` is the registry's directory, `path` the repository's; `durable` holds the directories between whose names are. */
  constructor(options: { readonly root: string; readonly path: string; readonly durable: Set<string> }) {
    this.#root = options.root;
    this.path = options.path;
    this.#durable = options.durable;
  }

  /** Where content lies, whatever it is. */
  get blobs(): string {
    return join(this.path, 'blobs/sha256');
  }

  /** Where files grow before they get their name. */
  get ingest(): string {
    return join(this.path, 'ingest');
  }

  /** One file for each tag. */
  get refs(): string {
    return join(this.path, 'refs');
  }

  /** @throws ProxyError `invalid` when `digest` is none: it becomes part of a path. */
  blob(digest: Digest): string {
    if (!isDigest(digest)) {
      throw new ProxyError('invalid', 'A digest must be sha256: and 64 hex digits.');
    }
    return join(this.blobs, digest.slice('sha256:'.length));
  }

  /** @throws ProxyError `invalid` when `tag` is none: it becomes part of a path. */
  ref(tag: string): string {
    if (!isTag(tag)) {
      throw new ProxyError('invalid', `${JSON.stringify(tag.slice(0, 200))} is neither a tag nor a sha256 digest.`);
    }
    return join(this.refs, tag);
  }

  /** Runs `work` with the folders made, durably; once more when somebody removed them meanwhile. */
  async write<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#prepare();
      return await work();
    } catch (error) {
      if (!isMissing(error)) {
        throw error;
      }
    }
    this.#prepared = null;
    this.#durable.clear();
    await this.#prepare();
    return work();
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#make().catch((error: unknown) => {
      this.#prepared = null;
      throw error;
    });
    return this.#prepared;
  }

  async #make(): Promise<void> {
    for (const path of [this.blobs, this.refs, this.ingest]) {
      await mkdir(path, { recursive: true });
    }
    const marker = join(this.path, 'oci-layout');
    if ((await orNull(stat(marker))) === null) {
      await replaceName(await writeTemporaryBytes(this.ingest, MARKER), marker);
    }
    await syncDirectory(join(this.path, 'blobs'));
    // Even if all was there: another process may have made it and not flushed it yet.
    await syncUpTo(this.#root, this.path, this.#durable);
    await this.#removeLeftovers();
  }

  async #removeLeftovers(): Promise<void> {
    for (const name of (await readdir(this.ingest)).filter((left) => !left.startsWith(TRASH))) {
      const path = join(this.ingest, name);
      const age = Date.now() - ((await orNull(stat(path)))?.mtimeMs ?? Date.now());
      if (age > LEFTOVER_MS) {
        await rm(path, { force: true });
      }
    }
  }
}
