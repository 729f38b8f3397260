import type { Readable } from 'node:stream';

import { ProxyError } from '@oci-package-proxy/errors';
import { HandIn, type HandInOptions } from '@oci-package-proxy/ingest';
import type { ByteRange } from '@oci-package-proxy/oci';
import { firstBytes } from '@oci-package-proxy/platform';
import { type Fact, isDeletedIn, isStorageAway, type LedgerReader, openedOr, type PackageRef } from '@oci-package-proxy/storage';
import { type Download, type Downloads, type Upstream, upstreamSource } from '@oci-package-proxy/upstream';

import { isObject, member, textMember } from '../documents/packument.ts';
import type { IndexEntry } from '../documents/packument-index.ts';
import { digestText, type ExpectedDigest, expectedContent, expectedDigest } from '../expected-digest.ts';
import { fileNameOf, tarballLayer } from '../npm-fact.ts';
import { ECOSYSTEM, versionOfTarball, versionTagOrNull } from '../package-name.ts';
import type { PrivateNames } from '../private-names.ts';
import type { TarballIndex } from './tarball-index.ts';

/** What {@link Tarballs} needs. */
export interface TarballsOptions extends Omit<HandInOptions, 'ecosystem'> {
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact' | 'open'>;
  /** Null: switched off. */
  readonly upstream: { readonly http: Upstream; readonly index: TarballIndex } | null;
  readonly downloads: Downloads;
  readonly isPrivate: PrivateNames;
}

/** A tarball that can be had. */
export interface Tarball {
  readonly version: string;
  /** Where it is: for logs. */
  readonly cache: 'hit' | 'miss';
  /** Text of the entity tag: the same before and after it is stored. */
  readonly etag: string;
  /** Bytes; null while nobody knows. */
  readonly size: number | null;
  /** Finds out the size where it costs a download to know it. @throws ProxyError as `Downloads.open`. */
  start(signal?: AbortSignal): Promise<Tarball>;
  /** The bytes, or exactly `range` of them. @throws ProxyError `upstream-unavailable` and its likes, `storage-unavailable`. */
  open(range: ByteRange | undefined, signal: AbortSignal): Promise<Readable>;
}

interface Wanted {
  readonly ref: PackageRef;
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
}

/** Finds tarballs, held or at upstream. DESIGN §4, "Read". */
export class Tarballs {
  readonly #options: TarballsOptions;
  readonly #handIn: HandIn;

  constructor(options: TarballsOptions) {
    this.#options = options;
    this.#handIn = new HandIn({ ...options, ecosystem: ECOSYSTEM });
  }

  /**
   * The tarball that is called `file`; null when there is none, and whoever would know was asked.
   * @throws ProxyError as the ledger does; `upstream-unavailable` and its likes when upstream cannot be asked.
   */
  async find(ref: PackageRef, file: string, signal?: AbortSignal): Promise<Tarball | null> {
    const wanted = { ref, file, signal };
    const fact = await this.#heldOrUnknown(wanted);
    const found = fact === null ? await this.#atUpstream(wanted) : await this.#fromStore(wanted, fact);
    if (found !== null) {
      return found;
    }
    // Not found is never said from a list that was cached.
    const late = await this.#named(wanted, { fresh: true });
    return late === null ? null : this.#fromStore(wanted, late);
  }

