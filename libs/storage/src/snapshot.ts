import { isProxyError } from '@oci-package-proxy/errors';
import {
  bufferBlob,
  type Digest,
  EMPTY_BYTES,
  EMPTY_DESCRIPTOR,
  type Index,
  isManifest,
  MANIFEST_MEDIA_TYPE,
  type Manifest,
  manifestBytes,
  parseManifest,
  type Registry,
} from '@oci-package-proxy/oci';
import { LRUCache } from 'lru-cache';

import { DerivedTags } from './derived-tags.ts';
import type { Entry } from './fold.ts';
import type { LedgerCall } from './ledger-port.ts';
import { withLostParts } from './lost-parts.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { decodeSnapshot, encodeSnapshot } from './snapshot-content.ts';
import { isWrongData } from './stored-blob.ts';
import { SNAPSHOT_TAG } from './tags.ts';
import { ANNOTATIONS, LEDGER_TYPES } from './vendor.ts';

const SNAPSHOT_MEDIA_TYPE = `${LEDGER_TYPES.snapshot}+gzip`;
const MAX_UNCOVERED = 32;
/** So few are read as fast one by one: most packages that are pulled through never need a snapshot. */
const NEEDS_NONE = 8;
const MAX_AGE_MS = 10 * 60_000;
/** Of how many tags it is remembered that a snapshot covers them. */
const REMEMBERED_TAGS = 500_000;

/** What a snapshot covers. */
interface Coverage {
  /** Of its manifest. */
  readonly digest: Digest;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
  /** By tag: the manifest's digest, or the kind where there is none. */
  readonly tags: ReadonlyMap<string, string>;
}

type SnapshotWrite = LedgerCall & { readonly put: DerivedTags['put'] };

interface LoadedSnapshot extends Omit<Coverage, 'tags'> {
  readonly entries: ReadonlyMap<string, Entry>;
}

/** A tag that a snapshot covers. */
export interface CoveredTag {
  readonly kind: 'fact' | 'event' | 'deletion' | 'origin';
  /** Of its manifest; null for a deletion, which its tag says. */
  readonly digest: Digest | null;
  /** What makes two facts the same; null for what is none. */
  readonly payload: string | null;
}

/** What {@link Snapshots} needs. */
export interface SnapshotsOptions {
  readonly registry: Registry;
  readonly logger: LedgerLogger;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** The `_snapshot` tag: derived, checked before it is used, rewritten seldom. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #tags: DerivedTags;
  readonly #coverage = new LRUCache<string, Coverage>({ maxSize: REMEMBERED_TAGS, sizeCalculation: ({ tags }) => tags.size + 1 });

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    this.#tags = new DerivedTags(options.logger);
  }

  /** The entries in the snapshot; null when there is none, or none that can be read. Two requests. */
  async load(ref: PackageRef, call: LedgerCall = {}): Promise<ReadonlyMap<string, Entry> | null> {
    return (await this.#load(ref, call))?.entries ?? null;
  }

  async #load(ref: PackageRef, call: LedgerCall): Promise<LoadedSnapshot | null> {
    try {
      return await this.#read(ref, call);
    } catch (error) {
      if (!isUnreadable(error)) {
        throw error;
      }
      this.#options.logger.warn({ repository: ref.repository, err: error }, 'a snapshot cannot be read; the package is folded from its facts');
      return null;
    }
  }

  /** Writes `entries` as the snapshot where the one there is too far behind. @returns whether it did. */
  async refresh(ref: PackageRef, entries: ReadonlyMap<string, Entry>, call: LedgerCall = {}): Promise<boolean> {
    const digest = await this.#options.registry.repository(ref.repository).statManifest(SNAPSHOT_TAG, { signal: call.signal });
    const coverage = digest === null ? null : await this.#covered(ref, digest, call);
    const uncovered = countUncovered(entries, coverage?.tags ?? new Map());
    const age = this.#options.clock() - (coverage?.writtenAt ?? Number.NEGATIVE_INFINITY);
    if (digest === null && uncovered <= NEEDS_NONE) {
      return false;
    }
    // A time that lies ahead was written by another clock: it says nothing, and must not keep the snapshot for ever.
    if (uncovered === 0 || (uncovered <= MAX_UNCOVERED && age >= -MAX_AGE_MS && age < MAX_AGE_MS)) {
      return false;
    }
    return this.#write(ref, entries, { ...call, put: (repository, derived) => this.#tags.put(repository, derived) });
  }

  /**
   * Makes the snapshot say `entries`, whatever it says now. @returns `none` where so few need none; `unchanged` where it says just that.
   * @throws ProxyError `conflict` and others where the registry does not let it be replaced: whoever asks for it must hear that.
   */
  async rebuild(ref: PackageRef, entries: ReadonlyMap<string, Entry>, call: LedgerCall = {}): Promise<'none' | 'unchanged' | 'written'> {
    const stands = (await this.#options.registry.repository(ref.repository).statManifest(SNAPSHOT_TAG, { signal: call.signal })) !== null;
    if (!stands && entries.size <= NEEDS_NONE) {
      return 'none';
    }
    const present = stands ? await this.load(ref, call) : null;
    if (present !== null && (await encodeSnapshot(ref, present.values())).equals(await encodeSnapshot(ref, entries.values()))) {
      return 'unchanged';
    }
    await this.#write(ref, entries, { ...call, put: putAnyway });
    return 'written';
  }

  async #covered(ref: PackageRef, digest: Digest, call: LedgerCall): Promise<Coverage | null> {
    const known = this.#coverage.get(ref.repository);
    if (known?.digest === digest) {
      return known;
    }
    const loaded = await this.#load(ref, call);
    return loaded === null ? null : this.#remember(ref, loaded);
  }

  async #read(ref: PackageRef, { signal }: LedgerCall): Promise<LoadedSnapshot | null> {
    const repository = this.#options.registry.repository(ref.repository);
    const stored = await repository.readManifest(SNAPSHOT_TAG, { signal });
    if (stored === null) {
      return null;
    }
    const manifest = parseManifest(stored);
    const layer = isManifest(manifest) && manifest.artifactType === LEDGER_TYPES.snapshot ? manifest.layers[0] : undefined;
    const body = layer === undefined ? null : await repository.readBlob(layer.digest, { signal });
    if (body === null) {
      this.#options.logger.warn({ repository: ref.repository, digest: stored.digest }, 'a snapshot is not whole; the package is folded from its facts');
      return null;
    }
    return { entries: await decodeSnapshot(ref, body.stream), digest: stored.digest, writtenAt: timeOf(manifest) };
  }

  async #write(ref: PackageRef, entries: ReadonlyMap<string, Entry>, { signal, put }: SnapshotWrite): Promise<boolean> {
    const repository = this.#options.registry.repository(ref.repository);
    const blob = bufferBlob(await encodeSnapshot(ref, entries.values()));
    const now = this.#options.clock();
    const manifest = manifestBytes({
      schemaVersion: 2,
      mediaType: MANIFEST_MEDIA_TYPE,
      artifactType: LEDGER_TYPES.snapshot,
      config: EMPTY_DESCRIPTOR,
      // Thousands of entries are more than a manifest may hold: never inline.
      layers: [{ mediaType: SNAPSHOT_MEDIA_TYPE, digest: blob.digest, size: blob.size }],
      annotations: { [ANNOTATIONS.tag]: SNAPSHOT_TAG, [ANNOTATIONS.created]: new Date(now).toISOString() },
    });
    const written = await withLostParts(`the snapshot of ${ref.name}`, async () => {
      await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal });
      await repository.writeBlob(blob, { signal });
      return put(repository, { tag: SNAPSHOT_TAG, manifest, signal });
    });
    if (written) {
      this.#remember(ref, { entries, digest: manifest.digest, writtenAt: now });
    }
    return written;
  }

  #remember(ref: PackageRef, { entries, digest, writtenAt }: LoadedSnapshot): Coverage {
    const coverage = { digest, writtenAt, tags: new Map([...entries.values()].map((entry) => [entry.tag, identityOf(entry)])) };
    this.#coverage.set(ref.repository, coverage);
    return coverage;
  }
}

