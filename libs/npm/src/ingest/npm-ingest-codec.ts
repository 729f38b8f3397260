import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestCodec, IngestJob, IngestPlan } from '@oci-package-proxy/ingest';
import type { JsonValue } from '@oci-package-proxy/storage';
import { type Upstream, type UpstreamDocument, type UpstreamDocuments, upstreamSource } from '@oci-package-proxy/upstream';

import { DocumentWorkshop } from '../documents/document-workshop.ts';
import type { IndexEntry } from '../documents/packument-index.ts';
import { digestText, expectedContent, expectedDigest } from '../expected-digest.ts';
import { ECOSYSTEM, packageRef, versionTagOrNull } from '../package-name.ts';
import { privateNames } from '../private-names.ts';
import { downloadKey } from '../read/tarballs.ts';
import { noPackument, UpstreamPackuments } from '../read/upstream-packuments.ts';
import { pulledFact } from './pulled-fact.ts';

const STATES = 200;

/** What {@link npmIngestCodec} needs. */
export interface NpmIngestDependencies {
  /** Null: switched off, and every job fails for good. */
  readonly upstream: { readonly url: string; readonly http: Upstream; readonly documents: UpstreamDocuments } | null;
  /** Globs of names that are never asked of upstream. */
  readonly privateNames: readonly string[];
}

/** How tarballs that were pulled through are stored. */
export function npmIngestCodec({ upstream, privateNames: globs }: NpmIngestDependencies): IngestCodec {
  const isPrivate = privateNames(globs);
  const plans = upstream === null ? null : new IngestPlans(upstream);
  return {
    ecosystem: ECOSYSTEM,
    plan: async (job, signal) => {
      if (plans === null) {
        throw new ProxyError('not-found', `ingest of ${job.file}: there is no npm upstream to store it from`);
      }
      if (isPrivate(job.package)) {
        throw new ProxyError('policy', `ingest of ${job.file}: ${job.package} is a private name, which is never asked of upstream`);
      }
      return plans.plan(job, signal);
    },
  };
}

class IngestPlans {
  readonly #http: Upstream;
  readonly #workshop = new DocumentWorkshop();
  readonly #packuments: UpstreamPackuments;
  /** A project installs many versions of one package; the state is the same for all of them. */
  readonly #states = new LRUCache<string, { readonly state: JsonValue }>({ max: STATES });

  constructor(upstream: { readonly url: string; readonly http: Upstream; readonly documents: UpstreamDocuments }) {
    this.#http = upstream.http;
    this.#packuments = new UpstreamPackuments(upstream.documents, upstream.url, this.#workshop);
  }

  async plan(job: IngestJob, signal: AbortSignal): Promise<IngestPlan | null> {
    const ref = packageRef(job.package);
    const found = await this.#find(job, signal);
    const digest = found === null ? null : expectedDigest(found.entry);
    if (found === null || digest === null) {
      return null;
    }
    const { entry, document } = found;
    if (digestText(digest) !== job.digest) {
      throw new ProxyError('integrity', `ingest of ${job.file}: upstream now shows other bytes than those that were fetched`);
    }
    const described = await this.#packumentWork(job.package, document, entry.version);
    const tag = versionTagOrNull(entry.version);
    if (tag === null) {
      throw new ProxyError('invalid', `ingest of ${job.file}: its version cannot be stored`);
    }
    return {
      ref,
      tag,
      key: downloadKey(ref.name, job.file, digest),
      expected: expectedContent(digest),
      subject: `tarball ${job.file} of npm package ${ref.name}`,
      sources: [upstreamSource({ upstream: this.#http, url: entry.tarball })],
      build: async (file) => Promise.resolve(pulledFact({ name: ref.name, tag, entry, manifest: described.manifest, at: described.at, file })),
      upstreamState: described.state,
    };
  }

  /** @throws ProxyError as upstream does; `not-found` when upstream has no such package. */
  async #find({ package: name, file }: IngestJob, signal: AbortSignal): Promise<{ readonly entry: IndexEntry; readonly document: UpstreamDocument } | null> {
    for (const fresh of [false, true]) {
      const document = await this.#packuments.document(name, { signal, fresh });
      if (document === null) {
        throw new ProxyError('not-found', `ingest of ${file}: upstream has no package ${name}`);
      }
      const { entries } = await this.#packuments.index(name, document);
      const entry = entries.find((known) => known.file === file);
      if (entry !== undefined) {
        return { entry, document };
      }
      if (fresh && document.stale) {
        throw new ProxyError('upstream-unavailable', `ingest of ${file}: it is not known here, and upstream cannot be asked now`);
      }
    }
    return null;
  }

  async #packumentWork(name: string, { revision, bytes }: UpstreamDocument, version: string): Promise<{ readonly manifest: Readonly<Record<string, unknown>>; readonly at: string | null; readonly state: JsonValue }> {
    const described = await this.#workshop.run({ kind: 'version', name, bytes, version });
    const key = `${name} ${revision}`;
    const known = this.#states.get(key) ?? { state: (await this.#workshop.run({ kind: 'state', name, bytes })) as JsonValue };
    if (described === null || known.state === null) {
      throw noPackument(name);
    }
    this.#states.set(key, known);
    return { ...described, state: known.state };
  }
}
