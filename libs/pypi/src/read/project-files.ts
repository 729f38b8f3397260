import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange, Descriptor } from '@oci-package-proxy/oci';
import { firstBytes } from '@oci-package-proxy/platform';
import { type LedgerReader, openedOr } from '@oci-package-proxy/storage';

import type { PypiIndex } from '../config/indexes.ts';
import { fileDocumentOf, fileLayer } from '../model/pypi-fact.ts';
import { isOfOtherBytes } from './announced-digest.ts';
import type { FileLocations, StoredLocation } from './file-locations.ts';
import { storedHashes, storedVersion } from './held-file.ts';
import type { PulledFiles } from './pulled-files.ts';
import type { ReadCall, ServedFile } from './read-port.ts';
import type { UpstreamPages } from './upstream-pages.ts';

/** What {@link ProjectFiles} needs. */
export interface ProjectFilesOptions {
  readonly ledger: Pick<LedgerReader, 'open'>;
  readonly locations: FileLocations;
  readonly upstreamPages: UpstreamPages;
  readonly pulled: PulledFiles;
}

interface Lost {
  readonly name: string;
  readonly filename: string;
  readonly location: StoredLocation;
  readonly range: ByteRange | undefined;
  readonly signal: AbortSignal;
  /** Why storage did not serve it. */
  readonly failure: unknown;
}

/** The files of projects, stored or at upstream. */
export class ProjectFiles {
  readonly #options: ProjectFilesOptions;

  constructor(options: ProjectFilesOptions) {
    this.#options = options;
  }

  /** `ProjectReader.file` */
  async find(index: PypiIndex, name: string, filename: string, call: ReadCall = {}): Promise<ServedFile | null> {
    const { locations, pulled } = this.#options;
    const location = await locations.find(index, name, filename, call);
    if (location === null) {
      return null;
    }
    if (location.kind === 'listed') {
      return pulled.served({ ...location, name });
    }
    const layer = fileLayer(location.fact);
    if (layer === null) {
      throw lostFile(filename);
    }
    return this.#stored(name, location, layer);
  }

  #stored(name: string, location: StoredLocation, layer: Descriptor): ServedFile {
    const document = fileDocumentOf(location.fact);
    const file: ServedFile = {
      cache: 'hit',
      version: storedVersion(name, document),
      etag: layer.digest,
      size: layer.size,
      start: async () => Promise.resolve(file),
      open: async (range, signal) =>
        openedOr(async () => this.#options.ledger.open(location.ref, layer, { range, signal }), lostFile(document.filename), async (failure) => this.#instead({ name, filename: document.filename, location, range, signal, failure })),
    };
    return file;
  }

  /** Storage has lost the file, or is away: upstream may have it. Other bytes than the stored ones must not come under their name. */
  async #instead({ name, filename, location, range, signal, failure }: Lost): Promise<Readable> {
    const { upstream, fact } = location;
    const found = upstream === null ? null : await this.#options.upstreamPages.find(upstream, name, filename, { signal });
    const entry = found?.entry ?? null;
    const stored = storedHashes(fact, fileDocumentOf(fact));
    if (upstream === null || entry === null || isOfOtherBytes(entry.hashes, stored)) {
      throw failure;
    }
    const stream = await this.#options.pulled.served({ upstream, name, entry, stored: stored['sha256'] }).open(range, signal);
    return range === undefined ? stream : firstBytes(stream, range.end - range.start + 1);
  }
}

function lostFile(filename: string): ProxyError {
  return new ProxyError('storage-unavailable', `${filename}: storage has lost this file, and there is no upstream to fetch the same one from. Restore it from a backup of the registry.`);
}
