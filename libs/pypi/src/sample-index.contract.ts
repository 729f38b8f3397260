import { rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

import { type AccessRules, createAccess, type Tokens } from '@oci-package-proxy/access';
import { InProcessHolders, type IngestJob, type IngestQueue, IngestUseCase } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { createHttpApp, createLogger, listenHttp } from '@oci-package-proxy/platform';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { createIndexes } from './config/create-indexes.ts';
import { PYPI_SECTION } from './config/pypi-section.ts';
import { pypiMounts } from './http/pypi-mounts.ts';
import { PypiModule } from './pypi.module.ts';
import { createPypiParts, type PypiParts } from './pypi.parts.ts';

/** The Authorization header of the sample index's operator, as upload clients send it. */
export const ADMIN = basic('__token__', 'spec-admin-token-0123456789abcdef');

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
  readonly body?: Buffer | string;
}

/** How a sample index is set up. */
export interface SampleOptions {
  /** What PYPI_UPSTREAM_URL says; null: off. */
  readonly upstream: string | null;
  /** Section `ecosystems.pypi` of CONFIG_FILE. */
  readonly section?: unknown;
  readonly privateNames?: readonly string[];
  /** Path prefix of the indexes; default `/pypi`. */
  readonly prefix?: string;
  readonly publicUrl?: string;
  readonly anonymousRead?: boolean;
  readonly usersFile?: string;
  readonly rules?: AccessRules;
  readonly publish?: boolean;
  readonly publishBytes?: number;
  /** Kept from another one, so that it goes on with what is stored. */
  readonly registry?: MemoryRegistry;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  readonly queueFails?: boolean;
  /** Further origins that upstream's links may lead to, though their addresses are private. */
  readonly fileHosts?: readonly string[];
}

/** Whole indexes on real parts, their storage in memory. */
export interface SampleIndex {
  readonly port: number;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly tokens: Tokens;
  readonly parts: PypiParts;
  readonly jobs: readonly IngestJob[];
  readonly log: readonly Record<string, unknown>[];
  ask(path: string, how?: Ask): Promise<Answer>;
  /** Does all the jobs that wait, as the worker does. */
  ingest(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts a {@link SampleIndex} on a free port. */
export async function startSampleIndex(options: SampleOptions): Promise<SampleIndex> {
  const directory = await temporaryDirectory('pypi-index');
  const prefix = options.prefix ?? '/pypi';
  const registry = options.registry ?? new MemoryRegistry();
  const ledger = new Ledger({ registry });
  const { jobs, queue } = jobList(options);
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ name: 'spec', level: 'info', destination: { write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>) } });
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 30 });
  const { access, tokens, close } = await createAccess({
    usersFile: options.usersFile ?? null,
    adminToken: 'spec-admin-token-0123456789abcdef',
    anonymousRead: options.anonymousRead ?? true,
    rules: options.rules ?? null,
    ledger,
  });
  const { indexes, closeUpstreams } = sampleIndexes(options);
  const limits = { publishBytes: options.publishBytes ?? 2 ** 28 };
  const parts = createPypiParts({ ledger, indexes, downloads, queue, holderId: 'spec-holder', uploadDirectory: options.publish === false ? null : directory, limits, logger });
  const config = { publicUrl: options.publicUrl ?? null, trustedProxies: [] };
  const app = await createHttpApp(PypiModule.register({ parts, access, prefix, root: '', config }), { config: { basePath: prefix, instanceId: 'spec' }, logger, mounts: pypiMounts(prefix, '') });
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

function sampleIndexes(options: SampleOptions): { readonly indexes: ReturnType<typeof createIndexes>; closeUpstreams(): Promise<void> } {
  const clients: UpstreamClient[] = [];
  const indexes = createIndexes({
    section: PYPI_SECTION.parse(options.section),
    defaultUrl: options.upstream,
    privateNames: options.privateNames ?? [],
    upstreamAt: (url) => {
      const upstream = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [url, ...(options.fileHosts ?? [])], retry: { attempts: 1 }, breaker: { failures: 1000 } });
      clients.push(upstream);
      return { upstream, documents: new DocumentCache({ upstream, ttlMs: options.ttlMs ?? 0, negativeTtlMs: 0, errorTtlMs: 0 }) };
    },
  });
  return { indexes, closeUpstreams: async () => void (await Promise.all(clients.map((client) => client.close()))) };
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
  request.end(how.body);
  return promise;
}
