import { rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { type AccessRules, createAccess, type Tokens } from '@oci-package-proxy/access';
import { InProcessHolders, type IngestJob, type IngestQueue, IngestUseCase } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { createHttpApp, createLogger, listenHttp } from '@oci-package-proxy/platform';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { createHosts } from './config/create-hosts.ts';
import { TERRAFORM_SECTION } from './config/terraform-section.ts';
import type { NamedUpstream } from './config/terraform-variables.ts';
import { terraformMounts } from './http/terraform-mounts.ts';
import { createFileLinks } from './links/file-links.ts';
import type { SumsSigner } from './signing/sums-signer.ts';
import { TerraformModule } from './terraform.module.ts';
import { createTerraformParts, type TerraformParts } from './terraform.parts.ts';

/** The token of the sample registry's operator. */
export const ADMIN_TOKEN = 'spec-admin-token-0123456789abcdef';
/** The Authorization header of the sample registry's operator. */
export const ADMIN = `Bearer ${ADMIN_TOKEN}`;

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  /** Of the status line. */
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly brokenOff: boolean;
  text(): string;
  json(): Record<string, unknown>;
}

/** A request as it goes over the wire. */
export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string | Readable;
}

/** How a sample registry is set up. */
export interface SampleOptions {
  /** Of TERRAFORM_UPSTREAM_HOSTS. */
  readonly upstreams?: readonly NamedUpstream[];
  readonly hostname?: string;
  /** Section `ecosystems.terraform` of CONFIG_FILE. */
  readonly section?: unknown;
  readonly privateNames?: readonly string[];
  readonly signers?: ReadonlyMap<string, SumsSigner>;
  /** Path prefix of the registry; default `/terraform`. */
  readonly prefix?: string;
  readonly root?: string;
  readonly publicUrl?: string;
  readonly anonymousRead?: boolean;
  readonly usersFile?: string;
  readonly adminToken?: string | null;
  readonly rules?: AccessRules;
  readonly publish?: boolean;
  readonly publishBytes?: number;
  /** Kept from another one, so that it goes on with what is stored. */
  readonly registry?: MemoryRegistry;
  /** Milliseconds since the epoch, of links, codes and tokens. */
  readonly clock?: () => number;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  readonly queueFails?: boolean;
  /** Further origins that upstream's links may lead to, though their addresses are private. */
  readonly fileHosts?: readonly string[];
  /** SECRET_KEY. */
  readonly secret?: string;
}

