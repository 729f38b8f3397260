import { ProxyError } from '@oci-package-proxy/errors';
import type { LastStates, LedgerReader } from '@oci-package-proxy/storage';

import type { PypiIndex, PypiUpstream } from '../config/indexes.ts';
import { fileDocumentOf } from '../model/pypi-fact.ts';
import type { FileLocation, FileLocations, StoredLocation } from './file-locations.ts';
import { servedAttestations } from './held-file.ts';
import type { LastState } from './last-state.ts';
import type { ReadCall, ServedBytes } from './read-port.ts';
import { readSmallLayer } from './small-layer.ts';
import { isUpstreamFailure } from './upstream-failure.ts';
import { sha256Of } from './upstream-metadata.ts';
import { isPinned } from './upstream-overlay.ts';
import type { UpstreamPages } from './upstream-pages.ts';

const ACCEPT = 'application/vnd.pypi.integrity.v1+json, application/json;q=0.5';

/** What {@link Provenances} needs. */
export interface ProvenancesOptions {
  readonly ledger: Pick<LedgerReader, 'fold' | 'open'>;
  readonly locations: FileLocations;
  readonly upstreamPages: UpstreamPages;
  readonly states: LastStates<LastState>;
}

/** Provenance documents of files: PEP 740. Ours are made of what was uploaded; upstream's are passed on as they are. */
export class Provenances {
  readonly #options: ProvenancesOptions;

  constructor(options: ProvenancesOptions) {
    this.#options = options;
  }

  /** `ProjectReader.provenance` */
  async get(index: PypiIndex, name: string, filename: string, call: ReadCall = {}): Promise<ServedBytes | null> {
    const location = await this.#options.locations.find(index, name, filename, call);
    if (location === null) {
      return null;
    }
    if (location.kind === 'published') {
      return this.#uploaded(location, call);
    }
    const url = await this.#urlOf(name, filename, { location, call });
    return url === null || location.upstream === null ? null : fetchDocument(location.upstream, url, call);
  }

  async #uploaded({ ref, fact }: StoredLocation, { signal }: ReadCall): Promise<ServedBytes | null> {
    const layer = servedAttestations(fact);
    if (layer === null) {
      return null;
    }
    const attestations = await readSmallLayer(this.#options.ledger, ref, { layer, signal });
    if (attestations === null) {
      throw new ProxyError('storage-unavailable', `${fileDocumentOf(fact).filename}: storage has lost its attestations. Restore them from a backup of the registry.`);
    }
    // Nobody here has checked who published it: https://peps.python.org/pep-0740/#provenance-objects lets an index say so.
    const publisher = { kind: 'oci-package-proxy', claims: null };
    const bytes = Buffer.from(`{"version":1,"attestation_bundles":[{"publisher":${JSON.stringify(publisher)},"attestations":${attestations.toString('utf8')}}]}`, 'utf8');
    return { bytes, etag: `sha256:${sha256Of(bytes)}` };
  }

  /** Null where upstream shows none, or shows it for other bytes than the stored ones. */
  async #urlOf(name: string, filename: string, { location, call }: { readonly location: FileLocation; readonly call: ReadCall }): Promise<string | null> {
    if (location.kind === 'listed') {
      return location.entry.provenanceUrl;
    }
    const { upstream, fact } = location;
    if (upstream === null) {
      return null;
    }
    try {
      const entry = (await this.#options.upstreamPages.find(upstream, name, filename, call))?.entry ?? null;
      return entry === null || isPinned(fact, entry) ? null : entry.provenanceUrl;
    } catch (error) {
      const url = isUpstreamFailure(error) ? await this.#lastUrl(location, filename, call) : undefined;
      if (url === undefined) {
        throw error;
      }
      return url;
    }
  }

  async #lastUrl({ ref }: StoredLocation, filename: string, { signal }: ReadCall): Promise<string | undefined> {
    const { ledger, states } = this.#options;
    const { provenance } = await states.of(ref, await ledger.fold(ref, { signal }), signal);
    return provenance.get(filename);
  }
}

async function fetchDocument({ documents }: PypiUpstream, url: string, { signal, fresh = false }: ReadCall): Promise<ServedBytes | null> {
  const document = await documents.get({ url, accept: ACCEPT, fresh, ...(signal === undefined ? {} : { signal }) });
  if (document !== null && !isJsonObject(document.bytes)) {
    throw new ProxyError('upstream-unavailable', 'What upstream answers where it says that provenance is, is none. Look at what stands before it.');
  }
  return document === null ? null : { bytes: document.bytes, etag: `sha256:${sha256Of(document.bytes)}` };
}

/** What a gateway in between says is mostly HTML, and must not come as a provenance document. */
function isJsonObject(bytes: Buffer): boolean {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof document === 'object' && document !== null && !Array.isArray(document);
  } catch {
    return false;
  }
}
