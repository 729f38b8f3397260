import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type EncodedDocument, EncodedDocuments } from '@oci-package-proxy/platform';
import { type Fold, isStorageAway, type JsonValue, type LedgerReader, type PackageRef } from '@oci-package-proxy/storage';
import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import type { DocumentWorkshop } from '../documents/document-workshop.ts';
import type { Form } from '../documents/forms.ts';
import type { StoredPackage } from '../documents/stored-packument.ts';
import type { PrivateNames } from '../private-names.ts';
import { type AlarmLogger, Overlays } from './overlays.ts';
import { heldPackage, latestReadme, publishedPackage } from './stored-package.ts';
import { noPackument, type UpstreamPackuments } from './upstream-packuments.ts';

const STATE_MS = 30_000;
/** Room for the largest packuments there are, some 100 MB, with their compressed form. */
const CACHE_BYTES = 160 * 2 ** 20;
/** A document that upstream confirmed so recently is not asked for again because a version is not in it. */
const RECENT_MS = 5_000;
const UPSTREAM_FAILURES = ['upstream-unavailable', 'upstream-denied', 'rate-limited', 'loop'] as const;

/** What {@link PackageDocuments} needs. */
export interface PackageDocumentsOptions {
  readonly ledger: Pick<LedgerReader, 'fold' | 'open' | 'upstreamState'>;
  /** Null: switched off. */
  readonly upstream: UpstreamPackuments | null;
  readonly isPrivate: PrivateNames;
  readonly workshop: DocumentWorkshop;
  readonly logger: AlarmLogger;
}

/** How a document is asked for. */
export interface DocumentCall {
  readonly form: Form;
  /** Base URL of this registry as the client sees it. */
  readonly base: string;
  /** Passes over what is cached. */
  readonly fresh: boolean;
  readonly signal?: AbortSignal | undefined;
}

interface KnownState {
  readonly state: JsonValue | null;
  readonly revision: string;
}

interface RenderHow {
  readonly call: DocumentCall;
  /** Of upstream; null for what is published here. */
  readonly state: KnownState | null;
  readonly withReadme: boolean;
}

/** The documents of packages, wherever they come from. */
export class PackageDocuments {
  readonly #options: PackageDocumentsOptions;
  readonly #encoded = new EncodedDocuments(CACHE_BYTES);
  readonly #overlays: Overlays | null;
  readonly #states = new LRUCache<string, KnownState>({ max: 2000, ttl: STATE_MS, noDeleteOnStaleGet: true });

  constructor(options: PackageDocumentsOptions) {
    this.#options = options;
    this.#overlays = options.upstream === null ? null : new Overlays(options.upstream, options.logger);
  }

  /**
   * The document of a package in the form that is asked for; null when the package, or the version, does not exist: whoever
   * would know was asked.
   * @throws ProxyError as the ledger does; `upstream-unavailable` and its likes when upstream cannot be asked and nothing is held.
   */
  async get(ref: PackageRef, call: DocumentCall): Promise<EncodedDocument | null> {
    const fold = await this.#options.ledger.fold(ref, { fresh: call.fresh, signal: call.signal });
    const found = await this.#from(ref, fold, call);
    if (found !== null || call.fresh) {
      return found;
    }
    // Not found is never said from a list that was cached. What upstream said a moment ago still counts.
    return this.#from(ref, await this.#options.ledger.fold(ref, { fresh: true, signal: call.signal }), call);
  }

