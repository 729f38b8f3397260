import { type ErrorCode, isProxyError, ProxyError, toProxyError } from '@oci-package-proxy/errors';

import type { LedgerLogger } from '../package-ref.ts';
import { credentialFailure } from './credential-failure.ts';

/** What a {@link StorageCircuit} needs. Times in milliseconds. */
export interface StorageCircuitOptions {
  /** Asks storage once, without patience, whether it is there and takes our credential. */
  readonly probe: (signal: AbortSignal) => Promise<void>;
  readonly logger: LedgerLogger & { info(fields: Readonly<Record<string, unknown>>, message: string): void };
  /** A request that takes longer makes storage suspicious; default 2 000. */
  readonly slowMs?: number;
  /** A probe that takes longer has failed; default 2 000. */
  readonly probeMs?: number;
  /** Between two probes while storage is away; default 1 000. */
  readonly againMs?: number;
  /** While storage answers the probe with a failure, one request is let through this often: others may be served all the same; default 5 000. */
  readonly trialMs?: number;
  /** How long a refused write says that storage is read-only, unless one succeeds; default 120 000. */
  readonly refusalMs?: number;
  readonly clock?: () => number;
  /** What is asked, for error texts, such as `the registry registry.example.com`; default `storage`. */
  readonly name?: string;
}

/** Failed probes in a row that are needed: one alone may have been held up here, or be one that a registry which is there fails now and then. */
const FAILED_PROBES = 2;
const PROBE_MS = 2_000;
const AWAY: ReadonlySet<ErrorCode> = new Set(['storage-unavailable', 'storage-denied']);
const REFUSED: ReadonlySet<ErrorCode> = new Set(['storage-read-only', 'storage-denied']);

/** `upload` of a blob may be over without any request, where it is known to be there: its success says nothing. */
export type PassageKind = 'read' | 'write' | 'upload';

/** A request that runs; `broken` rejects when it is not to be waited for any more. */
export interface Passage {
  readonly broken: Promise<never>;
  /** How it went. Called once. */
  done(outcome: { readonly kind: PassageKind; readonly error: unknown }): void;
}

/**
 * Knows whether storage is there. A request that fails or is slow makes it ask storage itself; when that fails too, storage is away: what
 * runs is broken off, and all further requests fail at once, until a probe (one a second) or a trial succeeds. So a client waits
 * some seconds once, and none after it, and nothing has to be done for everything to go on.
 */
