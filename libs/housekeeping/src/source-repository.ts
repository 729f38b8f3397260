import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import type { CallOptions, Digest, ManifestBytes, Repository } from '@oci-package-proxy/oci';

/** How much was read of a store, in answers. */
export interface ReadCount {
  count: number;
}

/** A repository that is copied from. What it fails to show is told apart from what the target fails to take: {@link isUnread}. */
export class SourceRepository implements Pick<Repository, 'name' | 'listTags' | 'readManifest' | 'statManifest'> {
  /** For the registry's own use of it. */
  readonly repository: Repository;
  readonly name: string;
  readonly #reads: ReadCount;

  constructor(repository: Repository, reads: ReadCount) {
    this.repository = repository;
    this.name = repository.name;
    this.#reads = reads;
  }

  async readManifest(reference: string, options?: CallOptions): Promise<ManifestBytes | null> {
    return this.#read(() => this.repository.readManifest(reference, options));
  }

  async statManifest(reference: string, options?: CallOptions): Promise<Digest | null> {
    return this.#read(() => this.repository.statManifest(reference, options));
  }

  async *listTags(options?: CallOptions): AsyncIterable<readonly string[]> {
    try {
      for await (const page of this.repository.listTags(options)) {
        this.#reads.count += 1;
        yield page;
      }
    } catch (error) {
      throw unread(error);
    }
  }

  /** A whole blob, as it comes. @throws ProxyError `integrity` when it is not there. */
  async *readBytes(digest: Digest, options?: CallOptions): AsyncGenerator<Buffer> {
    try {
      const body = await this.repository.readBlob(digest, options);
      if (body === null) {
        throw new ProxyError('integrity', `The blob ${digest} of repository ${this.name} is missing in the store that is copied from.`);
      }
      yield* body.stream as AsyncIterable<Buffer>;
      this.#reads.count += 1;
    } catch (error) {
      throw unread(error);
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      const answer = await read();
      this.#reads.count += 1;
      return answer;
    } catch (error) {
      throw unread(error);
    }
  }
}

/**
 * A failure of the store that is copied from, as one of what was read. It passes through the target while it writes, which would take
 * `storage-unavailable` for its own and begin again.
 */
export function unread(error: unknown): unknown {
  return isProxyError(error, 'storage-unavailable') ? new ProxyError('integrity', `It cannot be read now in the store that is copied from. ${error.message}`, { cause: error }) : error;
}

/** Whether {@link unread} made this failure: what was asked for may be there all the same. */
export function isUnread(error: unknown): error is ProxyError {
  return isProxyError(error, 'integrity') && isProxyError(error.cause, 'storage-unavailable');
}