/**
 * What the snapshot of a package covers, by tag, other people's pushes left out; null when there is none, or none that can be read.
 * All that is known of the package is in memory meanwhile.
 * @throws ProxyError what the store throws.
 */
export async function readCoverage(registry: Registry, ref: PackageRef, call: LedgerCall = {}): Promise<ReadonlyMap<string, CoveredTag> | null> {
  const entries = await new Snapshots({ registry, logger: { warn: () => undefined }, clock: Date.now }).load(ref, call);
  return entries === null ? null : new Map([...entries].flatMap(([tag, entry]) => coveredTag(entry).map((covered) => [tag, covered] as const)));
}

function coveredTag(entry: Entry): readonly CoveredTag[] {
  switch (entry.kind) {
    case 'ignored':
      return [];
    case 'deletion':
      return [{ kind: entry.kind, digest: null, payload: null }];
    case 'fact':
      return [{ kind: entry.kind, digest: entry.digest, payload: entry.fact.payload }];
    case 'event':
    case 'origin':
      return [{ kind: entry.kind, digest: entry.digest, payload: null }];
  }
}

async function putAnyway(...[repository, { tag, manifest, signal }]: Parameters<DerivedTags['put']>): Promise<boolean> {
  await repository.writeManifest(manifest, { tag, signal });
  return true;
}

// A broken gzip is an error of zlib, which bears a code of its own.
function isUnreadable(error: unknown): boolean {
  return isWrongData(error) || (!isProxyError(error) && error instanceof Error && 'code' in error && String(error.code).startsWith('Z_'));
}

function identityOf(entry: Entry): string {
  return entry.kind === 'deletion' ? entry.kind : entry.digest;
}

function countUncovered(entries: ReadonlyMap<string, Entry>, covered: ReadonlyMap<string, string>): number {
  let uncovered = 0;
  for (const entry of entries.values()) {
    uncovered += covered.get(entry.tag) === identityOf(entry) ? 0 : 1;
  }
  for (const tag of covered.keys()) {
    uncovered += entries.has(tag) ? 0 : 1;
  }
  return uncovered;
}

// A time that cannot be read must not keep a snapshot from ever being rewritten.
function timeOf(manifest: Manifest | Index): number {
  const time = Date.parse(manifest.annotations?.[ANNOTATIONS.created] ?? '');
  return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
}
