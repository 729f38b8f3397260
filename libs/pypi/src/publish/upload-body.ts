import type { Readable, Writable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';

import { UploadFields } from './upload-fields.ts';
import type { UploadFile } from './upload-file.ts';
import { formParser, UploadParts, type UploadPartsOptions } from './upload-parts.ts';

// Text fields, and what is around the parts.
const ROOM_BYTES = 96 * 2 ** 20;

/** How the body of an upload is read. */
export interface UploadBodyOptions extends UploadPartsOptions {
  /** The Content-Type header. */
  readonly contentType: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was sent. Whoever has it must dispose of it. */
export interface UploadBody {
  readonly fields: UploadFields;
  /** Null: there was none. */
  readonly content: { readonly filename: string; readonly file: UploadFile } | null;
  /** Removes the temporary file. Never throws. */
  dispose(): Promise<void>;
}

/**
 * Reads the body of an upload in whatever order its parts are: the file goes hashed to a temporary file as it comes in, and memory
 * holds the fields that are looked at. On failure the body is left as it is, for whoever answers; only `signal` destroys it.
 * @throws ProxyError `unsupported-media-type`; `invalid` for what is no multipart form, or breaks off; `too-large` as soon as it is;
 * `aborted` when the sender leaves; `storage-unavailable` when the disk takes no more; what `onName` throws. No file is left then.
 */
export async function readUploadBody(body: Readable, options: UploadBodyOptions): Promise<UploadBody> {
  const parts = new UploadParts(options);
  try {
    const parser = formParser(options.contentType, parts);
    for await (const chunk of sentChunks(body, options)) {
      await write(parser, chunk, parts);
    }
    await end(parser, parts);
    const content = await parts.content();
    return { fields: parts.fields, content, dispose: () => parts.dispose() };
  } catch (error) {
    await parts.dispose();
    throw error;
  }
}

async function* sentChunks(body: Readable, { limits, signal }: UploadBodyOptions): AsyncGenerator<Buffer> {
  const abort = (): void => void body.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  let size = 0;
  try {
    signal?.throwIfAborted();
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limits.publishBytes + ROOM_BYTES) {
        throw new ProxyError('too-large', `The upload is larger than the ${limits.publishBytes} bytes that a file may have here.`);
      }
      yield chunk;
    }
  } catch (error) {
    throw error instanceof ProxyError ? error : new ProxyError('aborted', 'Reading the upload: the sender left before its end.', { cause: error });
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** The parser takes more only once what it has was put away: so much is asked of the body, and no more. */
async function write(parser: Writable, chunk: Buffer, parts: UploadParts): Promise<void> {
  let isTaken = false;
  parser.write(chunk, () => {
    isTaken = true;
  });
  await parts.until(() => isTaken);
}

async function end(parser: Writable, parts: UploadParts): Promise<void> {
  let isFinished = false;
  parser.once('finish', () => {
    isFinished = true;
  });
  parser.end();
  await parts.until(() => isFinished);
}