/** A whole registry on real parts, its storage in memory. */
export interface SampleRegistry {
  readonly port: number;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly tokens: Tokens;
  readonly parts: TerraformParts;
  readonly jobs: readonly IngestJob[];
  readonly log: readonly Record<string, unknown>[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  ask(path: string, how?: Ask): Promise<Answer>;
  /** Does all the jobs that wait, as the worker does. */
  ingest(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts a {@link SampleRegistry} on a free port. */
export async function startSampleRegistry(options: SampleOptions = {}): Promise<SampleRegistry> {
  const directory = await temporaryDirectory('terraform-registry');
  const { prefix = '/terraform', root = '', clock, secret = 'k'.repeat(32) } = options;
  const section = TERRAFORM_SECTION.parse(options.section);
  const registry = options.registry ?? new MemoryRegistry();
  const ledger = new Ledger({ registry });
  const { jobs, queue } = jobList(options);
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ name: 'spec', level: 'info', destination: { write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>) } });
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 30 });
  const { usersFile = null, adminToken = ADMIN_TOKEN, publicUrl = null, publish = true } = options;
  const { access, tokens, close } = await createAccess({ usersFile, adminToken, anonymousRead: options.anonymousRead ?? true, rules: options.rules ?? null, ledger, clock });
  const { hosts, closeUpstreams } = sampleHosts(options);
  const parts = createTerraformParts({
    ledger,
    registry,
    hosts,
    links: createFileLinks({ secret, seconds: section.linkSeconds, clock }),
    linkSeconds: section.linkSeconds,
    downloads,
    queue,
    holderId: 'spec-holder',
    directory,
    publish,
    limits: { publishBytes: options.publishBytes ?? 2 ** 28 },
    signers: options.signers ?? new Map(),
    originalAnnotations: section.originalAnnotations,
    logger,
  });
  const config = { publicUrl, trustedProxies: [], secretKey: secret, usersFile, adminToken };
  const [reads, writes]: [string[], string[]] = [[], []];
  const observer = { onRead: (kind: string, result: string): void => void reads.push(`${kind} ${result}`), onWrite: (result: string): void => void writes.push(result) };
  const module = TerraformModule.register({ parts, access, tokens, prefix, root, config, loginDays: section.loginDays, observer, clock });
  const app = await createHttpApp(module, { config: { basePath: root, instanceId: 'spec' }, logger, mounts: terraformMounts(prefix, root) });
  const { port } = await listenHttp(app, { host: '127.0.0.1', port: 0 });
  const holders = new InProcessHolders();
  const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [parts.codec], peer: async () => Promise.resolve(null), logger });
  return {
    port,
    registry,
    ledger,
    tokens,
    parts,
    jobs,
    log,
    reads,
    writes,
    ask: async (path, how = {}) => ask(port, path, how),
    ingest: async () => {
      const outcomes: string[] = [];
      for (const job of jobs.splice(0)) {
        outcomes.push(await useCase.run(job));
      }
      return outcomes;
    },
    stop: async () => {
      await app.close();
      await downloads.close();
      await closeUpstreams();
      await holders.close();
      close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** An Authorization header: RFC 7617. */
export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function jobList(options: SampleOptions): { readonly jobs: IngestJob[]; readonly queue: IngestQueue } {
  const jobs: IngestJob[] = [];
  const enqueue = async (job: IngestJob): Promise<void> => {
    if (options.queueFails === true) {
      throw new Error('the queue is gone');
    }
    await Promise.resolve(jobs.push(job));
  };
  return { jobs, queue: { enqueue } };
}

function sampleHosts(options: SampleOptions): { readonly hosts: ReturnType<typeof createHosts>; closeUpstreams(): Promise<void> } {
  const clients: UpstreamClient[] = [];
  const hosts = createHosts({
    section: TERRAFORM_SECTION.parse(options.section),
    hostname: options.hostname ?? null,
    named: options.upstreams ?? [],
    publicUrl: options.publicUrl ?? null,
    privateNames: options.privateNames ?? [],
    upstreamAt: (url) => {
      const upstream = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [url, ...(options.fileHosts ?? [])], retry: { attempts: 1 }, breaker: { failures: 1000 } });
      clients.push(upstream);
      return { upstream, documents: new DocumentCache({ upstream, ttlMs: options.ttlMs ?? 0, negativeTtlMs: 0, errorTtlMs: 0 }) };
    },
  });
  return { hosts, closeUpstreams: async () => void (await Promise.all(clients.map((client) => client.close()))) };
}

async function ask(port: number, path: string, how: Ask): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request = httpRequest({ port, host: '127.0.0.1', method: how.method ?? 'GET', path, headers: { ...how.headers }, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    const finish = (brokenOff: boolean): void => {
      const body = Buffer.concat(chunks);
      const text = (): string => body.toString('utf8');
      resolve({ status: response.statusCode ?? 0, reason: response.statusMessage ?? '', headers: response.headers, body, brokenOff, text, json: () => JSON.parse(text()) as Record<string, unknown> });
    };
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => finish(!response.complete));
    response.on('error', () => finish(true));
  });
  request.on('error', reject);
  if (how.body === undefined || typeof how.body === 'string' || Buffer.isBuffer(how.body)) {
    request.end(how.body);
  } else {
    await pipeline(how.body, request).catch(reject);
  }
  return promise;
}
