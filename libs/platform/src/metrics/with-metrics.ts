import { isProxyError } from '@oci-package-proxy/errors';
import { isTagCreator, isTagDeleter, type Registry, type Repository, type TagCreator, type TagDeleter } from '@oci-package-proxy/oci';

import type { Metrics } from './metrics.ts';

/** `registry`, with every operation counted and timed. What its repositories can do besides stays what it is. */
export function withMetrics(registry: Registry, metrics: Metrics): Registry {
  const timed = timer(metrics);
  return {
    repository: (name) => repositoryWithMetrics(registry.repository(name), timed),
    check: (options) => timed('check', () => registry.check(options)),
    close: () => registry.close(),
  };
}

type Timed = <T>(operation: string, work: () => Promise<T>) => Promise<T>;

function timer(metrics: Metrics): Timed {
  return async (operation, work) => {
    const end = metrics.ociDuration.startTimer({ operation });
    try {
      const result = await work();
      metrics.ociRequests.inc({ operation, result: result === null ? 'missing' : 'ok' });
      return result;
    } catch (error) {
      metrics.ociRequests.inc({ operation, result: isProxyError(error) ? error.code : 'internal' });
      throw error;
    } finally {
      end();
    }
  };
}

function repositoryWithMetrics(inner: Repository, timed: Timed): Repository {
  const creator: Partial<TagCreator> = isTagCreator(inner) ? { createTag: (tag, manifest, options) => timed('create-tag', () => inner.createTag(tag, manifest, options)) } : {};
  const deleter: Partial<TagDeleter> = isTagDeleter(inner) ? { deleteTag: (tag, options) => timed('delete-tag', () => inner.deleteTag(tag, options)) } : {};
  return {
    name: inner.name,
    statBlob: (digest, options) => timed('stat-blob', () => inner.statBlob(digest, options)),
    readBlob: (digest, options) => timed('read-blob', () => inner.readBlob(digest, options)),
    writeBlob: (source, options) => timed('write-blob', () => inner.writeBlob(source, options)),
    readManifest: (reference, options) => timed('read-manifest', () => inner.readManifest(reference, options)),
    statManifest: (reference, options) => timed('stat-manifest', () => inner.statManifest(reference, options)),
    writeManifest: (manifest, options) => timed('write-manifest', () => inner.writeManifest(manifest, options)),
    listTags: (options) => countedPages(inner.listTags(options), timed),
    ...creator,
    ...deleter,
  };
}

async function* countedPages(pages: AsyncIterable<readonly string[]>, timed: Timed): AsyncGenerator<readonly string[]> {
  const iterator = pages[Symbol.asyncIterator]();
  try {
    for (let page = await timed('list-tags', () => iterator.next()); page.done !== true; page = await timed('list-tags', () => iterator.next())) {
      yield page.value;
    }
  } finally {
    await iterator.return?.();
  }
}
