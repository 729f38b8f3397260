import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { ProxyError } from '@oci-package-proxy/errors';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import type { Download, DownloadRequest, Downloads, DownloadSource, SpooledFile } from '@oci-package-proxy/upstream';

/** The sha256 of `content`, lower-case hex. */
export function sha256Of(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** A source of `content`: null means that it has none, an error that it fails. */
export function sourceOf(name: string, content: string | null | ProxyError): DownloadSource & { opened: number } {
  const source = {
    name,
    opened: 0,
    open: async () => {
      source.opened += 1;
      if (content instanceof ProxyError) {
        throw content;
      }
      return content === null ? null : { offset: 0, size: content.length, validator: null, stream: Readable.from([Buffer.from(content)]) };
    },
  };
  return source;
}

/** {@link Downloads} of small files, whole: sources in order, one download for a key, checked, in a real directory. */
export class SampleDownloads implements Downloads {
  readonly #directory: string;
  readonly #downloads = new Map<string, Download>();
  /** Files that vanish between their verification and the next look, as in a full spool. */
  evictions = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<SampleDownloads> {
    return new SampleDownloads(await temporaryDirectory('sample-downloads'));
  }

  async open(request: DownloadRequest, signal: AbortSignal = new AbortController().signal): Promise<Download> {
    const running = this.#downloads.get(request.key);
    if (running !== undefined) {
      return running;
    }
    let failure = new ProxyError('not-found', `${request.subject}: nobody has it`);
    for (const source of request.sources) {
      const body = await source.open({ offset: 0, validator: null }, signal).catch((error: ProxyError) => {
        failure = error;
        return null;
      });
      if (body !== null) {
        return this.#begin(request, body.stream, body.size);
      }
    }
    throw failure;
  }

  find(key: string): Download | null {
    return this.#downloads.get(key) ?? null;
  }

  async withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null> {
    if (this.evictions > 0) {
      this.evictions -= 1;
      this.#downloads.delete(key);
    }
    const download = this.#downloads.get(key);
    return download === undefined ? null : work(await download.finished);
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  #begin(request: DownloadRequest, stream: Readable, size: number | null): Download {
    const finished = this.#fetch(request, stream);
    finished.catch(() => this.#downloads.delete(request.key));
    const follow = async function* (start: number): AsyncGenerator<Buffer> {
      yield (await readFile((await finished).path)).subarray(start);
    };
    const download = { size, finished, stream: ({ start = 0, signal }: { start?: number; signal?: AbortSignal } = {}) => Readable.from(follow(start), { signal }) };
    this.#downloads.set(request.key, download);
    return download;
  }

  async #fetch(request: DownloadRequest, stream: Readable): Promise<SpooledFile> {
    const content = await buffer(stream);
    if (request.expected.sha256 !== undefined && sha256Of(content) !== request.expected.sha256) {
      throw new ProxyError('integrity', `${request.subject}: wrong bytes`);
    }
    const path = join(this.#directory, sha256Of(request.key));
    await writeFile(path, content);
    const hex = (algorithm: string): string => createHash(algorithm).update(content).digest('hex');
    const file = { path, size: content.length, sha256: hex('sha256'), sha512: hex('sha512'), sha1: hex('sha1'), md5: hex('md5') };
    await request.onVerified?.(file);
    return file;
  }
}
