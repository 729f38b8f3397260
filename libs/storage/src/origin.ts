import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, type Digest, EMPTY_BYTES, isManifest, type ManifestBytes, parseManifest, type Registry, type Repository } from '@oci-package-proxy/oci';
import { LRUCache } from 'lru-cache';

import { decideTag } from './decide-rounds.ts';
import type { LedgerCall } from './ledger-port.ts';
import { withLostParts } from './lost-parts.ts';
import { markerManifest } from './marker.ts';
import type { Origin, PackageRef } from './package-ref.ts';
import { ORIGIN_TAG } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

// Counted by size: a cache with a fixed number of places takes the memory for all of them at once.
const REMEMBERED = 100_000;

/** The marker of an origin; its bytes depend on the origin alone. */
export function originManifest(origin: Origin): ManifestBytes {
  return markerManifest(LEDGER_TYPES.origin, ORIGIN_TAG, { [ANNOTATIONS.origin]: origin });
}

/** The origin in a marker; null when it is none. @throws ProxyError `integrity` when the bytes are no manifest. */
export function decodeOrigin(stored: ManifestBytes): Origin | null {
  const manifest = parseManifest(stored);
  const origin = manifest.annotations?.[ANNOTATIONS.origin];
  if (!isManifest(manifest) || manifest.artifactType !== LEDGER_TYPES.origin || manifest.annotations?.[ANNOTATIONS.tag] !== ORIGIN_TAG) {
    return null;
  }
  return origin === 'published' || origin === 'upstream' ? origin : null;
}

/** Where packages come from: decided once, and so remembered for good. */
export class Origins {
  readonly #registry: Registry;
  readonly #random: () => number;
  readonly #decided = new LRUCache<string, Origin>({ maxSize: REMEMBERED, sizeCalculation: () => 1 });

  constructor(registry: Registry, random: () => number) {
    this.#registry = registry;
    this.#random = random;
  }

  /** What was decided, or null. @throws ProxyError `integrity` when the tag holds something else. */
  async read(ref: PackageRef, { signal }: LedgerCall = {}): Promise<Origin | null> {
    const known = this.#decided.get(ref.repository);
    if (known !== undefined) {
      return known;
    }
    const stored = await this.#registry.repository(ref.repository).readManifest(ORIGIN_TAG, { signal });
    return stored === null ? null : this.#remember(ref, stored);
  }

  /** What was decided; `wanted` when nothing was. */
  async decide(ref: PackageRef, wanted: Origin, call: LedgerCall = {}): Promise<Origin> {
    const decided = await this.read(ref, call);
    if (decided !== null) {
      return decided;
    }
    const repository = this.#registry.repository(ref.repository);
    const marker = originManifest(wanted);
    const winner = await withLostParts(`the origin of ${ref.name}`, async () => {
      await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal: call.signal });
      return this.#winner(repository, marker, call);
    });
    if (winner === marker.digest) {
      this.#decided.set(ref.repository, wanted);
      return wanted;
    }
    return this.#remember(ref, await winning(repository, winner, call));
  }

  async #winner(repository: Repository, marker: ManifestBytes, { signal }: LedgerCall): Promise<Digest> {
    try {
      return await decideTag(repository, ORIGIN_TAG, marker, { signal, random: this.#random });
    } catch (error) {
      // Nobody who stores a version can do anything about it: it is no conflict between them.
      throw isProxyError(error, 'conflict') ? new ProxyError('integrity', error.message, { cause: error }) : error;
    }
  }

  #remember(ref: PackageRef, stored: ManifestBytes): Origin {
    const origin = decodeOrigin(stored);
    if (origin === null) {
      throw new ProxyError('integrity', `The tag ${ORIGIN_TAG} of ${ref.repository} does not say where the package comes from; whoever wrote it was not this program. Remove it.`);
    }
    this.#decided.set(ref.repository, origin);
    return origin;
  }
}

async function winning(repository: Repository, digest: string, { signal }: LedgerCall): Promise<ManifestBytes> {
  const stored = (await repository.readManifest(ORIGIN_TAG, { signal })) ?? (await repository.readManifest(digest, { signal }));
  if (stored === null) {
    throw new ProxyError('storage-unavailable', `The registry does not show the tag ${ORIGIN_TAG} of ${repository.name}, which was decided.`);
  }
  return stored;
}
