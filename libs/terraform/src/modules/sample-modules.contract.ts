import { readdir, rm } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { InProcessHolders, type IngestJob, IngestUseCase } from '@oci-package-proxy/ingest';
import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger } from '@oci-package-proxy/storage';
import { temporaryDirectory, type TerraformUpstream } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { createHosts } from '../config/create-hosts.ts';
import type { TerraformHosts } from '../config/hosts.ts';
import { type ForgeKind, TERRAFORM_SECTION } from '../config/terraform-section.ts';
import type { ModuleAddress } from '../model/address.ts';
import { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { modulePlan } from './module-ingest.ts';
import { ModuleUploads } from './module-uploads.ts';
import { TerraformModules } from './terraform-modules.ts';

/** The host of what is published in samples. */
export const OWN = 'tf.example.com';
/** The host that samples pull through. */
export const UPSTREAM = 'registry.example.com';

/** A module at the upstream of samples. */
export const NET: ModuleAddress = { host: UPSTREAM, namespace: 'acme', name: 'net', system: 'aws' };
/** Files of a small module. */
export const FILES: Readonly<Record<string, string>> = {
  'main.tf': 'variable "name" {\n  description = "What it is called."\n}\n',
  'README.md': '# Network\n',
  'modules/vpc/main.tf': 'output "id" {\n  value = 1\n}\n',
};

/** What a registry in memory holds. */
export type Stored = NonNullable<ConstructorParameters<typeof MemoryRegistry>[1]>;

/** How sample modules are set up. */
export interface SampleOptions {
  /** Null: none is pulled through. */
  readonly upstream: TerraformUpstream | null;
  readonly forge?: ForgeKind | null;
  readonly privateNames?: readonly string[];
  /** Kept from another one, so that it goes on with what is stored. */
  readonly stored?: Stored;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  readonly queueFails?: boolean;
  readonly publishBytes?: number;
  /** Stands before every request to storage. */
  readonly gate?: Gate;
}

/** Everything about modules on real parts, its storage in memory. */
export interface SampleModules {
  readonly stored: Stored;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly hosts: TerraformHosts;
  readonly modules: TerraformModules;
  readonly uploads: ModuleUploads;
  readonly jobs: readonly IngestJob[];
  readonly log: readonly { readonly level: 'warn' | 'error'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[];
  /** Of a version, as a client gets it; null: there is none. */
  bytes(address: ModuleAddress, version?: string): Promise<Buffer | null>;
  /** Does all the jobs that wait, as the worker does: how each ended. */
  ingest(): Promise<readonly string[]>;
  run(job: Partial<IngestJob>): Promise<string>;
  /** The temporary files that are there. */
  temporary(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Starts {@link SampleModules}. */
export async function startSampleModules(options: SampleOptions): Promise<SampleModules> {
  const directory = await temporaryDirectory('modules');
  const work = await temporaryDirectory('modules-work');
  const stored = options.stored ?? new Map();
  const registry = new MemoryRegistry(options.gate === undefined ? {} : { gate: options.gate }, stored);
  const ledger = new Ledger({ registry });
  const { upstream } = options;
  const http = new UpstreamClient({ instanceId: 'spec', allowedOrigins: upstream === null ? [] : [upstream.url, upstream.filesUrl], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  const hosts = sampleHosts(options, http);
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 28, roundPauseMs: 10 });
  const holders = new InProcessHolders();
  const jobs: IngestJob[] = [];
  const log: SampleModules['log'][number][] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: Readonly<Record<string, unknown>>, message: string) => void log.push({ level: 'warn', fields, message }),
    error: (fields: Readonly<Record<string, unknown>>, message: string) => void log.push({ level: 'error', fields, message }),
  };
  const enqueue = async (job: IngestJob): Promise<void> => {
    if (options.queueFails === true) {
      throw new Error('the queue is gone');
    }
    await Promise.resolve(jobs.push(job));
  };
  const registries = new UpstreamRegistries();
  const modules = new TerraformModules({ ledger, hosts, downloads, queue: { enqueue }, holderId: 'spec-holder', logger, registries, directory: work });
  const codec = { ecosystem: 'terraform', plan: async (job: IngestJob, signal: AbortSignal) => modulePlan(job, { hosts, ledger, registries, directory: work, signal }) };
  const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [codec], peer: async () => Promise.resolve(null), logger });
  return {
    stored,
    registry,
    ledger,
    hosts,
    modules,
    uploads: new ModuleUploads({ ledger, directory: work, limits: { publishBytes: options.publishBytes ?? 2 ** 20 } }),
    jobs,
    log,
    bytes: async (address, version = '1.0.0') => {
      const claim = await modules.archive(address, version);
      const file = claim === null ? null : await modules.file(claim);
      return file === null ? null : buffer(await (await file.start()).open(undefined, new AbortController().signal));
    },
    ingest: async () => {
      const outcomes: string[] = [];
      for (const job of jobs.splice(0)) {
        outcomes.push(await useCase.run(job));
      }
      return outcomes;
    },
    run: async (job) => useCase.run({ version: 1, ecosystem: 'terraform', package: `modules/${UPSTREAM}/acme/net/aws`, file: '1.0.0', digest: `sha256:${'0'.repeat(64)}`, holder: null, at: 0, ...job }),
    temporary: async () => (await readdir(work)).map((name) => `${work}/${name}`),
    close: async () => {
      await downloads.close();
      await http.close();
      await holders.close();
      await rm(directory, { recursive: true, force: true });
      await rm(work, { recursive: true, force: true });
    },
  };
}

function sampleHosts({ upstream, forge = 'gitea', privateNames = [], ttlMs = 0 }: SampleOptions, http: UpstreamClient): TerraformHosts {
  return createHosts({
    section: TERRAFORM_SECTION.parse({
      upstreams: upstream === null ? {} : { [UPSTREAM]: { url: upstream.url } },
      forges: upstream === null || forge === null ? {} : { [new URL(upstream.filesUrl).host]: forge },
    }),
    hostname: OWN,
    named: [],
    publicUrl: null,
    privateNames,
    upstreamAt: () => ({ upstream: http, documents: new DocumentCache({ upstream: http, ttlMs, negativeTtlMs: 0, errorTtlMs: 0 }) }),
  });
}

/** Lets an upstream have a version of {@link NET}, in a repository of its forge. */
export function putNet(upstream: TerraformUpstream, files: Readonly<Record<string, string>> = FILES, version = '1.0.0'): void {
  upstream.putCommit('acme/net', `v${version}`, files);
  const others = upstream.modules.get('acme/net/aws')?.versions.filter((one) => one.version !== version) ?? [];
  upstream.putModule({ ...NET, versions: [...others, { version, at: { repository: 'acme/net', ref: `v${version}` } }] });
}
