import { LRUCache } from 'lru-cache';

import type { Descriptor } from '@oci-package-proxy/oci';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import { lenientSums } from '../archives/sha256-sums.ts';
import { layerOf, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import type { ProviderVersion } from './file-claims.ts';
import type { HeldPackage } from './held-provider.ts';
import { readStoredLayer } from './stored-layer.ts';
import { archivesInSums, type VersionArchives, withHeld } from './version-archives.ts';

/** Lines of all SHA256SUMS that are kept read. */
const MAX_LINES = 100_000;

/** SHA256SUMS of what was pulled through, whose signature was checked before they were stored. */
export class StoredSums {
  readonly #ledger: Pick<LedgerReader, 'open'>;
  /** By digest. */
  readonly #read = new LRUCache<string, ReadonlyMap<string, string>>({ maxSize: MAX_LINES, sizeCalculation: (files) => Math.min(MAX_LINES, files.size + 1) });

  constructor(ledger: Pick<LedgerReader, 'open'>) {
    this.#ledger = ledger;
  }

  /** All archives of a version: those that are held, and what the sums that were stored with them name. @throws ProxyError as the ledger does. */
  async archives(ref: PackageRef, of: ProviderVersion, { held, signal }: { readonly held: readonly HeldPackage[]; readonly signal?: AbortSignal | undefined }): Promise<VersionArchives> {
    const sums = held.map(({ fact }) => layerOf(fact, TERRAFORM_TYPES.sums)).find((layer) => layer !== null);
    const files = sums === undefined ? null : await this.#files(ref, sums, signal);
    return withHeld(files === null ? new Map() : archivesInSums(files, of), held).archives;
  }

  /** Null when storage has lost them. */
  async #files(ref: PackageRef, layer: Descriptor, signal: AbortSignal | undefined): Promise<ReadonlyMap<string, string> | null> {
    const known = this.#read.get(layer.digest);
    if (known !== undefined) {
      return known;
    }
    const bytes = await readStoredLayer(this.#ledger, ref, { layer, signal });
    if (bytes === null) {
      return null;
    }
    const files = lenientSums(bytes);
    this.#read.set(layer.digest, files);
    return files;
  }
}
