import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';

import type { Registry, Repository, TagCreator, TagDeleter } from '../ports/repository.ts';
import { writeTemporaryBytes } from './durable-file.ts';
import { layoutFailure } from './failure.ts';
import { LayoutRepository } from './layout-repository.ts';

const NAME = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
// A repository may lie inside another's directory; it must not be one of the directories there.
const RESERVED = new Set(['blobs', 'refs', 'ingest']);

/** A directory of OCI image layouts, one per repository: `<directory>/<repository name>/`. */
export class LayoutRegistry implements Registry {
  readonly #directory: string;
  readonly #repositories = new Map<string, LayoutRepository>();

  /** @param options `directory` is made when the first write needs it. */
  constructor(options: { readonly directory: string }) {
    this.#directory = options.directory;
  }

  /** @throws ProxyError `invalid` for a name that OCI does not allow or that would lie in a layout's own folders. */
  repository(name: string): Repository & TagCreator & TagDeleter {
    const known = this.#repositories.get(name);
    if (known !== undefined) {
      return known;
    }
    if (!NAME.test(name) || name.length > 255 || name.split('/').some((part) => RESERVED.has(part))) {
      throw new ProxyError('invalid', `${JSON.stringify(name)} is no name for a repository.`);
    }
    // Bounded: a repository object only caches which references its index has.
    if (this.#repositories.size >= 10_000) {
      this.#repositories.clear();
    }
    const repository = new LayoutRepository(name, join(this.#directory, name));
    this.#repositories.set(name, repository);
    return repository;
  }

  async check(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true });
      await rm(await writeTemporaryBytes(this.#directory, Buffer.from('probe')), { force: true });
    } catch (error) {
      throw layoutFailure(error, 'check');
    }
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
