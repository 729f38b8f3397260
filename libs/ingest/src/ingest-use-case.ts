import { ProxyError, toProxyError } from '@oci-package-proxy/errors';
import { type Fact, type IngestOutcome, isDeletedIn, type LedgerPort } from '@oci-package-proxy/storage';
import type { Downloads, DownloadSource } from '@oci-package-proxy/upstream';

import type { Holders, IngestCodec, IngestJob, IngestPlan } from './ingest-port.ts';
import { parseIngestJob } from './job/job-message.ts';
import { isPermanent } from './job/retry-policy.ts';
import type { IngestLogger } from './logger.ts';
import { spool } from './spooled-download.ts';

/** The file as another process has it, or null when that one is gone. */
export type PeerSource = (holder: string, key: string) => Promise<DownloadSource | null>;

/** How one try of a job ended: as the ledger says, `failed` (it is tried again) or `refused` (for good). */
export type IngestResult = IngestOutcome | 'failed' | 'refused';

/** One try of a job, for metrics. */
export interface IngestObservation {
  /** Empty when the message was no job. */
  readonly ecosystem: string;
  readonly outcome: IngestResult;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** How long ago the job was handed in when this try began, in milliseconds. */
  readonly lagMs: number;
}

/** What an {@link IngestUseCase} works with. */
export interface IngestUseCaseOptions {
  readonly ledger: Pick<LedgerPort, 'fold' | 'fact' | 'open' | 'ingest' | 'writeUpstreamState' | 'writeDerived' | 'refreshSnapshot'>;
  readonly downloads: Downloads;
  readonly holders: Holders;
  /** One for each ecosystem. */
  readonly codecs: readonly IngestCodec[];
  readonly peer: PeerSource;
  readonly logger: IngestLogger;
  /** Told of every try. Must not throw. */
  readonly observe?: (event: IngestObservation) => void;
}

/** Stores a file that some front end fetched: DESIGN §4, "Ingest". Any step may run twice. */
export class IngestUseCase {
  readonly #options: IngestUseCaseOptions;
  readonly #codecs: ReadonlyMap<string, IngestCodec>;

  /** @throws ProxyError `config` when two codecs are of one ecosystem. */
  constructor(options: IngestUseCaseOptions) {
    this.#options = options;
    this.#codecs = new Map(options.codecs.map((codec) => [codec.ecosystem, codec]));
    if (this.#codecs.size < options.codecs.length) {
      throw new ProxyError('config', 'ingest: two codecs of one ecosystem');
    }
  }

  /**
   * Does one job, as the queue delivered it.
   * @throws ProxyError with one of the codes that `isPermanent` knows when it never can be done; any other is worth another try.
   */
  async run(message: unknown, signal: AbortSignal = new AbortController().signal): Promise<IngestOutcome> {
    const begin = Date.now();
    let job: IngestJob | null = null;
    try {
      job = parseIngestJob(message);
      const outcome = await this.#store(job, signal);
      this.#observe(job, outcome, begin);
      return outcome;
    } catch (error) {
      const failure = toProxyError(error, `ingest of ${job?.file ?? 'an unreadable job'}`);
      this.#observe(job, isPermanent(failure) ? 'refused' : 'failed', begin);
      throw failure;
    }
  }