export class StorageCircuit {
  readonly #options: StorageCircuitOptions;
  readonly #running = new Set<(reason: ProxyError) => void>();
  #outage: ProxyError | null = null;
  #refusal: { readonly error: ProxyError; readonly at: number } | null = null;
  #probing = false;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #trialAt = 0;
  #answersProbe = false;
  #again: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: StorageCircuitOptions) {
    this.#options = options;
  }

  /** What storage is called in error texts. */
  get name(): string {
    return this.#options.name ?? 'storage';
  }

  /** Why storage is away; null while it is there, as far as is known. */
  get outage(): ProxyError | null {
    return this.#outage;
  }

  /** Why the last write was refused; null when none was lately, or one was taken since. */
  get refusal(): ProxyError | null {
    const refusal = this.#refusal;
    return refusal === null || this.#now() - refusal.at > (this.#options.refusalMs ?? 120_000) ? null : refusal.error;
  }

  /** Lets a request pass. @throws ProxyError what storage is away for: `storage-unavailable`, `storage-denied`. */
  enter(): Passage {
    if (this.#outage !== null && !this.#isTrial()) {
      throw again(this.#outage);
    }
    const { promise: broken, reject } = Promise.withResolvers<never>();
    broken.catch(() => undefined);
    const slow = setInterval(() => this.#suspect(), this.#options.slowMs ?? 2_000);
    slow.unref();
    this.#running.add(reject);
    return {
      broken,
      done: (outcome) => {
        clearInterval(slow);
        this.#running.delete(reject);
        this.#learn(outcome);
      },
    };
  }

  /** Asks no more. */
  close(): void {
    this.#closed = true;
    if (this.#again !== null) {
      clearTimeout(this.#again);
    }
  }

  #learn({ kind, error }: { readonly kind: PassageKind; readonly error: unknown }): void {
    if (error === null && kind === 'upload') {
      return;
    }
    if (error === null) {
      this.#answered();
      this.#refusal = kind === 'write' ? null : this.#refusal;
      return;
    }
    if (!(error instanceof ProxyError)) {
      return;
    }
    if (kind !== 'read' && REFUSED.has(error.code)) {
      this.#refusal = { error, at: this.#now() };
    }
    if (AWAY.has(error.code)) {
      this.#suspect();
    }
  }

  #answered(): void {
    this.#answeredAt = this.#now();
    if (this.#outage !== null) {
      this.#outage = null;
      this.#options.logger.info({}, 'storage is back');
    }
  }

  /** At most one probe at a time; while storage is away they come by themselves. */
  #suspect(): void {
    if (this.#outage === null && !this.#probing && !this.#closed) {
      void this.#probe();
    }
  }

  async #probe(): Promise<void> {
    this.#probing = true;
    const begun = this.#now();
    try {
      for (let failed = 1; ; failed += 1) {
        const failure = await this.#ask();
        // What was answered meanwhile says more than a probe that was held up.
        if (failure === null || this.#answeredAt > begun) {
          this.#answered();
          return;
        }
        if (failed === FAILED_PROBES || this.#outage !== null) {
          this.#open(failure === 'silent' ? silence(this.name, this.#options.probeMs ?? PROBE_MS) : failure);
          return;
        }
      }
    } finally {
      this.#probing = false;
      this.#planNext();
    }
  }

  async #ask(): Promise<ProxyError | 'silent' | null> {
    const late = AbortSignal.timeout(this.#options.probeMs ?? PROBE_MS);
    try {
      await this.#options.probe(late);
      return null;
    } catch (error) {
      if (isProxyError(error, 'storage-read-only')) {
        return null;
      }
      return late.aborted ? 'silent' : toProxyError(credentialFailure(error), 'asking storage whether it is there');
    }
  }

  #open(reason: ProxyError): void {
    this.#answersProbe = reason.cause === undefined || reason.cause instanceof ProxyError;
    if (this.#outage === null) {
      this.#trialAt = this.#now();
      this.#options.logger.warn({ err: reason }, 'storage is away; documents are served from memory, and everything else is answered 503');
    }
    this.#outage = reason;
    for (const breakOff of this.#running) {
      breakOff(again(reason));
    }
    this.#running.clear();
  }

  #planNext(): void {
    if (this.#outage === null || this.#closed) {
      return;
    }
    this.#again = setTimeout(() => void this.#probe(), this.#options.againMs ?? 1_000);
    this.#again.unref();
  }

  /** Where nothing at all is answered, whoever is let through only waits. */
  #isTrial(): boolean {
    const now = this.#now();
    if (!this.#answersProbe || now - this.#trialAt < (this.#options.trialMs ?? 5_000)) {
      return false;
    }
    this.#trialAt = now;
    return true;
  }

  #now(): number {
    return (this.#options.clock ?? Date.now)();
  }
}

function silence(name: string, probeMs: number): ProxyError {
  const cause = new Error(`no answer within ${probeMs} ms`);
  return new ProxyError('storage-unavailable', `asking storage whether it is there: ${name} does not answer; check that it is up and can be reached from here`, { cause });
}

// Each caller gets an error of its own: a stack that is shared says nothing.
function again(outage: ProxyError): ProxyError {
  const code = AWAY.has(outage.code) ? outage.code : 'storage-unavailable';
  return new ProxyError(code, outage.message, { cause: outage, ...(outage.retryAfterMs !== undefined && { retryAfterMs: outage.retryAfterMs }) });
}
