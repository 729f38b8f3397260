import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestCodec, IngestJob, IngestPlan } from '@oci-package-proxy/ingest';
import { fileTag } from '@oci-package-proxy/mapping';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';
import { upstreamSource } from '@oci-package-proxy/upstream';

import type { PypiIndexes, PypiUpstream } from '../config/indexes.ts';
import { DEFAULT, ECOSYSTEM, mainRef, upstreamRef } from '../model/holdings.ts';
import type { UpstreamPage } from '../model/project-page.ts';
import { type AnnouncedDigest, announcedDigest, digestText, expectedContent } from '../read/announced-digest.ts';
import { stateOfPage } from '../read/last-state.ts';
import { downloadKey } from '../read/pulled-files.ts';
import { UpstreamPages } from '../read/upstream-pages.ts';
import { pulledFact } from './pulled-fact.ts';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** What {@link pypiIngestCodec} needs. */
export interface PypiIngestDependencies {
  readonly indexes: PypiIndexes;
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact' | 'open'>;
}

/** How files that were pulled through are stored. */
export function pypiIngestCodec(dependencies: PypiIngestDependencies): IngestCodec {
  const plans = new IngestPlans(dependencies);
  return { ecosystem: ECOSYSTEM, plan: async (job, signal) => plans.plan(job, signal) };
}

/** The project of a job, and whom its file comes from. */
interface Origin {
  readonly upstream: PypiUpstream;
  readonly name: string;
}

class IngestPlans {
  readonly #indexes: PypiIndexes;
  readonly #ledger: PypiIngestDependencies['ledger'];
  readonly #pages = new UpstreamPages();

  constructor({ indexes, ledger }: PypiIngestDependencies) {
    this.#indexes = indexes;
    this.#ledger = ledger;
  }

  async plan(job: IngestJob, signal: AbortSignal): Promise<IngestPlan | null> {
    const origin = this.#originOf(job);
    const { upstream, name } = origin;
    const ref = await this.#refOf(job, origin, signal);
    const found = await this.#found(job, origin, signal);
    if (found === null) {
      throw new ProxyError('not-found', `ingest of ${job.file}: upstream ${upstream.id} has no project ${name}`);
    }
    const { page, entry } = found;
    if (entry === null) {
      return this.#takenBack(job, { ref, page, signal });
    }
    const announced = announcedDigest(entry.hashes);
    return {
      ref,
      tag: fileTag(job.file),
      key: downloadKey(upstream.id, { name, filename: job.file, digest: announced }),
      expected: expectedContent(fetchedDigest(job, announced), entry.size),
      subject: `file ${job.file} of Python project ${name}`,
      sources: [upstreamSource({ upstream: upstream.http, url: entry.url })],
      build: async (file) => {
        checkFetched(job, { announced, sha256: file.sha256 });
        return pulledFact({ project: name, upstream, entry, file, signal });
      },
      upstreamState: stateOfPage(page),
    };
  }

