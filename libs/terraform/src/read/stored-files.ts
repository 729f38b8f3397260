import type { Descriptor } from '@oci-package-proxy/oci';
import { versionTag } from '@oci-package-proxy/mapping';
import type { Fact, LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import type { FileClaim } from '../links/file-claim.ts';
import { layerOf, OPENTOFU_TYPES, providerDocumentOf, pulledTag, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { isPublishedVersion, publishedArchive } from './published-provider.ts';
import { heldPackage } from './held-provider.ts';
import type { ReadCall } from './read-port.ts';

/** A file in storage. */
export interface StoredFile {
  readonly layer: Pick<Descriptor, 'digest' | 'size'>;
  /** Whether upstream had it first. */
  readonly isPulled: boolean;
}

type Claim = Omit<FileClaim, 'filename'>;

/** Finds the files that claims name in storage, by computed tags and without any list. */
export class StoredFiles {
  readonly #ledger: Pick<LedgerReader, 'fact' | 'origin'>;

  constructor(ledger: Pick<LedgerReader, 'fact' | 'origin'>) {
    this.#ledger = ledger;
  }

  /** The file of a claim, whatever its bytes are; null when nothing of the kind is stored. @throws ProxyError as the ledger does. */
  async find(ref: PackageRef, claim: Claim, { signal }: ReadCall): Promise<StoredFile | null> {
    const isPublished = (await this.#ledger.origin(ref, { signal })) === 'published';
    const { version, platform } = claim;
    if (isPublished) {
      const fact = await this.#ledger.fact(ref, versionTag(version), { signal });
      const layer = fact === null || !isPublishedVersion(fact) ? null : publishedLayer(fact, claim);
      return layer === null ? null : { layer, isPulled: false };
    }
    const fact = platform === null ? null : await this.#ledger.fact(ref, pulledTag(version, platform), { signal });
    const layer = fact === null || heldPackage(fact) === null ? null : layerOf(fact, typeOf(claim));
    return layer === null ? null : { layer, isPulled: true };
  }
}

/** The archives of a published version are layers of other manifests than the fact's own. */
function publishedLayer(fact: Fact, claim: Claim): StoredFile['layer'] | null {
  if (claim.kind !== 'provider-archive') {
    return layerOf(fact, typeOf(claim));
  }
  const archive = publishedArchive(providerDocumentOf(fact), claim.platform);
  return archive === null || archive.size === null ? null : { digest: `sha256:${archive.sha256}`, size: archive.size };
}

function typeOf({ kind }: Claim): string {
  if (kind === 'sums') {
    return TERRAFORM_TYPES.sums;
  }
  return kind === 'signature' ? TERRAFORM_TYPES.signature : OPENTOFU_TYPES.archive;
}
