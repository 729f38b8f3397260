import type { Readable } from 'node:stream';

import type { ByteRange } from '@oci-package-proxy/oci';

import type { PypiIndex } from '../config/indexes.ts';
import type { ProjectPage } from '../model/project-page.ts';

/** How something is asked for. */
export interface ReadCall {
  readonly signal?: AbortSignal | undefined;
  /** Passes over what is cached. */
  readonly fresh?: boolean;
}

/** A page and what names its content. */
export interface RevisedPage {
  readonly page: ProjectPage;
  /** Changes if and only if the page does. */
  readonly revision: string;
}

/** A file that can be had. */
export interface ServedFile {
  /** Where it is: for logs and metrics. */
  readonly cache: 'hit' | 'miss';
  readonly version: string | null;
  /** Text of the strong entity tag, the same before and after the file is stored: `sha256:<hex>` where anybody says a sha256. */
  readonly etag: string;
  /** Bytes; null while nobody knows. */
  readonly size: number | null;
  /** What is known once the download has begun: its size where the index does not say. @throws ProxyError as `Downloads.open`. */
  start(signal?: AbortSignal): Promise<ServedFile>;
  /** The bytes, or exactly `range` of them (on a miss: one that reaches to the end). @throws ProxyError `upstream-unavailable` and its likes, `storage-unavailable`. */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
}

/** A small document, whole. */
export interface ServedBytes {
  readonly bytes: Buffer;
  /** Text of the strong entity tag. */
  readonly etag: string;
}

/**
 * What is shown of projects in an index. `name` is always normalized. Everything is null when the project, the file or what is
 * asked of it does not exist, and whoever would know was asked: never because upstream failed, never from a list that was cached.
 * All throw `ProxyError` as the ledger does, and `upstream-unavailable` and its likes when upstream cannot be asked and nothing is held.
 */
export interface ProjectReader {
  page(index: PypiIndex, name: string, call?: ReadCall): Promise<RevisedPage | null>;
  file(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedFile | null>;
  /** Core metadata of a wheel: PEP 658. */
  metadata(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedBytes | null>;
  /** Core metadata of any file that is held: for what is shown of the project, never announced. */
  description(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<Buffer | null>;
  /** The provenance document of a file: PEP 740. */
  provenance(index: PypiIndex, name: string, filename: string, call?: ReadCall): Promise<ServedBytes | null>;
  /** Names in the catalogue that the index may show, in no order; the root list, never needed to answer for one project. */
  names(index: PypiIndex, call?: ReadCall): AsyncIterable<string>;
}