  /** What is stored and listed no more stays stored; null for what is not stored. What upstream says of the project, such as a quarantine, is kept all the same. */
  async #takenBack(job: IngestJob, { ref, page, signal }: { readonly ref: PackageRef; readonly page: UpstreamPage; readonly signal: AbortSignal }): Promise<IngestPlan | null> {
    const tag = fileTag(job.file);
    const fact = await this.#ledger.fact(ref, tag, { signal });
    if (fact === null) {
      return null;
    }
    const subject = `file ${job.file} of Python project ${page.name}`;
    const build = async (): Promise<never> => Promise.reject(new ProxyError('not-found', `ingest of ${job.file}: upstream no longer has it`));
    return { ref, tag, key: `${ECOSYSTEM}/taken-back/${ref.repository}/${tag}`, expected: {}, subject, sources: [], build, upstreamState: stateOfPage(page) };
  }

  /**
   * A job may speak of a newer page than the one that is known here: that upstream announces other bytes is never said from an old one.
   * @throws ProxyError as {@link UpstreamPages.find}.
   */
  async #found(job: IngestJob, { upstream, name }: Origin, signal: AbortSignal): ReturnType<UpstreamPages['find']> {
    const found = await this.#pages.find(upstream, name, job.file, { signal });
    const announced = announcedDigest(found?.entry?.hashes ?? {});
    if (announced === null || digestText(announced) === job.digest.toLowerCase()) {
      return found;
    }
    const now = await this.#pages.get(upstream, name, { signal, fresh: true });
    if (now?.stale === true) {
      throw new ProxyError('upstream-unavailable', `ingest of ${job.file}: upstream announced other bytes before, and cannot be asked now`);
    }
    return now === null ? null : { page: now.page, entry: now.files.get(job.file) ?? null };
  }

  /** @throws ProxyError `invalid` for what no front end hands in, `not-found` for an upstream that is not asked any more, `policy` for a private name. */
  #originOf({ package: text, file }: IngestJob): Origin {
    const slash = text.indexOf('/');
    const id = slash === -1 ? DEFAULT : text.slice(0, slash);
    const name = text.slice(slash + 1);
    if (!NAME.test(name) || file === '' || !file.isWellFormed()) {
      throw new ProxyError('invalid', `ingest of ${file}: ${text} is no Python project`);
    }
    const upstream = this.#indexes.all.flatMap(({ upstreams }) => upstreams).find((candidate): candidate is PypiUpstream => candidate.id === id && candidate.url !== null);
    if (upstream === undefined) {
      throw new ProxyError('not-found', `ingest of ${file}: there is no upstream ${id} to store it from`);
    }
    if (this.#indexes.isPrivate(name)) {
      throw new ProxyError('policy', `ingest of ${file}: ${name} is a private name, which is never asked of upstream`);
    }
    return { upstream, name };
  }

  /** @throws ProxyError `policy` for a name that is published here and merged nowhere: upstream is not asked for it. */
  async #refOf({ file }: IngestJob, { upstream, name }: Origin, signal: AbortSignal): Promise<PackageRef> {
    const isMerged = this.#indexes.isMerged(name);
    const main = await this.#decidedOrigin(mainRef(name), signal);
    if (main === 'published' && !isMerged) {
      throw new ProxyError('policy', `ingest of ${file}: ${name} is published here, and so is never asked of upstream`);
    }
    return upstream.id === DEFAULT && main !== 'published' ? mainRef(name) : upstreamRef(upstream.id, name);
  }

  /** That nothing was decided yet is never said from a list that was cached. */
  async #decidedOrigin(ref: PackageRef, signal: AbortSignal): Promise<'published' | 'upstream' | null> {
    const { origin } = await this.#ledger.fold(ref, { signal });
    return origin ?? (await this.#ledger.fold(ref, { fresh: true, signal })).origin;
  }
}

/** @throws ProxyError `integrity` when upstream announces another digest than that of the job. */
function fetchedDigest(job: IngestJob, announced: AnnouncedDigest | null): AnnouncedDigest {
  const [algorithm, hex = ''] = job.digest.split(':', 2);
  const fetched = algorithm === undefined ? null : announcedDigest({ [algorithm]: hex });
  if (fetched === null) {
    throw new ProxyError('invalid', `ingest of ${job.file}: its digest is none that is known here`);
  }
  if (announced !== null && digestText(announced) !== digestText(fetched)) {
    throw new ProxyError('integrity', `ingest of ${job.file}: upstream now announces other bytes than those that were fetched`);
  }
  return fetched;
}

/** What nobody announces a digest of lies in the spool under its name alone, and may be what upstream had before or has since. @throws ProxyError `integrity`. */
function checkFetched(job: IngestJob, { announced, sha256 }: { readonly announced: AnnouncedDigest | null; readonly sha256: string }): void {
  if (announced === null && job.digest.toLowerCase() !== `sha256:${sha256}`) {
    throw new ProxyError('integrity', `ingest of ${job.file}: upstream now has other bytes than those that were fetched`);
  }
}
