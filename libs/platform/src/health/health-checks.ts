import { isProxyError } from '@oci-package-proxy/errors';

import type { Logger } from '../logging/logger.ts';

/** Something the process depends on. */
export interface HealthCheck {
  /** Shown in `/readyz`: storage, queue … */
  readonly name: string;
  /**
   * Without it the process cannot do its work; else its failure is shown as `degraded` and requests stay welcome. `at-start`: until it was
   * well once, as there is nothing remembered yet that could be served without it.
   */
  readonly required: boolean | 'at-start';
  /** Resolves when all is well. */
  run(signal: AbortSignal): Promise<void>;
}

/** What `/readyz` says. */
export interface HealthVerdict {
  readonly ready: boolean;
  readonly status: 'ok' | 'degraded' | 'unready' | 'stopping';
  readonly checks: Readonly<Record<string, 'ok' | 'failing' | 'unknown'>>;
  /** Of what is failing: error codes by name, which tell no address and no secret. The log has the text. */
  readonly reasons?: Readonly<Record<string, string>>;
}

/** How {@link HealthChecks} run. */
export interface HealthOptions {
  readonly checks: readonly HealthCheck[];
  readonly logger?: Logger;
  /** Between runs, ms; default 5 000. */
  readonly intervalMs?: number;
  /** A run that takes longer has failed, ms; default 5 000. */
  readonly timeoutMs?: number;
  /** A result older than this is none, ms; default 30 000. */
  readonly expireMs?: number;
  readonly clock?: () => number;
}

/**
 * Runs its checks in the background, each at its own pace and never twice at once; a probe only reads the results. A
 * check that hangs cannot keep an old good result alive: results expire.
 */
export class HealthChecks {
  readonly #options: HealthOptions;
  readonly #results = new Map<string, { readonly reason: string | null; readonly at: number }>();
  readonly #wasWell = new Set<string>();
  readonly #stopped = new AbortController();
  #stopping = false;
  #started = false;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Starts the background runs; resolves when each check has run once. */
  async start(): Promise<void> {
    if (this.#started) {
      return;
    }
    this.#started = true;
    await Promise.all(this.#options.checks.map(async (check) => {
      await this.#run(check);
      void this.#repeat(check);
    }));
  }

  /** From now on `/readyz` is 503, so that load balancers turn away. */
  drain(): void {
    this.#stopping = true;
  }

  /** Ends the background runs. */
  stop(): void {
    this.#stopped.abort();
  }

  verdict(): HealthVerdict {
    const states = this.#options.checks.map((check) => ({ check, state: this.#state(check) }));
    const checks = Object.fromEntries(states.map(({ check, state }) => [check.name, state]));
    const broken = states.filter(({ state }) => state !== 'ok');
    const said = { checks, ...this.#reasons(broken.map(({ check }) => check.name)) };
    if (this.#stopping) {
      return { ready: false, status: 'stopping', ...said };
    }
    if (broken.some(({ check }) => this.#isRequired(check))) {
      return { ready: false, status: 'unready', ...said };
    }
    return { ready: true, status: broken.length > 0 ? 'degraded' : 'ok', ...said };
  }

  #isRequired({ name, required }: HealthCheck): boolean {
    return required === 'at-start' ? !this.#wasWell.has(name) : required;
  }

  #reasons(names: readonly string[]): Pick<HealthVerdict, 'reasons'> {
    const reasons = names.flatMap((name) => {
      const reason = this.#results.get(name)?.reason ?? null;
      return reason === null ? [] : [[name, reason] as const];
    });
    return reasons.length === 0 ? {} : { reasons: Object.fromEntries(reasons) };
  }

  #state(check: HealthCheck): 'ok' | 'failing' | 'unknown' {
    const result = this.#results.get(check.name);
    if (result === undefined || this.#now() - result.at > (this.#options.expireMs ?? 30_000)) {
      return 'unknown';
    }
    return result.reason === null ? 'ok' : 'failing';
  }

  async #repeat(check: HealthCheck): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      await pause(this.#options.intervalMs ?? 5_000, signal);
      if (!signal.aborted) {
        await this.#run(check);
      }
    }
  }

  async #run(check: HealthCheck): Promise<void> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs ?? 5_000);
    const before = this.#results.get(check.name)?.reason;
    try {
      await orAborted(check.run(AbortSignal.any([timeout, this.#stopped.signal])), timeout);
      this.#results.set(check.name, { reason: null, at: this.#now() });
      this.#wasWell.add(check.name);
      if (before !== undefined && before !== null) {
        this.#options.logger?.info({ check: check.name }, 'health check recovered');
      }
    } catch (error) {
      const reason = isProxyError(error) ? error.code : 'no-answer';
      this.#results.set(check.name, { reason, at: this.#now() });
      if ((before === undefined || before === null) && !this.#stopped.signal.aborted) {
        this.#options.logger?.warn({ check: check.name, err: error }, 'health check failed');
      }
    }
  }

  #now(): number {
    return (this.#options.clock ?? Date.now)();
  }
}

// A check that ignores its signal must not hold the others' cadence or ours.
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new Error('timed out'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  timer.unref();
  const wake = (): void => resolve();
  signal.addEventListener('abort', wake, { once: true });
  await promise;
  signal.removeEventListener('abort', wake);
  clearTimeout(timer);
}
