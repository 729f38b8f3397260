import { rm } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { InProcessHolders, type IngestJob, IngestUseCase } from '@oci-package-proxy/ingest';
import { bufferBlob, type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { versionTag } from '@oci-package-proxy/mapping';
import { Ledger, type NewFact } from '@oci-package-proxy/storage';
import { type ProviderRelease, temporaryDirectory } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { createHosts } from '../config/create-hosts.ts';
import type { TerraformHosts } from '../config/hosts.ts';
import { terraformIngestCodec } from '../ingest/terraform-ingest-codec.ts';
import type { FileClaim } from '../links/file-claim.ts';
import { type ProviderAddress, providerRef } from '../model/address.ts';
import type { Platform } from '../model/provider.ts';
import { encodeDocument, OPENTOFU_TYPES, TERRAFORM_TYPES } from '../model/terraform-fact.ts';
import { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { TerraformProviders } from './terraform-providers.ts';

/** The host that sample upstreams are called. */
export const HOST = 'registry.example.com';
/** The host of what is published. */
export const OWN = 'tf.example.com';
/** A provider of the upstream, and one of ours. */
export const DEMO: ProviderAddress = { host: HOST, namespace: 'acme', type: 'demo' };
export const OURS: ProviderAddress = { host: OWN, namespace: 'acme', type: 'demo' };
export const LINUX: Platform = { os: 'linux', arch: 'amd64' };
export const MAC: Platform = { os: 'darwin', arch: 'arm64' };

const SIGNAL = new AbortController().signal;

/** What a registry in memory holds. */
export type Stored = NonNullable<ConstructorParameters<typeof MemoryRegistry>[1]>;

/** How sample providers are set up. */
export interface SampleOptions {
  /** Null: nothing is pulled through. */
  readonly upstreamUrl: string | null;
  readonly privateNames?: readonly string[];
  /** Kept from another one, so that it goes on with what is stored. */
  readonly stored?: Stored;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  /** How long a document that is there is passed over for a newer one; default 5 s. */
  readonly documentPatienceMs?: number;
  /** As of {@link TerraformProviders}. */
  readonly patienceMs?: number;
  readonly queueFails?: boolean;
  /** Stands before every request to storage. */
  readonly gate?: Gate;
}

/** Everything that is read of providers, on real parts, its storage in memory. */
export interface SampleProviders {
  readonly stored: Stored;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly hosts: TerraformHosts;
  readonly providers: TerraformProviders;
  readonly registries: UpstreamRegistries;
  readonly jobs: IngestJob[];
  readonly log: readonly { readonly level: 'warn' | 'error'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[];
  /** The bytes of a file, null where there is none. */
  bytes(claim: FileClaim): Promise<Buffer | null>;
  /** Downloads a platform as a client does; null where there is none. */
  install(address: ProviderAddress, version: string, platform?: Platform): Promise<Buffer | null>;
  /** Does all the jobs that wait, as the worker does. */
  ingest(): Promise<readonly string[]>;
  publish(address: ProviderAddress, release: ProviderRelease): Promise<void>;
  record(address: ProviderAddress, key: string, value: string | null): Promise<void>;
  close(): Promise<void>;
}

/** Starts {@link SampleProviders}. */
export async function startSampleProviders(options: SampleOptions): Promise<SampleProviders> {
  const { upstreamUrl, ttlMs = 0, documentPatienceMs, patienceMs } = options;
  const directory = await temporaryDirectory('terraform-providers');
  const stored = options.stored ?? new Map();
  const registry = new MemoryRegistry(options.gate === undefined ? {} : { gate: options.gate }, stored);
  const ledger = new Ledger({ registry });
  const http = new UpstreamClient({ instanceId: 'spec', allowedOrigins: upstreamUrl === null ? [] : [upstreamUrl], retry: { attempts: 1 }, breaker: { failures: 1000 } });
  const hosts = createHosts({
    section: { upstreams: {}, forges: {} },
    hostname: OWN,
    publicUrl: null,
    named: upstreamUrl === null ? [] : [{ host: HOST, url: upstreamUrl }],
    privateNames: options.privateNames ?? [],
    upstreamAt: () => ({ upstream: http, documents: new DocumentCache({ upstream: http, ttlMs, negativeTtlMs: 0, errorTtlMs: 0, ...(documentPatienceMs !== undefined && { patienceMs: documentPatienceMs }) }) }),
  });
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 28, roundPauseMs: 10 });
  const holders = new InProcessHolders();
  const jobs: IngestJob[] = [];
  const log: SampleProviders['log'][number][] = [];
  const logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields: Readonly<Record<string, unknown>>, message: string) => void log.push({ level: 'warn', fields, message }),
    error: (fields: Readonly<Record<string, unknown>>, message: string) => void log.push({ level: 'error', fields, message }),
  };
  const queue = {
    enqueue: async (job: IngestJob): Promise<void> => {
      if (options.queueFails === true) {
        throw new Error('the queue is gone');
      }
      await Promise.resolve(jobs.push(job));
    },
  };
  const registries = new UpstreamRegistries();
  const providers = new TerraformProviders({ ledger, hosts, downloads, queue, holderId: 'spec-holder', logger, registries, ...(patienceMs !== undefined && { patienceMs }) });
  const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [terraformIngestCodec({ hosts, ledger, registries, directory, logger })], peer: async () => Promise.resolve(null), logger });
  const bytes = async (claim: FileClaim): Promise<Buffer | null> => {
    const file = await providers.file(claim);
    return file === null ? null : buffer(await file.open(undefined, SIGNAL));
  };
  return {
    stored,
    registry,
    ledger,
    hosts,
    providers,
    registries,
    jobs,
    log,
    bytes,
    install: async (address, version, platform = LINUX) => {
      const found = await providers.package(address, version, platform);
      return found === null ? null : bytes(found.archive);
    },
    ingest: async () => {
      const outcomes: string[] = [];
      for (const job of jobs.splice(0)) {
        outcomes.push(await useCase.run(job));
      }
      return outcomes;
    },
    publish: async (address, release) => void (await ledger.publish(providerRef(address), publishedFact(release), { by: 'carol' })),
    record: async (address, key, value) => ledger.record(providerRef(address), [{ key, value }], { by: 'carol' }),
    close: async () => {
      await downloads.close();
      await http.close();
      await holders.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A signed release as publishing stores it. */
export function publishedFact({ version, protocols, archives, sums, signature, key }: ProviderRelease): NewFact {
  const bytesOf = ({ pieces }: ProviderRelease['archives'][number]): Buffer => Buffer.concat([...pieces()]);
  const platformOf = (text: string): Platform => ({ os: text.split('_')[0] ?? '', arch: text.split('_')[1] ?? '' });
  const keys = key === null ? [] : [{ keyId: key.keyId, asciiArmor: key.publicKey, trustSignature: '', source: '', sourceUrl: '' }];
  return {
    tag: versionTag(version),
    version,
    artifactType: TERRAFORM_TYPES.provider,
    document: encodeDocument({ version, protocols, archives: archives.map(({ platform, filename, sha256, size, h1, h1OfZip }) => ({ platform: platformOf(platform), filename, sha256, size, h1, h1OfZip })), keys }),
    documentMediaType: TERRAFORM_TYPES.providerDocument,
    layers: [
      { mediaType: TERRAFORM_TYPES.sums, source: bufferBlob(sums.bytes) },
      { mediaType: TERRAFORM_TYPES.signature, source: bufferBlob(signature?.bytes ?? Buffer.alloc(0)) },
    ],
    payload: `sha256:${sums.sha256}`,
    at: '2026-01-02T03:04:05.000Z',
    index: {
      artifactType: OPENTOFU_TYPES.provider,
      children: archives.map((archive) => {
        const { os, arch } = platformOf(archive.platform);
        return { artifactType: OPENTOFU_TYPES.target, platform: { os, architecture: arch }, layers: [{ mediaType: OPENTOFU_TYPES.archive, source: bufferBlob(bytesOf(archive)) }] };
      }),
    },
  };
}
