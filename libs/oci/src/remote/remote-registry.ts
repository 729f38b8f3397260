import { ProxyError } from '@oci-package-proxy/errors';

import type { CallOptions, Registry, Repository, TagDeleter } from '../ports/repository.ts';
import { Authorizer } from './auth/authorizer.ts';
import { ANONYMOUS, type CredentialSource } from './auth/credentials.ts';
import { CreateOnlyRepository } from './create-only-repository.ts';
import { untilAborted } from './http/abort.ts';
import { readAnswer } from './http/body.ts';
import type { ClientCertificate } from './http/client-certificate.ts';
import { statusFailure } from './http/failures.ts';
import { RegistryClient } from './http/registry-client.ts';
import type { RetryPolicy } from './http/retry.ts';
import { Semaphore } from './http/semaphore.ts';
import { DEFAULT_TIMEOUTS, Transport, type TransportTimeouts } from './http/transport.ts';
import { WarningReporter } from './http/warnings.ts';
import { KnownBlobs } from './known-blobs.ts';
import { flatName } from './profile/flat-name.ts';
import { registryProfile } from './profile/known-products.ts';
import { LearnedDeletes } from './profile/learned-deletes.ts';
import { NOBODYS_REPOSITORY, recogniseProduct } from './profile/recognition.ts';
import type { Product, RegistryProfile } from './profile/registry-profile.ts';
import { RemoteRepository } from './remote-repository.ts';
import { type RegistryParts, RepositoryEndpoint } from './repository-endpoint.ts';
import { parseStorageUrl } from './storage-url.ts';

const DEFAULT_CONNECTIONS = 8;
const DEFAULT_RETRY: RetryPolicy = { attempts: 5, baseMs: 200 };
/** Bodies of blobs that may be open at a time, for each place of the request limit. A body in waiting costs its buffers only. */
const DOWNLOADS_PER_CONNECTION = 16;
const TOKEN_ANSWER = 262_144;
const RECOGNITION_TIMEOUT_MS = 60_000;

/** How a {@link RemoteRegistry} reaches its registry. */
export interface RemoteRegistryOptions {
  /** `https://host[:port][/prefix]`; the prefix stands before every repository name. */
  readonly url: string;
  /** Default: anonymous. */
  readonly credentials?: CredentialSource;
  /** Requests under way at a time for each host, uploads at most half of them; default 8. */
  readonly maxConnections?: number;
  /** Default: 5 attempts, from 200 ms. */
  readonly retry?: RetryPolicy;
  /** PEM certificates that are trusted besides the machine's. */
  readonly ca?: string;
  /** Shown to the registry alone; its files are read anew for every connection. */
  readonly clientCertificate?: ClientCertificate;
  readonly timeouts?: Partial<TransportTimeouts>;
  /** What the registry does and does not do; default: what every one does. */
  readonly profile?: RegistryProfile;
  /** Gets every warning that the registry sends, once per text. */
  readonly onWarning?: (text: string) => void;
}

/** Any registry that speaks the Distribution API. No request is made before the first operation. */
export class RemoteRegistry implements Registry {
  /** What the registry does and does not do, as far as anybody said. */
  readonly profile: RegistryProfile;
  readonly #prefix: string;
  readonly #client: RegistryClient;
  readonly #parts: RegistryParts;
  #recognised: Promise<Product | null> | null = null;

  /** @throws ProxyError `config` when the URL is unfit. */
  constructor(options: RemoteRegistryOptions) {
    const { registry, prefix } = parseStorageUrl(options.url);
    const maxConnections = options.maxConnections ?? DEFAULT_CONNECTIONS;
    const timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const transport = new Transport({ registry, maxConnections, timeouts, ca: options.ca, clientCertificate: options.clientCertificate });
    const authorizer = new Authorizer({
      registry,
      credentials: options.credentials ?? ANONYMOUS,
      send: async (request) => readAnswer(await transport.send(request), request, TOKEN_ANSWER),
    });
    const warnings = new WarningReporter(options.onWarning ?? (() => undefined));
    this.profile = options.profile ?? registryProfile();
    this.#prefix = prefix;
    this.#client = new RegistryClient({ registry, transport, authorizer, warnings, retry: options.retry ?? DEFAULT_RETRY });
    this.#parts = {
      client: this.#client,
      downloads: new Semaphore(maxConnections * DOWNLOADS_PER_CONNECTION),
      knownBlobs: new KnownBlobs(),
      profile: this.profile,
      learnedDeletes: new LearnedDeletes(),
    };
  }

  /** Creates tags where the profile says that they are immutable. @throws ProxyError `invalid` when the name is none. */
  repository(name: string): Repository & TagDeleter {
    const endpoint = this.endpoint(name);
    return this.profile.immutableTags ? new CreateOnlyRepository(endpoint) : new RemoteRepository(endpoint);
  }

  /** For requests that are made of no operation of a repository: the probe's. @throws ProxyError `invalid` when the name is none. */
  endpoint(name: string): RepositoryEndpoint {
    const own = this.profile.names === 'flat' ? flatName(name) : name;
    return new RepositoryEndpoint(this.#prefix === '' ? own : `${this.#prefix}/${own}`, this.#parts);
  }

  /** GET of `/v2/`, with our credential where it asks for one: distribution-spec "Determining support". */
  async check(options: CallOptions = {}): Promise<void> {
    const { registry } = this.#client;
    const subject = `checking the registry ${registry.host}`;
    const url = new URL('/v2/', registry);
    const answer = await this.#client.ask({ method: 'GET', url, subject, access: null, signal: options.signal });
    if (answer.status === 404) {
      throw new ProxyError('storage-unavailable', `${subject}: it has no /v2/; is the storage URL that of a registry?`);
    }
    if (answer.status !== 200) {
      const failure = statusFailure(answer, subject);
      throw failure.code === 'storage-denied' ? failure : new ProxyError('storage-unavailable', failure.message, { cause: failure });
    }
  }

  /**
   * Which product answers there, as far as two GETs tell; null: they do not. Asked once: many that ask at a time share the question, and its
   * answer is kept. Nothing here goes by it.
   * @throws ProxyError what the registry fails with; asked again then.
   */
  async recognise(options: CallOptions = {}): Promise<Product | null> {
    const asked = (this.#recognised ??= this.#askProduct());
    return untilAborted(asked, options.signal, `recognising ${this.#client.registry.host}`);
  }

  #askProduct(): Promise<Product | null> {
    // Several may wait for it: it is not tied to the signal of the one that came first.
    const asking = recogniseProduct(this.endpoint(NOBODYS_REPOSITORY), AbortSignal.timeout(RECOGNITION_TIMEOUT_MS));
    asking.catch(() => (this.#recognised = null));
    return asking;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}
