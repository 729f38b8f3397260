import { ProxyError } from '@oci-package-proxy/errors';

import type { IndexEntry, PackumentIndex } from '../documents/packument-index.ts';
import { versionOfTarball } from '../package-name.ts';
import type { UpstreamCall, UpstreamPackuments } from './upstream-packuments.ts';

const RECENT_MS = 5_000;

/** Finds out what a tarball must be, the cheapest way first: `npm ci` asks for files without ever asking for a document. */
export class TarballIndex {
  readonly #upstream: UpstreamPackuments;

  constructor(upstream: UpstreamPackuments) {
    this.#upstream = upstream;
  }

  /**
   * The entry of the version whose tarball is called `file`; null when upstream has none.
   * @throws ProxyError `upstream-unavailable` and its likes when upstream cannot be asked.
   */
  async find(name: string, file: string, call: UpstreamCall = {}): Promise<IndexEntry | null> {
    const known = entryOf(this.#upstream.lastIndex(name), file);
    if (known !== null) {
      return known;
    }
    const version = versionOfTarball(name, file);
    const entry = version === null ? null : await this.#upstream.versionEntry(name, version, call);
    return entry?.file === file ? entry : this.#inDocument(name, file, call);
  }

  async #inDocument(name: string, file: string, call: UpstreamCall): Promise<IndexEntry | null> {
    const document = await this.#upstream.document(name, call);
    if (document === null) {
      return null;
    }
    const entry = entryOf(await this.#upstream.index(name, document), file);
    if (entry !== null || (!document.stale && Date.now() - document.confirmedAt <= RECENT_MS)) {
      return entry;
    }
    const again = await this.#upstream.document(name, { ...call, fresh: true });
    const found = again === null ? null : entryOf(await this.#upstream.index(name, again), file);
    if (found === null && again?.stale === true) {
      throw new ProxyError('upstream-unavailable', `${file}: not known here, and upstream cannot be asked now. Try again later.`);
    }
    return found;
  }
}

function entryOf(index: PackumentIndex | null, file: string): IndexEntry | null {
  return index?.entries.find((entry) => entry.file === file) ?? null;
}
