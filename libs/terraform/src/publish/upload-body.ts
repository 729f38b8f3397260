import type { Writable } from 'node:stream';

import type { UploadBody } from './publish-port.ts';
import { sentChunks } from './sent-chunks.ts';
import { formParser, type SentFile, UploadParts, type UploadPartsOptions } from './upload-parts.ts';

/** How the body of an upload is read. */
export interface UploadBodyOptions extends UploadPartsOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What was sent. Whoever has it must dispose of it. */
export interface SentRelease {
  readonly files: readonly SentFile[];
  /** Removes the temporary files. Never throws. */
  dispose(): Promise<void>;
}

/**
 * Reads a form in whatever order its parts are: files go hashed to temporary files as they come in, and memory holds one piece of
 * each. On failure the body is left as it is, for whoever answers; only `signal` destroys it.
 * @throws ProxyError `unsupported-media-type`; `invalid` for what is no multipart form, breaks off, or has files that are none of a
 * release, or twice; `too-large` as soon as it is; `aborted` when the sender leaves; `storage-unavailable` when the disk takes no
 * more; what the callbacks throw. No file is left then.
 */
export async function readUploadBody(body: UploadBody, options: UploadBodyOptions): Promise<SentRelease> {
  const parts = new UploadParts(options);
  try {
    const parser = formParser(body.contentType, parts, options);
    for await (const chunk of sentChunks(body.stream, options.signal)) {
      await write(parser, chunk, parts);
    }
    await end(parser, parts);
    const files = await parts.files();
    return { files, dispose: () => parts.dispose() };
  } catch (error) {
    await parts.dispose();
    throw error;
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
