import { rm } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

import { createAccess } from '@oci-package-proxy/access';
import { InProcessHolders, type IngestJob, type IngestQueue, IngestUseCase } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { createHttpApp, createLogger, listenHttp } from '@oci-package-proxy/platform';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { npmMount } from './http/npm-mount.ts';
import { npmIngestCodec } from './ingest/npm-ingest-codec.ts';
import { NpmModule } from './npm.module.ts';

/** The token of the sample registry's operator. */
export const ADMIN = 'Bearer spec-admin-token-0123456789abcdef';

/** An answer as it came over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly brokenOff: boolean;
  json(): Record<string, unknown>;
}

/** How a sample registry is set up. */
export interface SampleOptions {
  /** Null: switched off. */
  readonly upstream: string | null;
  readonly privateNames?: readonly string[];
  readonly basePath?: string;
  readonly anonymousRead?: boolean;
  readonly usersFile?: string;
  readonly publish?: boolean;
  /** Kept from another one, so that it goes on with what is stored. */
  readonly registry?: MemoryRegistry;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  readonly queueFails?: boolean;
}

/** A whole npm registry on real parts, its storage in memory. */
export interface SampleRegistry {
  readonly port: number;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly jobs: readonly IngestJob[];
  readonly log: readonly Record<string, unknown>[];
  ask(path: string, how?: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown }): Promise<Answer>;
  /** Does all the jobs that wait, as the worker does. */
  ingest(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** Starts a {@link SampleRegistry} on a free port. */
export async function startSampleRegistry(options: SampleOptions): Promise<SampleRegistry> {
  const directory = await temporaryDirectory('npm-registry');
  const basePath = options.basePath ?? '';
  const registry = options.registry ?? new MemoryRegistry();
  const ledger = new Ledger({ registry });
  const jobs: IngestJob[] = [];
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ name: 'spec', level: 'info', destination: { write: (line) => void log.push(JSON.parse(line) as Record<string, unknown>) } });
  const queue: IngestQueue = {
    enqueue: async (job) => {
      if (options.queueFails === true) {
        throw new Error('the queue is gone');
      }
      await Promise.resolve(jobs.push(job));
    },
  };
  const http = new UpstreamClient({ instanceId: 'spec', allowedOrigins: options.upstream === null ? [] : [options.upstream], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  const upstream = options.upstream === null ? null : { url: options.upstream, http, documents: new DocumentCache({ upstream: http, ttlMs: options.ttlMs ?? 0, negativeTtlMs: 0, errorTtlMs: 0 }) };
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 30 });
  const { access, tokens, close } = await createAccess({
    usersFile: options.usersFile ?? null,
    adminToken: ADMIN.slice('Bearer '.length),
    anonymousRead: options.anonymousRead ?? true,
    rules: null,
    ledger,
  });
  const module = NpmModule.register({
    ledger,
    upstream,
    downloads,
    queue,
    holderId: 'spec-holder',
    access,
    tokens,
    privateNames: options.privateNames ?? [],
    basePath,
    config: { publicUrl: null, trustedProxies: [] },
    uploadDirectory: options.publish === false ? null : directory,
    limits: { publishBytes: 2 ** 28, jsonBytes: 2 ** 20 },
    logger,
  });
  const app = await createHttpApp(module, { config: { basePath, instanceId: 'spec' }, logger, mounts: [npmMount(basePath)] });
  const { port } = await listenHttp(app, { host: '127.0.0.1', port: 0 });
  const holders = new InProcessHolders();
  const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [npmIngestCodec({ upstream, privateNames: options.privateNames ?? [] })], peer: async () => Promise.resolve(null), logger });
  return {
    port,
    registry,
    ledger,
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
      await http.close();
      await holders.close();
      close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function ask(port: number, path: string, how: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown }): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { ...(how.body === undefined ? {} : { 'content-type': 'application/json' }), ...how.headers };
  const request = httpRequest({ port, host: '127.0.0.1', method: how.method ?? 'GET', path, headers, agent: false }, (response) => {
    const chunks: Buffer[] = [];
    const finish = (brokenOff: boolean): void => {
      const body = Buffer.concat(chunks);
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body, brokenOff, json: () => JSON.parse(body.toString('utf8')) as Record<string, unknown> });
    };
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => finish(!response.complete));
    response.on('error', () => finish(true));
  });
  request.on('error', reject);
  request.end(how.body === undefined ? undefined : JSON.stringify(how.body));
  return promise;
}
