import { ProxyError } from '@oci-package-proxy/errors';
import { sentChunks } from '@oci-package-proxy/platform/files';

import type { UploadBody } from '../publish/publish-port.ts';
import { fileOf, type UploadFile } from '../publish/upload-file.ts';
import { fileOfForm, isForm } from './module-form.ts';

/** How the body of an upload is read. */
export interface ReceiveOptions {
  /** Where the temporary file goes; it must exist. */
  readonly directory: string;
  /** The most that an archive may have, in bytes. */
  readonly limits: { readonly publishBytes: number };
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes the archive that somebody sends to a temporary file, which whoever calls must dispose of: the body itself, whatever its type
 * says, or the one file of a form.
 * @throws ProxyError `invalid` for an empty body, and for a form that is none or has no or several files; `too-large` as soon as it is;
 * `aborted` when the sender leaves; `storage-unavailable` when the disk takes no more. No file is left then.
 */
export async function receiveModule({ contentType, stream }: UploadBody, { directory, limits, signal }: ReceiveOptions): Promise<UploadFile> {
  const chunks = sentChunks(stream, signal);
  const room = { directory, name: "The module's archive", limit: limits.publishBytes };
  const file = await (isForm(contentType) ? fileOfForm(contentType, chunks, room) : fileOf(chunks, room));
  if (file.size === 0) {
    await file.dispose();
    throw new ProxyError('invalid', 'The upload is empty. Send the module as a zip or tar.gz, for example with curl --upload-file module.tar.gz.');
  }
  return file;
}
