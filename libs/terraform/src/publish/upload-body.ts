import { FormReading, sentChunks } from '@oci-package-proxy/platform/files';

import type { UploadBody } from './publish-port.ts';
import { type SentFile, UploadParts, type UploadPartsOptions } from './upload-parts.ts';

const MAX_PARTS = 1000;
const MAX_FIELD_BYTES = 64 * 1024;

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
  const form = new FormReading(parts, {
    contentType: body.contentType,
    expected: 'A release is sent as a form of the type multipart/form-data, as curl -F file=@<name> does.',
    maxParts: MAX_PARTS,
    maxFieldBytes: MAX_FIELD_BYTES,
  });
  try {
    await form.read(sentChunks(body.stream, options.signal));
    return { files: parts.files, dispose: () => parts.dispose() };
  } catch (error) {
    await form.stop();
    await parts.dispose();
    throw error;
  }
}
