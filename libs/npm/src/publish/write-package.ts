import type { Readable } from 'node:stream';

import type { Action, Principal } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import type { PackageRef } from '@oci-package-proxy/storage';

import { DistTagWrites } from './dist-tag-writes.ts';
import { decodePublishBody, type PublishBody } from './publish-body.ts';
import { Unpublishes } from './unpublishes.ts';
import { VersionPublishes } from './version-publish.ts';
import type { WriteAnswer } from './write-answer.ts';
import type { WriteCall, WriteLedger } from './write-ledger.ts';

const UNPACKED_BYTES = 32 * 2 ** 30;

/** How much a client may send, in bytes. */
export interface PublishLimits {
  /** The largest tarball. */
  readonly publishBytes: number;
  /** The most JSON, files apart. */
  readonly jsonBytes: number;
  /** The most that a tarball may unpack to. Default 32 GiB. */
  readonly unpackedBytes?: number;
}

/** What {@link PackageWrites} needs. */
export interface PackageWritesOptions {
  readonly ledger: WriteLedger;
  readonly limits: PublishLimits;
  /** An existing directory for temporary files, which holds as many tarballs as are published at once. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** See {@link VersionPublishes}. */
  readonly readUpstreamDocument?: (ref: PackageRef) => Promise<unknown>;
}

/** How a document was sent. */
export interface PutContext {
  /** The `-rev` of the URL as it stands there; null for none. */
  readonly revision: string | null;
  /** What is wanted is known only when the body is read. @throws ProxyError when the sender may not. */
  readonly authorize: (action: Action) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/**
 * All that changes a package. Whether the caller may is asked where the body decides what is to be done (`put`); before
 * everything else, and before a large body is read, it is for whoever calls.
 */
export class PackageWrites {
  readonly #options: PackageWritesOptions;
  readonly #publishes: VersionPublishes;
  readonly #unpublishes: Unpublishes;
  readonly #distTags: DistTagWrites;

  constructor(options: PackageWritesOptions) {
    const { ledger, limits, directory, clock = Date.now, readUpstreamDocument } = options;
    this.#options = options;
    this.#publishes = new VersionPublishes({
      ledger,
      directory,
      limits: { publishBytes: limits.publishBytes, unpackedBytes: limits.unpackedBytes ?? UNPACKED_BYTES },
      clock,
      readUpstreamDocument,
    });
    this.#unpublishes = new Unpublishes(ledger);
    this.#distTags = new DistTagWrites(ledger);
  }

  /**
   * `PUT /:pkg` and `PUT /:pkg/-rev/:rev`: publish, deprecate, unpublish of one version; the body says which. All temporary files
   * are gone when it returns.
   * @throws ProxyError as {@link decodePublishBody}, {@link VersionPublishes} and {@link Unpublishes} do; `unsupported` for owners and stars.
   */
  async put(ref: PackageRef, body: Readable, who: Principal, context: PutContext): Promise<WriteAnswer> {
    const { limits, directory } = this.#options;
    const decoded = await decodePublishBody(body, { directory, limitBytes: bodyLimit(limits), jsonLimitBytes: limits.jsonBytes, signal: context.signal });
    try {
      return await this.#apply(ref, decoded, { by: who.name, signal: context.signal }, context);
    } finally {
      await decoded.dispose();
    }
  }

  /** `DELETE /:pkg/-rev/:rev`: all versions. @throws ProxyError as {@link Unpublishes}. */
  async removePackage(ref: PackageRef, who: Principal, context: { readonly revision: string | null; readonly signal?: AbortSignal }): Promise<WriteAnswer> {
    return this.#unpublishes.all(ref, { revision: context.revision, mayOmitRevision: who.kind === 'admin' }, { by: who.name, signal: context.signal });
  }

  /** `DELETE /:pkg/-/:file/-rev/:rev`, the second step of unpublishing a version. @throws ProxyError as {@link Unpublishes}. */
  async removeTarball(ref: PackageRef, file: string, who: Principal, context: { readonly signal?: AbortSignal } = {}): Promise<WriteAnswer> {
    return this.#unpublishes.tarball(ref, file, { by: who.name, signal: context.signal });
  }

  /** `PUT /-/package/:pkg/dist-tags/:tag`, whose body is a bare JSON string. @throws ProxyError as {@link DistTagWrites}. */
  async setDistTag(ref: PackageRef, tag: string, version: unknown, call: WriteBy): Promise<WriteAnswer> {
    return this.#distTags.set(ref, tag, version, writeCall(call));
  }

  /** `DELETE /-/package/:pkg/dist-tags/:tag`. @throws ProxyError as {@link DistTagWrites}. */
  async removeDistTag(ref: PackageRef, tag: string, call: WriteBy): Promise<WriteAnswer> {
    return this.#distTags.remove(ref, tag, writeCall(call));
  }

  /** `POST /-/package/:pkg/dist-tags`, whose body is a map. @throws ProxyError as {@link DistTagWrites}. */
  async mergeDistTags(ref: PackageRef, tags: unknown, call: WriteBy): Promise<WriteAnswer> {
    return this.#distTags.merge(ref, tags, writeCall(call));
  }

  async #apply(ref: PackageRef, body: PublishBody, call: WriteCall, context: PutContext): Promise<WriteAnswer> {
    const { document, attachments } = body;
    if (attachments.length > 0) {
      await context.authorize('publish');
      return this.#publishes.publish(ref, body, call);
    }
    if ((document.versions ?? null) !== null) {
      return this.#unpublishes.edit(ref, document, { ...call, revision: context.revision, authorize: context.authorize });
    }
    await context.authorize('publish');
    if (document['maintainers'] !== undefined) {
      throw new ProxyError('unsupported', 'Owners are not kept per package here: who may publish is decided by the access rules of this registry.');
    }
    if (document['users'] !== undefined) {
      throw new ProxyError('unsupported', 'This registry keeps no stars.');
    }
    throw new ProxyError('invalid', 'The body holds neither a version to publish nor a document to change.');
  }
}

/** Who changes a dist-tag. */
export interface WriteBy {
  readonly who: Principal;
  readonly signal?: AbortSignal;
}

function writeCall({ who, signal }: WriteBy): WriteCall {
  return { by: who.name, signal };
}

// Four characters of base64 for three bytes, and some room for escapes.
function bodyLimit({ publishBytes, jsonBytes }: PublishLimits): number {
  return Math.ceil((publishBytes / 3) * 4 * 1.05) + jsonBytes;
}