  async #from(ref: PackageRef, fold: Fold, call: DocumentCall): Promise<EncodedDocument | null> {
    const { upstream, isPrivate } = this.#options;
    if (fold.origin === 'published') {
      return this.#stored(ref, fold, { call, state: null });
    }
    if (isPrivate(ref.name)) {
      return null;
    }
    return upstream === null ? this.#held(ref, fold, call) : this.#fromUpstream(upstream, ref, { fold, call });
  }

  async #fromUpstream(upstream: UpstreamPackuments, ref: PackageRef, how: { readonly fold: Fold; readonly call: DocumentCall }): Promise<EncodedDocument | null> {
    try {
      return await this.#asked(upstream, ref, how);
    } catch (error) {
      const held = UPSTREAM_FAILURES.some((code) => isProxyError(error, code)) ? await this.#heldAfresh(ref, how.call) : null;
      if (held === null) {
        throw error;
      }
      return held;
    }
  }

  /** @throws ProxyError `upstream-unavailable` and its likes, also for an answer that is no packument. */
  async #asked(upstream: UpstreamPackuments, ref: PackageRef, { fold, call }: { readonly fold: Fold; readonly call: DocumentCall }): Promise<EncodedDocument | null> {
    const document = await upstream.document(ref.name, call);
    if (document === null) {
      return this.#held(ref, fold, call);
    }
    const encoded = await this.#overlaid(upstream, ref, { fold, call, document });
    if (encoded !== null || (!document.stale && Date.now() - document.confirmedAt <= RECENT_MS)) {
      return encoded;
    }
    const again = await upstream.document(ref.name, { signal: call.signal, fresh: true });
    if (again?.stale === true) {
      throw new ProxyError('upstream-unavailable', `${ref.name} has no such version as far as is known here, and upstream cannot be asked now. Try again later.`);
    }
    return again === null ? null : this.#overlaid(upstream, ref, { fold, call, document: again });
  }

  async #overlaid(upstream: UpstreamPackuments, ref: PackageRef, { fold, call, document }: { readonly fold: Fold; readonly call: DocumentCall; readonly document: UpstreamDocument }): Promise<EncodedDocument | null> {
    const overlay = (await this.#overlays?.of(ref, fold, document)) ?? { hidden: [], pinned: [] };
    const own = overlay.hidden.length + overlay.pinned.length === 0 ? '' : fold.revision;
    return this.#encoded.get(keyOf('upstream', ref, [document.revision, own], call), async () => {
      const source = { kind: 'upstream', name: ref.name, bytes: document.bytes, overlay } as const;
      const rendered = await this.#options.workshop.run({ kind: 'render', source, form: call.form, base: call.base });
      if (rendered === null) {
        throw noPackument(ref.name);
      }
      if (rendered.index !== null) {
        upstream.keepIndex(ref.name, document.revision, rendered.index);
      }
      return rendered.document;
    });
  }

  async #heldAfresh(ref: PackageRef, call: DocumentCall): Promise<EncodedDocument | null> {
    return this.#held(ref, await this.#options.ledger.fold(ref, { fresh: true, signal: call.signal }), call);
  }

  /** What was pulled through of a package before; null when nothing was. */
  async #held(ref: PackageRef, fold: Fold, call: DocumentCall): Promise<EncodedDocument | null> {
    if (fold.facts.size === 0) {
      return null;
    }
    return fold.origin === 'published' ? this.#stored(ref, fold, { call, state: null }) : this.#stored(ref, fold, { call, state: await this.#state(ref, call) });
  }

  async #stored(ref: PackageRef, fold: Fold, how: Omit<RenderHow, 'withReadme'>): Promise<EncodedDocument | null> {
    if (fold.facts.size === 0) {
      return null;
    }
    try {
      return await this.#rendered(ref, fold, { ...how, withReadme: true });
    } catch (error) {
      if (!isStorageAway(error) || how.call.form.kind !== 'full') {
        throw error;
      }
      // Installing needs no README.
      return this.#rendered(ref, fold, { ...how, withReadme: false });
    }
  }

  async #rendered(ref: PackageRef, fold: Fold, { call, state, withReadme }: RenderHow): Promise<EncodedDocument | null> {
    const kind = withReadme ? 'stored' : 'stored without its README';
    return this.#encoded.get(keyOf(kind, ref, [fold.revision, state?.revision ?? ''], call), async () => {
      const stored: StoredPackage = state === null ? publishedPackage(ref.name, fold) : heldPackage(ref.name, fold, state.state);
      const readme = withReadme && call.form.kind === 'full' ? await latestReadme(this.#options.ledger, ref, { package: stored, fold }) : '';
      const rendered = await this.#options.workshop.run({ kind: 'render', source: { kind: 'stored', package: { ...stored, readme } }, form: call.form, base: call.base });
      return rendered?.document ?? null;
    });
  }

  async #state(ref: PackageRef, { signal }: DocumentCall): Promise<KnownState> {
    const known = this.#states.get(ref.repository);
    if (known !== undefined) {
      return known;
    }
    try {
      const state = await this.#options.ledger.upstreamState(ref, { signal });
      const entry = { state, revision: createHash('sha256').update(JSON.stringify(state)).digest('hex').slice(0, 32) };
      this.#states.set(ref.repository, entry);
      return entry;
    } catch (error) {
      const old = isStorageAway(error) ? this.#states.get(ref.repository, { allowStale: true }) : undefined;
      if (old === undefined) {
        throw error;
      }
      return old;
    }
  }
}

function keyOf(kind: string, ref: PackageRef, revisions: readonly string[], { form, base }: DocumentCall): string {
  return JSON.stringify([kind, ref.name, revisions, form, base]);
}
