import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { FormReading, sentChunks } from '@oci-package-proxy/platform/files';

import { MAX_FIELD_BYTES, type UploadFields } from './upload-fields.ts';
import type { UploadFile } from './upload-file.ts';
import { UploadParts, type UploadPartsOptions } from './upload-parts.ts';

const MAX_PARTS = 10_000;
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
  const form = new FormReading(parts, {
    contentType: options.contentType,
    expected: 'An upload is a form of the type multipart/form-data, as twine and its likes send it.',
    maxParts: MAX_PARTS,
    maxFieldBytes: MAX_FIELD_BYTES,
  });
  try {
    await form.read(limited(sentChunks(body, options.signal), options.limits));
    return { fields: parts.fields, content: parts.content, dispose: () => parts.dispose() };
  } catch (error) {
    await form.stop();
    await parts.dispose();
    throw error;
  }
}

async function* limited(chunks: AsyncIterable<Buffer>, { publishBytes }: UploadBodyOptions['limits']): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > publishBytes + ROOM_BYTES) {
      throw new ProxyError('too-large', `The upload is larger than the ${publishBytes} bytes that a file may have here.`);
    }
    yield chunk;
  }
}
