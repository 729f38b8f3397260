import { createHash } from 'node:crypto';

import { EncodedDocuments, sendDocument } from '@oci-package-proxy/platform';

import type { Exchange } from './route-table.ts';

// Compressed documents, of the packages that are asked for again and again.
const CACHE_BYTES = 32 * 2 ** 20;

/** Clients refuse any other type, and some a parameter. */
export const JSON_TYPE = 'application/json';

/** Sends JSON documents: named by their bytes, compressed once. */
export class JsonDocuments {
  readonly #encoded = new EncodedDocuments(CACHE_BYTES);

  /** Answers GET or HEAD with a document. */
  async send({ request, reply }: Exchange, document: object, headers: Readonly<Record<string, string>>): Promise<void> {
    const bytes = Buffer.from(JSON.stringify(document));
    const revision = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    const encoded = await this.#encoded.get(revision, () => ({ bytes, revision }));
    await sendDocument(reply, request, { ...encoded, etag: revision, contentType: JSON_TYPE, headers });
  }
}
