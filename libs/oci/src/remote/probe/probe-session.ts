import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { untilAborted } from '../http/abort.ts';
import { contentCoding } from '../http/content-coding.ts';
import { type Answer, headerText, type RegistryRequest } from '../http/exchange.ts';
import { errorCodes } from '../http/failures.ts';
import { withRetries } from '../http/retry.ts';
import type { RemoteRegistry } from '../remote-registry.ts';
import type { EndpointRequest, RepositoryEndpoint } from '../repository-endpoint.ts';
import { type Finding, PROBE_TOPICS, type ProbeTopic, type ProbeValues } from './probe-report.ts';

/** More than any manifest or tag list of a probe. */
const MAX_ANSWER = 16 * 1024 * 1024;
const ATTEMPTS = 3;
/** For one step, of several requests; the whole probe has a deadline besides. */
const STEP_MS = 45_000;

/** Why what comes after the deadline is unknown. */
export const OVER = 'there was no time left to find it out';

/** Answers that a question may get; {@link ProbeSession.send} makes a status of failures too. */
export type Reply = Pick<Answer, 'status' | 'headers' | 'bytes' | 'url' | 'foreign'> & {
  /** `201`, `404 NAME_UNKNOWN`, or what failed. */
  readonly said: string;
};

/** What one probe knows: asks the registry, step by step, and keeps what was found. */
export class ProbeSession {
  readonly registry: RemoteRegistry;
  /** Part of every name that this probe makes. */
  readonly id: string;
  readonly #findings = new Map<ProbeTopic, Finding>();
  readonly #codings = new Set<string>();
  #isDistribution = false;
  readonly #given: { readonly caller: AbortSignal | undefined; readonly deadline: AbortSignal };
  #signal: AbortSignal;

  constructor(options: { readonly registry: RemoteRegistry; readonly id: string; readonly caller: AbortSignal | undefined; readonly deadline: AbortSignal }) {
    this.registry = options.registry;
    this.id = options.id;
    this.#given = options;
    this.#signal = options.deadline;
  }

  /** Of the step that runs. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Whether its time is up. */
  get isOver(): boolean {
    return this.#given.deadline.aborted;
  }

  /** Whether it says of itself that it speaks as distribution does. */
  get isDistribution(): boolean {
    return this.#isDistribution;
  }

  /** Keeps what was found; the first word about a topic counts. */
  found<T extends ProbeTopic>(what: T, value: ProbeValues[T], details: string): void {
    if (!this.#findings.has(what)) {
      this.#findings.set(what, { what, value, details } as Finding);
    }
  }

  /** Says why something could not be found out, of all topics that nothing is known of yet. */
  unknown(topics: readonly ProbeTopic[], why: string): void {
    for (const what of topics.filter((topic) => !this.#findings.has(topic))) {
      this.#findings.set(what, { what, value: null, details: why });
    }
  }

  /** What was found about `what`, or null. */
  known<T extends ProbeTopic>(what: T): ProbeValues[T] | null {
    return (this.#findings.get(what)?.value ?? null) as ProbeValues[T] | null;
  }

  /**
   * Runs one step within its time; whatever fails in it makes `topics` unknown, as far as they are not found yet, and not the probe fail.
   * @throws ProxyError `aborted` when the caller gave up.
   */
  async step(topics: readonly ProbeTopic[], work: () => Promise<void>): Promise<void> {
    if (this.isOver) {
      this.unknown(topics, OVER);
      return;
    }
    const { caller, deadline } = this.#given;
    this.#signal = AbortSignal.any([deadline, AbortSignal.timeout(STEP_MS), ...(caller === undefined ? [] : [caller])]);
    try {
      await untilAborted(work(), this.#signal, 'probing the registry');
    } catch (error) {
      if (caller?.aborted === true) {
        throw error;
      }
      this.unknown(topics, this.#signal.aborted ? 'it took too long to find out' : whyOf(error));
    }
  }

  /** Runs what has to be done after the last step, for at most `ms`, whatever comes of it. */
  async tidy(ms: number, work: () => Promise<void>): Promise<void> {
    const { caller } = this.#given;
    this.#signal = AbortSignal.any([AbortSignal.timeout(ms), ...(caller === undefined ? [] : [caller])]);
    await untilAborted(work(), this.#signal, 'tidying up').catch(() => undefined);
  }

  /**
   * Sends a request, again where that may help. Denials and size limits, whoever states them, come back as a status like any other answer.
   * @throws ProxyError `storage-unavailable` when there is no answer, or only failing ones; `aborted`.
   */
  async send(endpoint: RepositoryEndpoint, parts: Omit<EndpointRequest, 'signal'>): Promise<Reply> {
    const { signal } = this;
    const request = requestOf(endpoint, parts, signal);
    const policy = { attempts: Math.min(ATTEMPTS, endpoint.client.retry.attempts), baseMs: endpoint.client.retry.baseMs };
    try {
      return this.#heard(await withRetries(policy, { subject: request.subject, signal }, () => endpoint.client.askOnce(request, MAX_ANSWER)));
    } catch (error) {
      if (!isProxyError(error, 'storage-denied') && !isProxyError(error, 'too-large')) {
        throw error;
      }
      return { status: error.code === 'too-large' ? 413 : 401, headers: {}, bytes: Buffer.alloc(0), url: request.url, foreign: false, said: whyOf(error) };
    }
  }

  /** The same without a credential, once. */
  async sendBare(endpoint: RepositoryEndpoint, parts: Omit<EndpointRequest, 'signal'>): Promise<Reply> {
    return this.#heard(await endpoint.client.askBare(requestOf(endpoint, parts, this.signal), MAX_ANSWER));
  }

  /** All findings, in the order of a report. @param why of what nothing was said about. */
  findings(why: string): readonly Finding[] {
    const codings = [...this.#codings].join(', ');
    if (codings !== '') {
      this.found('compresses', true, `answers came coded (${codings}), though identity was asked for`);
    } else if (this.known('reachable') === true) {
      this.found('compresses', false, 'answers come as they are');
    }
    this.unknown(PROBE_TOPICS, why);
    return PROBE_TOPICS.map((what) => this.#findings.get(what)).filter((finding) => finding !== undefined);
  }

  #heard(answer: Answer): Reply {
    this.#isDistribution ||= headerText(answer.headers, 'docker-distribution-api-version') !== null;
    const coding = contentCoding(answer.headers);
    if (coding !== null && !answer.foreign) {
      this.#codings.add(/^[a-z0-9-]{1,20}$/.test(coding) ? coding : 'unknown');
    }
    return { ...answer, said: [answer.status, ...errorCodes(answer.bytes).slice(0, 3)].join(' ') };
  }
}

/** Whether the registry let us do it. */
export function isDone({ status }: Reply): boolean {
  return status >= 200 && status < 300;
}

/** Whether our credential was refused; a repository that is hidden from strangers is not meant. */
export function isDenied({ status, said }: Reply): boolean {
  return (status === 401 || status === 403) && !said.includes('NAME_UNKNOWN');
}

/** `Docker-Content-Digest` of an answer. */
export function statedDigest({ headers }: Reply): string | null {
  return headerText(headers, 'docker-content-digest');
}

/** What needs no rights is of no repository. */
function requestOf(endpoint: RepositoryEndpoint, parts: Omit<EndpointRequest, 'signal'>, signal: AbortSignal): RegistryRequest {
  const request = endpoint.request({ ...parts, signal });
  return parts.actions.length === 0 ? { ...request, access: null, subject: parts.operation } : request;
}

function whyOf(error: unknown): string {
  return error instanceof ProxyError ? error.message : 'the probe itself failed; please report it';
}
