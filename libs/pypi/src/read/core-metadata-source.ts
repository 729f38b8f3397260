import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';
import type { Descriptor } from '@oci-package-proxy/oci';
import type { LedgerReader } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiUpstream } from '../config/indexes.ts';
import type { UpstreamFile } from '../model/project-page.ts';
import { fileDocumentOf, metadataLayer } from '../model/pypi-fact.ts';
import type { FileLocation, FileLocations, StoredLocation } from './file-locations.ts';
import { metadataInFile } from './file-metadata.ts';
import { announcedMetadata, MAX_METADATA_BYTES } from './held-file.ts';
import type { PulledFiles } from './pulled-files.ts';
import type { ReadCall, ServedBytes } from './read-port.ts';
import { readSmallLayer } from './small-layer.ts';
import { fetchAnnouncedMetadata, sha256Of } from './upstream-metadata.ts';
import { isPinned } from './upstream-overlay.ts';
import type { UpstreamPages } from './upstream-pages.ts';

const CACHE_BYTES = 64 * 2 ** 20;
const ENTRY_BYTES = 256;

/** What {@link CoreMetadataSource} needs. */
export interface CoreMetadataSourceOptions {
  readonly ledger: Pick<LedgerReader, 'open'>;
  readonly locations: FileLocations;
  readonly upstreamPages: UpstreamPages;
  readonly pulled: PulledFiles;
}

interface Announced {
  readonly upstream: PypiUpstream;
  readonly entry: UpstreamFile;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** The core metadata of files: PEP 658. What an index announces of a wheel is what is served, whoever has it. */
export class CoreMetadataSource {
  readonly #options: CoreMetadataSourceOptions;
  /** By sha256. */
  readonly #known = new LRUCache<string, Buffer>({ maxSize: CACHE_BYTES, sizeCalculation: ({ length }) => length + ENTRY_BYTES });

  constructor(options: CoreMetadataSourceOptions) {
    this.#options = options;
  }

  /** `ProjectReader.metadata` @throws ProxyError `integrity` when what upstream announces cannot be had anywhere. */
  async metadata(index: PypiIndex, name: string, filename: string, call: ReadCall = {}): Promise<ServedBytes | null> {
    if (!filename.endsWith('.whl')) {
      return null;
    }
    const location = await this.#options.locations.find(index, name, filename, call);
    return location === null ? null : this.#of(name, location, call);
  }

  /** `ProjectReader.description` */
  async description(index: PypiIndex, name: string, filename: string, call: ReadCall = {}): Promise<Buffer | null> {
    const location = await this.#options.locations.find(index, name, filename, call);
    const layer = location === null || location.kind === 'listed' ? null : metadataLayer(location.fact);
    if (location === null || location.kind === 'listed' || layer === null || layer.size > MAX_METADATA_BYTES) {
      return location === null || !filename.endsWith('.whl') ? null : ((await this.#of(name, location, call))?.bytes ?? null);
    }
    return this.#layer(location, layer, call);
  }

  async #of(name: string, location: FileLocation, { signal }: ReadCall): Promise<ServedBytes | null> {
    if (location.kind === 'listed') {
      return this.#announced({ ...location, name, signal });
    }
    const document = fileDocumentOf(location.fact);
    const layer = announcedMetadata(location.fact, document);
    const bytes = layer === null ? null : await this.#layer(location, layer, { signal });
    if (layer !== null && bytes !== null) {
      return { bytes, etag: layer.digest };
    }
    const { upstream } = location;
    const entry = upstream === null ? null : ((await this.#options.upstreamPages.find(upstream, name, document.filename, { signal }))?.entry ?? null);
    const isSame = entry !== null && !isPinned(location.fact, entry) && (layer === null || layer.digest === `sha256:${entry.metadataSha256}`);
    if (upstream !== null && isSame) {
      return this.#announced({ upstream, entry, name, signal });
    }
    if (layer !== null) {
      throw new ProxyError('storage-unavailable', `${document.filename}: storage has lost its metadata, and there is no upstream to fetch the same from. Restore it from a backup of the registry.`);
    }
    return null;
  }

  async #layer({ ref }: StoredLocation, layer: Descriptor, { signal }: ReadCall): Promise<Buffer | null> {
    const known = this.#known.get(layer.digest);
    if (known !== undefined) {
      return known;
    }
    const bytes = await readSmallLayer(this.#options.ledger, ref, { layer, signal });
    return bytes === null ? null : this.#keep(layer.digest, bytes);
  }

  async #announced(announced: Announced): Promise<ServedBytes | null> {
    const { upstream, entry, signal } = announced;
    if (entry.metadataSha256 === null) {
      return null;
    }
    const etag = `sha256:${entry.metadataSha256}`;
    const bytes = this.#known.get(etag) ?? (await fetchAnnouncedMetadata(upstream, entry, signal)) ?? (await this.#inWheel(announced));
    return { bytes: this.#keep(etag, bytes), etag };
  }

  /** Upstream announces what it does not serve: the wheel itself has it. */
  async #inWheel({ upstream, entry, name, signal }: Announced): Promise<Buffer> {
    const bytes = await this.#options.pulled.withFile({ upstream, name, entry }, signal, async ({ path }) => metadataInFile(path, { filename: entry.filename, project: name, version: entry.version }));
    if (bytes === null || sha256Of(bytes) !== entry.metadataSha256) {
      throw new ProxyError('integrity', `${entry.filename}: upstream announces metadata that it does not serve, and the file has other metadata. Compare upstream's index with the file itself.`);
    }
    return bytes;
  }

  #keep(digest: string, bytes: Buffer): Buffer {
    this.#known.set(digest, bytes);
    return bytes;
  }
}
