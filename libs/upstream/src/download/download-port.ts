import type { Readable } from 'node:stream';

import type { ExpectedContent } from '@oci-package-proxy/oci';

/** Where the bytes of a file can be had. Sources are tried in order; the next one continues where the last one stopped. */
export interface DownloadSource {
  /** For logs and errors: `upstream`, or `spool of <holder id>`. */
  readonly name: string;
  /**
   * Opens the file at `offset` bytes. A source that cannot continue in the middle answers with offset 0.
   * @param at `validator` is what the first source said of the bytes before `offset` (an ETag), for `If-Range`.
   * @returns null when the source does not have the file.
   * @throws ProxyError `upstream-unavailable`, `upstream-denied`, `rate-limited`, `loop`.
   */
  open(at: { readonly offset: number; readonly validator: string | null }, signal: AbortSignal): Promise<SourceBody | null>;
}

/** Bytes from a source. */
export interface SourceBody {
  /** Where `stream` begins, in bytes. */
  readonly offset: number;
  /** Bytes of the whole file, where the source says so. */
  readonly size: number | null;
  readonly validator: string | null;
  readonly stream: Readable;
}

/** A file that somebody wants. */
export interface DownloadRequest {
  /** The file's identity on this and on every other replica: `<ecosystem>/<package>/<file>/<digest>`. */
  readonly key: string;
  /** What the bytes must be. Without sha256 or sha512 the file is spooled whole before its first byte is served. */
  readonly expected: ExpectedContent;
  readonly sources: readonly DownloadSource[];
  /** For errors: "tarball left-pad-1.0.0.tgz of npm package left-pad". */
  readonly subject: string;
  /** Called once, when the file is verified and in the spool, before `finished` resolves: where the ingest job is handed in. Its failure is logged only. */
  readonly onVerified?: (file: SpooledFile) => Promise<void>;
}

/** A verified file in the spool. It may be evicted when nobody holds it; `retain` it while reading. */
export interface SpooledFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hex; all of them are computed in one pass. */
  readonly sha256: string;
  readonly sha512: string;
  readonly sha1: string;
  readonly md5: string;
}

/** A file that is being fetched, or is there. */
export interface Download {
  /** Bytes of the whole file, as soon as a source has said so; null when none does. */
  readonly size: number | null;
  /**
   * The bytes from `start` (default 0), following the file as it grows. The last 64 KiB come when the digest is right; on a
   * wrong digest the stream is destroyed with code `integrity`. Leaving it does not stop the others.
   */
  stream(options?: { readonly start?: number; readonly signal?: AbortSignal }): Readable;
  /** Resolves with the verified file; rejects as the streams do. Unhandled rejections are not raised. */
  readonly finished: Promise<SpooledFile>;
}

/** One fetch for everybody who waits. */
export interface Downloads {
  /**
   * Joins the running download of `request.key`, finds it in the spool, or starts it. Resolves when the first source
   * answered (so that a missing file is still a clean error), or at once when it is running.
   * @throws ProxyError `not-found` when every source says so, else what the last source failed with.
   */
  open(request: DownloadRequest, signal?: AbortSignal): Promise<Download>;
  /** The verified file or the running download of `key`, or null: what the internal spool route serves. */
  find(key: string): Download | null;
  /** Runs `work` with the spooled file protected from eviction; null when it is not in the spool. */
  withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null>;
  /** The spooled file of `key` turned out to be of no use: whoever comes next has it fetched anew. A running download goes on. */
  forget(key: string): void;
  /** Ends running downloads, removes this process's spool directory. */
  close(): Promise<void>;
}
