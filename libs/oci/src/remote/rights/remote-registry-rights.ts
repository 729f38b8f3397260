import { randomBytes } from 'node:crypto';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { discard, readAnswer } from '../http/body.ts';
import type { ClientCertificate } from '../http/client-certificate.ts';
import type { Answer, RegistryRequest } from '../http/exchange.ts';
import { RETRYABLE_STATUS, statusFailure } from '../http/failures.ts';
import { isUnavailable, withRetries } from '../http/retry.ts';
import { DEFAULT_TIMEOUTS, Transport, type TransportTimeouts } from '../http/transport.ts';
import { parseStorageUrl } from '../storage-url.ts';
import { RegistryDoor } from './registry-door.ts';
import type { RegistryRights, RepositoryAction, RightsAnswer, UserCredential } from './registry-rights.ts';
import { rightsQuestion } from './rights-question.ts';
import { ShownCredential } from './shown-credential.ts';

const DEFAULT_CONNECTIONS = 8;
/** A client waits for the answer. */
const TIMEOUTS: Partial<TransportTimeouts> = { connectMs: 5_000, headersMs: 10_000, bodyIdleMs: 10_000 };
const DEADLINE_MS = 15_000;
const RETRY = { attempts: 2, baseMs: 200 };
const LONGEST_WAIT_MS = 1_000;
const TOKEN_ANSWER = 262_144;
const CHECKS_FOR_MS = 60 * 60_000;

/** How a {@link RemoteRegistryRights} reaches its registry. */
export interface RemoteRegistryRightsOptions {
  /** The storage URL. */
  readonly url: string;
  /** Questions under way at a time; default 8. */
  readonly maxConnections?: number;
  /** PEM certificates that are trusted besides the machine's. */
  readonly ca?: string;
  /** Our own, for a registry that lets nobody connect without one. */
  readonly clientCertificate?: ClientCertificate;
  /** Whether the registry is known to delete nothing: then it is not asked who may. Default false. */
  readonly deletesNothing?: boolean;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
}

/** The rights of a registry that speaks the Distribution API. Its connections are its own: questions take no place of reads and writes. */
export class RemoteRegistryRights implements RegistryRights {
  readonly #registry: URL;
  readonly #transport: Transport;
  readonly #door: RegistryDoor;
  readonly #clock: () => number;
  readonly #deletesNothing: boolean;
  #checking: { readonly checks: Promise<boolean>; readonly until: number } | null = null;

  /** @throws ProxyError `config` when the URL is unfit. */
  constructor(options: RemoteRegistryRightsOptions) {
    const { url, maxConnections = DEFAULT_CONNECTIONS, ca, clientCertificate, deletesNothing = false, clock = Date.now } = options;
    this.#registry = parseStorageUrl(url).registry;
    this.#transport = new Transport({ registry: this.#registry, maxConnections, timeouts: { ...DEFAULT_TIMEOUTS, ...TIMEOUTS }, ca, clientCertificate });
    this.#clock = clock;
    this.#deletesNothing = deletesNothing;
    this.#door = new RegistryDoor({ registry: this.#registry, clock, send: async (request) => this.#send({ ...request, signal: AbortSignal.timeout(DEADLINE_MS) }) });
  }

  async knows(credential: UserCredential): Promise<boolean> {
    if (!(await this.#accepts(credential))) {
      return false;
    }
    if (!(await this.#checksCredentials())) {
      throw new ProxyError(
        'storage-denied',
        `signing in by the registry ${this.#registry.host}: it takes any user name and password, and so cannot say who may do what; switch its authentication on, or the pass-through off`,
      );
    }
    return true;
  }

  async may(credential: UserCredential, action: RepositoryAction, repository: string): Promise<RightsAnswer> {
    if (action === 'delete' && this.#deletesNothing) {
      return 'unsaid';
    }
    return this.#inTime(`asking ${this.#registry.host} for rights in ${repository}`, async (signal) =>
      rightsQuestion({ shown: this.#show(credential, signal), registry: this.#registry, action, repository }),
    );
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #accepts(credential: UserCredential): Promise<boolean> {
    const subject = `signing in by the registry ${this.#registry.host}`;
    return this.#inTime(subject, async (signal) => {
      const shown = this.#show(credential, signal);
      const ticket = await shown.ticket(null);
      if (ticket?.kind === 'bearer') {
        // The token service has looked at the credential, and gives nothing to strangers: see `#checksCredentials`.
        return true;
      }
      const answer = await shown.ask({ method: 'GET', url: new URL('/v2/', this.#registry), subject, access: null }, ticket);
      if (answer === null || answer.status === 401 || answer.status === 403) {
        return false;
      }
      if (answer.status !== 200) {
        throw new ProxyError('storage-unavailable', `${subject}: it answered ${answer.status}; is the storage URL that of a registry?`);
      }
      return true;
    });
  }

  /** Whether a credential that was made up this moment is refused: what a registry says of credentials that it does not look at is worth nothing. */
  async #checksCredentials(): Promise<boolean> {
    if (this.#checking === null || this.#checking.until <= this.#clock()) {
      const random = (): string => randomBytes(16).toString('hex');
      const checking = { checks: this.#accepts({ username: `nobody-${random()}`, password: random() }).then((accepted) => !accepted), until: this.#clock() + CHECKS_FOR_MS };
      this.#checking = checking;
      const forget = (): void => {
        this.#checking = this.#checking === checking ? null : this.#checking;
      };
      checking.checks.then((checks) => (checks ? undefined : forget()), forget);
    }
    return this.#checking.checks;
  }

  #show(credential: UserCredential, signal: AbortSignal): ShownCredential {
    return new ShownCredential(credential, { registry: this.#registry, door: this.#door, signal, send: async (request) => this.#send({ ...request, signal }) });
  }

  /** @throws ProxyError `storage-unavailable` for a redirect, too, which no credential follows. */
  async #send(request: RegistryRequest): Promise<Answer> {
    const retryable = (error: unknown): boolean => isUnavailable(error) && isProxyError(error) && (error.retryAfterMs ?? 0) <= LONGEST_WAIT_MS;
    return withRetries(RETRY, { subject: request.subject, signal: request.signal, retryable }, async () => {
      const answer = await this.#answer(request);
      if (RETRYABLE_STATUS.has(answer.status)) {
        throw statusFailure(answer, request.subject);
      }
      if (answer.status >= 300 && answer.status < 400 && request.lane !== 'token') {
        throw new ProxyError('storage-unavailable', `${request.subject}: ${request.url.host} redirects (${answer.status}), where no credential is sent; correct the storage URL`);
      }
      return answer;
    });
  }

  async #answer(request: RegistryRequest): Promise<Answer> {
    const answer = await this.#transport.send(request);
    if (answer.status >= 300 || request.lane === 'token') {
      return readAnswer(answer, request, TOKEN_ANSWER);
    }
    // A list of tags may be long, and that it is given says enough.
    await discard(answer.body);
    return { ...answer, bytes: Buffer.alloc(0) };
  }

  async #inTime<T>(subject: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    try {
      return await work(signal);
    } catch (error) {
      if (signal.aborted) {
        throw new ProxyError('storage-unavailable', `${subject}: no answer within ${DEADLINE_MS / 1000} s`, { cause: error });
      }
      throw error;
    }
  }
}
