import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import { untilAborted } from './abort.ts';
import { type Answer, headerText, type RegistryRequest } from './exchange.ts';
import { errorCodes } from './failures.ts';

const BASE_PATH = '/v2/';
/** Of every answer of most registries, and of no gateway's. */
const API_HEADER = 'docker-distribution-api-version';
const QUESTION_TIMEOUT_MS = 10_000;

/**
 * Whether nothing in an answer says that it is the registry's own `404`. A gateway answers that to everything while the registry behind it
 * is being restarted, and whoever believes it takes for missing what is stored.
 */
export function isDoubtful(answer: Answer): boolean {
  return answer.status === 404 && !answer.foreign && answer.url.pathname !== BASE_PATH && headerText(answer.headers, API_HEADER) === null && errorCodes(answer.bytes).length === 0;
}

/** Asks whether the registry is there: its `/v2/` never answers 404 (distribution-spec "Determining support"). Many that doubt at a time share the question. */
export class Presence {
  readonly #base: URL;
  readonly #ask: (request: RegistryRequest) => Promise<Answer>;
  #asking: Promise<boolean> | null = null;

  /** @param ask sends once, with our credential. */
  constructor(registry: URL, ask: (request: RegistryRequest) => Promise<Answer>) {
    this.#base = new URL(BASE_PATH, registry);
    this.#ask = ask;
  }

  /** @throws ProxyError `storage-unavailable` where it is not, or does not say. */
  async confirm({ subject, signal }: Pick<RegistryRequest, 'subject' | 'signal'>): Promise<void> {
    const asked = (this.#asking ??= this.#question());
    if (!(await untilAborted(asked, signal, subject))) {
      throw new ProxyError('storage-unavailable', `${subject}: ${this.#base.host} answered 404 in words that are no registry's, and has no /v2/ now; look at the gateway before the registry, and at the storage URL`);
    }
  }

  async #question(): Promise<boolean> {
    try {
      const answer = await this.#ask({ method: 'GET', url: this.#base, subject: `checking the registry ${this.#base.host}`, access: null, signal: AbortSignal.timeout(QUESTION_TIMEOUT_MS) });
      return answer.status !== 404;
    } catch (error) {
      // Whoever refuses our credential is there.
      return isProxyError(error, 'storage-denied');
    } finally {
      this.#asking = null;
    }
  }
}
