import { createHash } from 'node:crypto';

import { EncodedDocuments, type RenderedDocument, sendDocument } from '@oci-package-proxy/platform';

import type { Exchange } from './exchange.ts';

// Compressed documents, of the packages that are asked for again and again.
const CACHE_BYTES = 32 * 2 ** 20;

/** Clients refuse any other type, and some a parameter. */
export const JSON_TYPE = 'application/json';

/** What a document is made of: `make` always makes the same of `source`. */
interface DocumentSource<S extends object> {
  /** Handed out again, and never changed, as long as what it says is the same. */
  readonly source: S;
  /** The same function for all documents of a kind. */
  readonly make: (source: S) => object;
}

type Headers = Readonly<Record<string, string>>;

/** Sends JSON documents: named by their bytes, compressed once. */
export class JsonDocuments {
  readonly #encoded = new EncodedDocuments(CACHE_BYTES);
  /** By how it is made, and of what: the lists of some providers have thousands of versions. */
  readonly #revisions = new Map<unknown, WeakMap<object, string>>();

  /** Answers GET or HEAD with a document. */
  async send(exchange: Exchange, document: object, headers: Headers): Promise<void> {
    const rendered = render(document);
    await this.#answer(exchange, rendered.revision, { headers, made: () => rendered });
  }

  /** Answers GET or HEAD with a document that is made once for all who ask for it while nothing changes. */
  async sendOf<S extends object>(exchange: Exchange, { source, make }: DocumentSource<S>, headers: Headers): Promise<void> {
    const revisions = this.#revisions.get(make) ?? new WeakMap<object, string>();
    this.#revisions.set(make, revisions);
    const known = revisions.get(source);
    const rendered = known === undefined ? render(make(source)) : null;
    const revision = known ?? rendered?.revision ?? '';
    revisions.set(source, revision);
    await this.#answer(exchange, revision, { headers, made: () => rendered ?? render(make(source)) });
  }

  async #answer({ request, reply }: Exchange, revision: string, { headers, made }: { readonly headers: Headers; readonly made: () => RenderedDocument }): Promise<void> {
    const encoded = await this.#encoded.get(revision, made);
    await sendDocument(reply, request, { ...encoded, etag: revision, contentType: JSON_TYPE, headers });
  }
}

function render(document: object): RenderedDocument {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, revision: createHash('sha256').update(bytes).digest('hex').slice(0, 32) };
}
