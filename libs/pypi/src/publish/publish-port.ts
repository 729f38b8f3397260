import type { Readable } from 'node:stream';

import type { PackageRef } from '@oci-package-proxy/storage';

import type { PypiIndex } from '../config/indexes.ts';

/** Where a file of a project is published to. */
export interface PublishTargets {
  /**
   * @param name normalized.
   * @throws ProxyError `conflict` where the name is upstream's and is not merged, or upstream has it and nobody declared it ours;
   * `upstream-unavailable` and its likes where that cannot be asked now.
   */
  targetOf(index: PypiIndex, name: string, signal?: AbortSignal): Promise<PackageRef>;
}

/** A request to the upload endpoint (the "legacy" API of Warehouse). */
export interface UploadRequest {
  readonly index: PypiIndex;
  /** The Content-Type header. */
  readonly contentType: string | undefined;
  readonly body: Readable;
  /** Who uploads. */
  readonly by: string;
  /** Called as soon as the (normalized) name is known, and before anything is stored. @throws ProxyError `forbidden`, `unauthenticated`. */
  authorize(name: string): void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** How an upload ended. */
export interface UploadAnswer {
  /** `same`: the very same file is stored already. */
  readonly outcome: 'created' | 'same';
  /** Normalized. */
  readonly name: string;
  readonly filename: string;
}

/** Takes uploads. */
export interface Uploads {
  /**
   * Reads the body as a stream, checks everything, stores the file. All temporary files are gone when it returns.
   * @throws ProxyError `invalid`, `unprocessable`, `too-large`, `unsupported-media-type`; `conflict` ("… already exists …") for a
   * file that is there with other bytes or was deleted.
   */
  upload(request: UploadRequest): Promise<UploadAnswer>;
}