  async #store(job: IngestJob, signal: AbortSignal): Promise<IngestOutcome> {
    const plan = await this.#plan(job, signal);
    try {
      return await this.#carryOut(plan, job, signal);
    } finally {
      await plan.dispose?.();
    }
  }

  async #carryOut(plan: IngestPlan, job: IngestJob, signal: AbortSignal): Promise<IngestOutcome> {
    const outcome = (await this.#known(plan, signal)) ?? (await this.#fetchAndIngest(job, plan, signal));
    const fields = { ecosystem: job.ecosystem, package: job.package, file: job.file, digest: job.digest, outcome };
    if (outcome === 'pinned') {
      this.#options.logger.error(fields, 'upstream now shows other bytes for a stored file; the stored ones stay');
    } else {
      this.#options.logger.info(fields, 'ingest done');
    }
    if (outcome !== 'deleted' && outcome !== 'published') {
      await this.#derive(plan, signal);
    }
    await this.#options.holders.stored(plan.key);
    return outcome;
  }

  async #plan(job: IngestJob, signal: AbortSignal): Promise<IngestPlan> {
    const codec = this.#codecs.get(job.ecosystem);
    if (codec === undefined) {
      throw new ProxyError('unsupported', `ingest of ${job.file}: ecosystem ${job.ecosystem} is not known here`);
    }
    const plan = await codec.plan(job, signal);
    if (plan === null) {
      throw new ProxyError('not-found', `ingest of ${job.file}: upstream no longer has it`);
    }
    return plan;
  }

  /** What there is to say without the file: null when it has to be fetched. */
  async #known(plan: IngestPlan, signal: AbortSignal): Promise<IngestOutcome | null> {
    const { ledger } = this.#options;
    const fact = await ledger.fact(plan.ref, plan.tag, { signal });
    if (fact?.origin === 'published') {
      return 'published';
    }
    if (fact !== null && hasFile(fact, plan)) {
      // A file that storage has lost is stored again.
      return (await this.#isThere(plan, fact, signal)) ? 'present' : null;
    }
    // Deletions and origins are write-once: an old fold may lack one, which the ledger then says, but never invents one.
    const fold = await ledger.fold(plan.ref, { signal });
    if (isDeletedIn(fold, plan.tag)) {
      return 'deleted';
    }
    return fold.origin === 'published' ? 'published' : null;
  }

  async #isThere({ ref }: IngestPlan, { layers: [file] }: Fact, signal: AbortSignal): Promise<boolean> {
    const body = file === undefined ? null : await this.#options.ledger.open(ref, file, { signal });
    body?.stream.on('error', () => undefined).destroy();
    return body !== null;
  }

  async #fetchAndIngest(job: IngestJob, plan: IngestPlan, signal: AbortSignal): Promise<IngestOutcome> {
    const { downloads, ledger } = this.#options;
    const sources = [...(await this.#heldBy(job, plan)), ...plan.sources];
    const request = { key: plan.key, expected: plan.expected, subject: plan.subject, sources };
    return spool(downloads, request, signal, async (file) => ledger.ingest(plan.ref, await plan.build(file), { signal }));
  }

  async #heldBy(job: IngestJob, plan: IngestPlan): Promise<readonly DownloadSource[]> {
    const { holders, peer } = this.#options;
    const candidates = new Set([job.holder, await holders.holderOf(plan.key)]);
    const sources: DownloadSource[] = [];
    for (const holder of candidates) {
      const source = holder === null || holder === holders.id ? null : await peer(holder, plan.key);
      if (source !== null) {
        sources.push(source);
      }
    }
    return sources;
  }

  async #derive(plan: IngestPlan, signal: AbortSignal): Promise<void> {
    const { ledger, logger } = this.#options;
    await this.#deriveIndexes(plan, signal);
    if (plan.upstreamState !== null) {
      await ledger.writeUpstreamState(plan.ref, plan.upstreamState, { signal });
    }
    try {
      await ledger.refreshSnapshot(plan.ref, { signal });
    } catch (err) {
      // The file is stored; a snapshot only saves time, and the next job of the package tries again.
      logger.warn({ ecosystem: plan.ref.ecosystem, package: plan.ref.name, err }, 'snapshot was not refreshed');
    }
  }

  // A later job of the package may never come, and so a failure fails this one: its next try finds the file and comes here again.
  async #deriveIndexes({ ref, derive }: IngestPlan, signal: AbortSignal): Promise<void> {
    const { ledger, logger } = this.#options;
    if (derive === undefined) {
      return;
    }
    try {
      await ledger.writeDerived(ref, derive, { signal });
    } catch (err) {
      if (!isPermanent(err)) {
        throw err;
      }
      // The file is stored, and no other try would do better.
      logger.error({ ecosystem: ref.ecosystem, package: ref.name, err }, 'a file is stored, but the indexes for readers that know nothing of us cannot be written');
    }
  }

  #observe(job: IngestJob | null, outcome: IngestResult, begin: number): void {
    this.#options.observe?.({ ecosystem: job?.ecosystem ?? '', outcome, ms: Date.now() - begin, lagMs: Math.max(0, begin - (job?.at ?? begin)) });
  }
}

/** Where it is plain that the stored file is another one, the ledger has to say so, which raises the alarm. */
function hasFile(fact: Fact, plan: IngestPlan): boolean {
  return plan.expected.sha256 === undefined || fact.layers[0]?.digest === `sha256:${plan.expected.sha256}`;
}