  /** While storage cannot be asked: null for what is upstream's by a list that is still alive, so that upstream and the spool can serve it. */
  async #heldOrUnknown(wanted: Wanted): Promise<Fact | null> {
    try {
      return await this.#held(wanted);
    } catch (error) {
      const fold = isStorageAway(error) ? await this.#options.ledger.fold(wanted.ref, { signal: wanted.signal }) : null;
      if (fold?.origin !== 'upstream' || fold.asOf !== undefined) {
        throw error;
      }
      return null;
    }
  }

  async #held({ ref, file, signal }: Wanted): Promise<Fact | null> {
    const { ledger } = this.#options;
    const version = versionOfTarball(ref.name, file);
    const tag = version === null ? null : versionTagOrNull(version);
    const fact = tag === null ? null : await ledger.fact(ref, tag, { signal });
    if (fact !== null && fileNameOf(ref.name, fact) === file) {
      return fact;
    }
    return this.#named({ ref, file, signal }, { fresh: false });
  }

  /** Odd names are found by what the facts say of themselves. */
  async #named({ ref, file, signal }: Wanted, { fresh }: { readonly fresh: boolean }): Promise<Fact | null> {
    const { facts } = await this.#options.ledger.fold(ref, { fresh, signal });
    return [...facts.values()].find((known) => fileNameOf(ref.name, known) === file) ?? null;
  }

  async #fromStore(wanted: Wanted, fact: Fact): Promise<Tarball | null> {
    const layer = tarballLayer(fact);
    if (layer === null) {
      return this.#atUpstream(wanted);
    }
    const tarball: Tarball = {
      version: fact.version,
      cache: 'hit',
      etag: etagOf(digestOfFact(fact), layer.digest),
      size: layer.size,
      start: async () => Promise.resolve(tarball),
      open: async (range, signal) =>
        openedOr(async () => this.#options.ledger.open(wanted.ref, layer, { range, signal }), lostFile(wanted), async (failure) => this.#instead(wanted, fact, { range, signal, failure })),
    };
    return tarball;
  }

  /** Storage has lost the file, or is away: upstream may have it. Other bytes than the stored ones must not come under their name. @throws `failure`. */
  async #instead(wanted: Wanted, fact: Fact, { range, signal, failure }: { readonly range: ByteRange | undefined; readonly signal: AbortSignal; readonly failure: unknown }): Promise<Readable> {
    const tarball = await this.#atUpstream({ ...wanted, signal });
    const same = [digestOfFact(fact), expectedDigest({ integrity: fact.payload })].map((digest) => etagOf(digest, ''));
    if (tarball === null || !same.includes(tarball.etag)) {
      throw failure;
    }
    const stream = await tarball.open(range, signal);
    return range === undefined ? stream : firstBytes(stream, range.end - range.start + 1);
  }

  async #atUpstream({ ref, file, signal }: Wanted): Promise<Tarball | null> {
    const { ledger, upstream, isPrivate } = this.#options;
    const fold = await ledger.fold(ref, { signal });
    if (upstream === null || fold.origin === 'published' || isPrivate(ref.name)) {
      return null;
    }
    const entry = await upstream.index.find(ref.name, file, { signal });
    const tag = entry === null ? null : versionTagOrNull(entry.version);
    if (entry === null || (tag !== null && isDeletedIn(fold, tag))) {
      return null;
    }
    const digest = expectedDigest(entry);
    if (digest === null) {
      throw new ProxyError('integrity', `${file}: upstream says no digest of this file, and what cannot be checked is not handed out.`);
    }
    return this.#missing({ ref, file }, { entry, digest, http: upstream.http });
  }

  #missing(wanted: Wanted, found: { readonly entry: IndexEntry; readonly digest: ExpectedDigest; readonly http: Upstream }): Tarball {
    const open = async (signal?: AbortSignal): Promise<Download> => this.#download(wanted, found, signal);
    const etag = etagOf(found.digest, '');
    const { version } = found.entry;
    const tarball: Tarball = {
      version,
      cache: 'miss',
      etag,
      size: null,
      start: async (signal) => {
        const download = await open(signal);
        return { ...tarball, size: download.size, open: async (range, reader) => Promise.resolve(download.stream({ start: range?.start ?? 0, signal: reader })) };
      },
      open: async (range, signal) => (await open(signal)).stream({ start: range?.start ?? 0, signal }),
    };
    return tarball;
  }

  async #download({ ref, file }: Wanted, { entry, digest, http }: { readonly entry: IndexEntry; readonly digest: ExpectedDigest; readonly http: Upstream }, signal: AbortSignal | undefined): Promise<Download> {
    const { downloads } = this.#options;
    const handIn = async (): Promise<void> => this.#handIn.once({ package: ref.name, file, digest: digestText(digest) });
    const request = {
      key: downloadKey(ref.name, file, digest),
      expected: expectedContent(digest),
      sources: [upstreamSource({ upstream: http, url: entry.tarball })],
      subject: `tarball ${file} of npm package ${ref.name}`,
      onVerified: handIn,
    };
    const download = await downloads.open(request, signal);
    // What has lain in the spool for a while is not stored yet: its job may be lost.
    void download.finished.then(handIn, () => undefined);
    return download;
  }
}

function lostFile({ file }: Wanted): ProxyError {
  return new ProxyError('storage-unavailable', `${file}: storage has lost this file, and there is no upstream to fetch the same one from. Restore it from a backup of the registry.`);
}

/** Names a download on every replica. */
export function downloadKey(name: string, file: string, digest: ExpectedDigest): string {
  return `${ECOSYSTEM}/${name}/${file}/${digestText(digest)}`;
}

/** By upstream's digest where it said one, so that it is what a miss was answered with. */
function digestOfFact({ document, payload }: Fact): ExpectedDigest | null {
  const manifest: unknown = JSON.parse(document);
  const dist = isObject(manifest) ? member(manifest, 'dist') : undefined;
  const said = isObject(dist) ? expectedDigest({ integrity: textMember(dist, 'integrity'), shasum: textMember(dist, 'shasum') }) : null;
  return said ?? expectedDigest({ integrity: payload });
}

function etagOf(digest: ExpectedDigest | null, otherwise: string): string {
  return digest === null ? otherwise : digestText(digest);
}
