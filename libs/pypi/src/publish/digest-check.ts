import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from './archive/archive-failure.ts';
import { DIGEST_FIELDS, type UploadFields } from './upload-fields.ts';
import type { DigestKind, UploadFile } from './upload-file.ts';

const MD5_BASE64 = /^[A-Za-z0-9_-]{22}(?:==)?$/;
const HEX = /^[0-9a-f]+$/i;

/**
 * Sees that the file is what was declared.
 * @throws ProxyError `unprocessable` when a digest is another one; `storage-unavailable`.
 */
export async function checkDigests(fields: UploadFields, file: UploadFile): Promise<void> {
  for (const kind of fields.declared()) {
    const declared = fields.get(DIGEST_FIELDS[kind]) ?? '';
    const digest = await file.digest(kind);
    if (hexDigest(kind, declared) !== digest) {
      throw new ProxyError('unprocessable', `The ${DIGEST_FIELDS[kind]} of the upload is ${shown(declared)}, and the file that arrived has ${digest}. It was changed on its way, or while it was uploaded; upload it again.`);
    }
  }
}

/** Clients send md5 in hex, and the public index's documentation asks for base64. */
function hexDigest(kind: DigestKind, text: string): string | null {
  if (kind === 'md5' && MD5_BASE64.test(text)) {
    return Buffer.from(text, 'base64url').toString('hex');
  }
  return HEX.test(text) ? text.toLowerCase() : null;
}
