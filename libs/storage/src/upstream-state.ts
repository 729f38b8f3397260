import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';
import {
  bufferBlob,
  canonicalJson,
  digestOf,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type Manifest,
  manifestBytes,
  parseManifest,
  type Registry,
  type Repository,
} from '@oci-package-proxy/oci';

import { DerivedTags } from './derived-tags.ts';
import { parseJson } from './json-value.ts';
import type { LedgerCall } from './ledger-port.ts';
import { withLostParts } from './lost-parts.ts';
import type { Origins } from './origin.ts';
import type { JsonValue, LedgerLogger, PackageRef } from './package-ref.ts';
import { isWrongData, readStoredBlob } from './stored-blob.ts';
import { UPSTREAM_TAG } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

const UPSTREAM_MEDIA_TYPE = `${LEDGER_TYPES.upstream}+gzip`;
/** Largest state in bytes, before and after compression. */
const MAX_BYTES = 256 * 1024 * 1024;

/** What {@link UpstreamStates} needs. */
export interface UpstreamStatesOptions {
  readonly registry: Registry;
  readonly origins: Origins;
  readonly logger: LedgerLogger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** The `_upstream` tag: the last state of upstream that a worker saw, and when it became so. Derived, rewritten when it changes. */
export class UpstreamStates {
  readonly #options: UpstreamStatesOptions;
  readonly #tags: DerivedTags;

  constructor(options: UpstreamStatesOptions) {
    this.#options = options;
    this.#tags = new DerivedTags(options.logger);
  }

  /** `LedgerReader.upstreamState` */
  async read(ref: PackageRef, { signal }: LedgerCall = {}): Promise<JsonValue | null> {
    const repository = this.#options.registry.repository(ref.repository);
    const manifest = await this.#manifest(repository, signal);
    const layer = manifest?.layers[0];
    if (layer === undefined) {
      return null;
    }
    const text = await this.#unpack(repository, layer, signal);
    const state = text === null ? undefined : parseJson(text);
    if (state === undefined) {
      this.#options.logger.warn({ repository: ref.repository, digest: layer.digest }, 'the last state of upstream cannot be read');
      return null;
    }
    return state;
  }

  /** `LedgerIngester.writeUpstreamState` @throws ProxyError `conflict` when the package is published here. */
  async write(ref: PackageRef, state: JsonValue, { signal }: LedgerCall = {}): Promise<void> {
    if ((await this.#options.origins.read(ref, { signal })) === 'published') {
      throw new ProxyError('conflict', `${ref.name} is published here and has no upstream.`);
    }
    const repository = this.#options.registry.repository(ref.repository);
    const text = canonicalJson(state);
    const content = digestOf(text);
    const before = await this.#manifest(repository, signal);
    if (before?.annotations?.[ANNOTATIONS.content] === content && (await isWhole(repository, before, signal))) {
      return;
    }
    const blob = bufferBlob(await promisify(gzip)(text));
    const manifest = manifestBytes({
      schemaVersion: 2,
      mediaType: MANIFEST_MEDIA_TYPE,
      artifactType: LEDGER_TYPES.upstream,
      config: EMPTY_DESCRIPTOR,
      layers: [{ mediaType: UPSTREAM_MEDIA_TYPE, digest: blob.digest, size: blob.size }],
      annotations: { [ANNOTATIONS.tag]: UPSTREAM_TAG, [ANNOTATIONS.content]: content, [ANNOTATIONS.created]: new Date(this.#options.clock()).toISOString() },
    });
    await withLostParts(`the last state of upstream of ${ref.name}`, async () => {
      await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal });
      await repository.writeBlob(blob, { signal });
      await this.#tags.put(repository, { tag: UPSTREAM_TAG, manifest, signal });
    });
  }

  async #manifest(repository: Repository, signal: AbortSignal | undefined): Promise<Manifest | null> {
    return unlessWrong(async () => {
      const stored = await repository.readManifest(UPSTREAM_TAG, { signal });
      const manifest = stored === null ? null : parseManifest(stored);
      return manifest !== null && isManifest(manifest) && manifest.artifactType === LEDGER_TYPES.upstream ? manifest : null;
    });
  }

  async #unpack(repository: Repository, layer: Manifest['layers'][number], signal: AbortSignal | undefined): Promise<string | null> {
    const packed = await unlessWrong(() => readStoredBlob(repository, layer, { limit: MAX_BYTES, signal }));
    if (packed === null) {
      return null;
    }
    try {
      return (await promisify(gunzip)(packed, { maxOutputLength: MAX_BYTES })).toString('utf8');
    } catch {
      return null;
    }
  }
}

async function isWhole(repository: Repository, { layers }: Manifest, signal: AbortSignal | undefined): Promise<boolean> {
  const [layer] = layers;
  return layer !== undefined && (await repository.statBlob(layer.digest, { signal })) !== null;
}

async function unlessWrong<T>(read: () => Promise<T | null>): Promise<T | null> {
  try {
    return await read();
  } catch (error) {
    if (!isWrongData(error)) {
      throw error;
    }
    return null;
  }
}
