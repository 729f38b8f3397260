import { link, mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import { isRepositoryName } from '../model/grammar.ts';
import { type CollectedGarbage, type CollectOptions, type GarbageCollector, MIN_GRACE_MS, type RepositoryLister } from '../ports/housekeeping.ts';
import type { CallOptions, Registry, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { temporaryPath, writeTemporaryBytes } from './durable-file.ts';
import { attempt, layoutFailure } from './failure.ts';
import { LayoutCollector } from './layout-collector.ts';
import { LayoutFolder } from './layout-folder.ts';
import { LayoutIndex } from './layout-index.ts';
import { LayoutRepository } from './layout-repository.ts';
import { RESERVED_NAMES, walkRepositories } from './repository-walk.ts';

/** Repositories whose objects are kept; they hold what makes the index of many tags cheap. */
const MAX_KEPT = 1_000;
const FLUSHES_AT_ONCE = 8;

/** Where a {@link LayoutRegistry} lies. */
export interface LayoutRegistryOptions {
  /** Made when the first write needs it. */
  readonly directory: string;
  /** Hears, once per text, when an `index.json` could not be written; our own reads do not need it. */
  readonly onWarning?: (text: string) => void;
}

interface Kept {
  readonly repository: LayoutRepository;
  readonly index: LayoutIndex;
}

/**
 * A directory of OCI image layouts, one per repository: `<directory>/<repository name>/`. Any number of processes may work on
 * it at a time. `index.json` follows the tags within about a second, and at {@link LayoutRegistry.close}.
 */
export class LayoutRegistry implements Registry, RepositoryLister, GarbageCollector {
  readonly #directory: string;
  readonly #onWarning: (text: string) => void;
  readonly #kept = new Map<string, Kept>();
  readonly #durable = new Set<string>();
  readonly #unfinished = new Set<LayoutIndex>();
  readonly #warned = new Set<string>();

  constructor(options: LayoutRegistryOptions) {
    this.#directory = resolve(options.directory);
    this.#onWarning = options.onWarning ?? (() => undefined);
  }

  /** @throws ProxyError `invalid` for a name that OCI does not allow or that would lie in a layout's own folders. */
  repository(name: string): Repository & TagCreator & TagDeleter {
    const known = this.#kept.get(name);
    if (known !== undefined) {
      this.#kept.delete(name);
      this.#kept.set(name, known);
      return known.repository;
    }
    if (!isRepositoryName(name) || name.split('/').some((part) => RESERVED_NAMES.has(part))) {
      throw new ProxyError('invalid', `repository ${JSON.stringify(name.slice(0, 255))}: not a repository name`);
    }
    const folder = this.#folder(name);
    const index = new LayoutIndex(folder, { unfinished: this.#unfinished, onFailure: (error) => this.#warn(name, error) });
    const repository = new LayoutRepository(name, folder, index);
    this.#kept.set(name, { repository, index });
    this.#forgetOldest();
    return repository;
  }

  /** Writes a file and gives it a second name, as tags are made. */
  async check(options: CallOptions = {}): Promise<void> {
    await attempt('checking the storage directory', options.signal, async () => {
      const ingest = join(this.#directory, 'ingest');
      await mkdir(ingest, { recursive: true });
      const written = await writeTemporaryBytes(ingest, Buffer.from('probe'));
      const second = temporaryPath(ingest);
      try {
        await link(written, second);
      } finally {
        await Promise.all([rm(written, { force: true }), rm(second, { force: true })]);
      }
    });
  }

  /** A walk through the directories. */
  async *listRepositories({ signal }: CallOptions = {}): AsyncIterable<string> {
    const walk = walkRepositories(this.#directory)[Symbol.asyncIterator]();
    for (;;) {
      const step = await attempt('listing the repositories', signal, () => walk.next());
      if (step.done === true) {
        return;
      }
      yield step.value;
    }
  }

  /** See {@link LayoutCollector} for why writers need not stop. */
  async *collectGarbage(options: CollectOptions): AsyncIterable<CollectedGarbage> {
    if (!(options.graceMs >= MIN_GRACE_MS)) {
      throw new ProxyError('invalid', `The grace period must be at least ${MIN_GRACE_MS / 1000} seconds: uploads that run now would lose what they have written.`);
    }
    for await (const name of this.listRepositories(options)) {
      yield await attempt(`collecting garbage in repository ${name}`, options.signal, () => new LayoutCollector(name, this.#folder(name), options).collect());
    }
  }

  /** Resolves when every `index.json` is up to date. */
  async close(): Promise<void> {
    const left = [...this.#unfinished];
    for (let start = 0; start < left.length; start += FLUSHES_AT_ONCE) {
      await Promise.all(left.slice(start, start + FLUSHES_AT_ONCE).map((index) => index.flush()));
    }
  }

  #folder(name: string): LayoutFolder {
    return new LayoutFolder({ root: this.#directory, path: join(this.#directory, name), durable: this.#durable });
  }

  #forgetOldest(): void {
    if (this.#kept.size <= MAX_KEPT) {
      return;
    }
    for (const [name, { index }] of this.#kept) {
      if (index.idle) {
        this.#kept.delete(name);
        return;
      }
    }
  }

  #warn(name: string, error: unknown): void {
    const { message } = layoutFailure(error, `writing the index of repository ${name}`);
    if (!this.#warned.has(message) && this.#warned.size < MAX_KEPT) {
      this.#warned.add(message);
      this.#onWarning(message);
    }
  }
}
