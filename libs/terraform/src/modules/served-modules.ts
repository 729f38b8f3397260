import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange, Descriptor } from '@oci-package-proxy/oci';
import { type LedgerReader, openedOr } from '@oci-package-proxy/storage';

import type { FileClaim } from '../links/file-claim.ts';
import { moduleText } from '../model/address.ts';
import { layerOf, OPENTOFU_TYPES } from '../model/terraform-fact.ts';
import type { ReadCall, ServedFile } from '../read/read-port.ts';
import { lostFile } from '../read/stored-layer.ts';
import type { ModuleLocations, StoredModule } from './module-locations.ts';
import { moduleAddressOf } from './module-name.ts';
import { isAskedModule } from './module-places.ts';
import type { NormalizedModules } from './normalized-modules.ts';
import { downloadRequest, type PulledModule } from './pulled-modules.ts';

const ZIP = 'application/zip';

/** What {@link ServedModules} needs. */
export interface ServedModulesOptions {
  readonly ledger: Pick<LedgerReader, 'open'>;
  readonly locations: ModuleLocations;
  readonly normalized: NormalizedModules;
}

/** The archives of modules: as they are stored, or as they are made of what upstream has. */
export class ServedModules {
  readonly #options: ServedModulesOptions;

  constructor(options: ServedModulesOptions) {
    this.#options = options;
  }

  /** `ModuleReader.file` */
  async find(claim: Omit<FileClaim, 'filename'>, call: ReadCall = {}): Promise<ServedFile | null> {
    const address = claim.kind === 'module-archive' ? moduleAddressOf(claim.package) : null;
    const found = address === null ? null : await this.#options.locations.find(address, claim.version, call);
    if (found === null) {
      return null;
    }
    if (found.kind === 'listed') {
      return this.#made(found.module, claim.sha256);
    }
    const layer = layerOf(found.fact, OPENTOFU_TYPES.archive);
    if (layer === null) {
      throw lostFile(textOf(found));
    }
    return this.#stored(found, layer);
  }

  #stored(found: StoredModule, layer: Descriptor): ServedFile {
    const file: ServedFile = {
      cache: 'hit',
      etag: layer.digest,
      size: layer.size,
      contentType: ZIP,
      start: async () => Promise.resolve(file),
      open: async (range, signal) =>
        openedOr(async () => this.#options.ledger.open(found.place.ref, layer, { range, signal }), lostFile(textOf(found)), async (failure) => this.#instead(found, layer, { range, signal, failure })),
    };
    return file;
  }

  /** Storage has lost the archive, or is away: upstream may have what it was made of. Other bytes than the stored ones must not come under their name. @throws `failure`. */
  async #instead(found: StoredModule, layer: Descriptor, { range, signal, failure }: { readonly range: ByteRange | undefined; readonly signal: AbortSignal; readonly failure: unknown }): Promise<Readable> {
    const { place, fact } = found;
    const module = isAskedModule(place) ? await this.#options.locations.atUpstream(place, fact.version, { signal }) : null;
    if (module === null) {
      throw failure;
    }
    return this.#opened(module, layer.digest, { range, signal });
  }

  /** @param sha256 what it has to be, as a link says that was made while it was stored; null: nobody has said. */
  #made(module: PulledModule, sha256: string | null): ServedFile {
    const { normalized } = this.#options;
    const etag = sha256 === null ? null : `sha256:${sha256}`;
    const file: ServedFile = {
      cache: 'miss',
      etag: etag ?? `unknown:${createHash('sha256').update(downloadRequest(module).key).digest('hex')}`,
      // What it comes to is known once it is made.
      size: null,
      contentType: ZIP,
      start: async (signal) => {
        const made = await normalized.get(module, signal);
        checkSame(module, `sha256:${made.sha256}`, etag);
        return { ...file, etag: `sha256:${made.sha256}`, size: made.size };
      },
      open: async (range, signal) => this.#opened(module, etag, { range, signal }),
    };
    return file;
  }

  async #opened(wanted: PulledModule, digest: string | null, { range, signal }: { readonly range: ByteRange | undefined; readonly signal: AbortSignal }): Promise<Readable> {
    const { module, stream } = await this.#options.normalized.open(wanted, range, signal);
    try {
      checkSame(wanted, `sha256:${module.sha256}`, digest);
      return stream;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }
}

/** @throws ProxyError `storage-unavailable` for other bytes than those that were stored. */
function checkSame({ address, version }: PulledModule, digest: string, wanted: string | null): void {
  if (wanted !== null && wanted !== digest) {
    throw new ProxyError('storage-unavailable', `${moduleText(address)} ${version}: storage has lost this, and what is made of upstream's archive now is not the same. Restore it from a backup of the registry.`);
  }
}

function textOf({ place, fact }: StoredModule): string {
  return `${moduleText(place.address)} ${fact.version}`;
}
