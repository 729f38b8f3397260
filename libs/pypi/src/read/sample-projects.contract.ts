import { rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { InProcessHolders, type IngestJob, IngestUseCase } from '@oci-package-proxy/ingest';
import { fileTag } from '@oci-package-proxy/mapping';
import { bufferBlob, type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { type JsonValue, Ledger, type NewFact, type PackageRef } from '@oci-package-proxy/storage';
import { type PackageFile, temporaryDirectory, wheelFile } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';

import { createIndexes } from '../config/create-indexes.ts';
import type { PypiIndex, PypiIndexes } from '../config/indexes.ts';
import { PYPI_SECTION } from '../config/pypi-section.ts';
import { pypiIngestCodec } from '../ingest/pypi-ingest-codec.ts';
import type { ProjectPage } from '../model/project-page.ts';
import { encodeFileDocument, PYPI_TYPES } from '../model/pypi-fact.ts';
import { PypiProjects } from './pypi-projects.ts';

/** What a registry in memory holds. */
export type Stored = NonNullable<ConstructorParameters<typeof MemoryRegistry>[1]>;

/** How sample projects are set up. */
export interface SampleOptions {
  /** The default upstream; null: off. */
  readonly defaultUrl: string | null;
  readonly upstreams?: Readonly<Record<string, string>>;
  readonly indexes?: Readonly<Record<string, unknown>>;
  readonly privateNames?: readonly string[];
  /** Kept from another one, so that it goes on with what is stored. */
  readonly stored?: Stored;
  /** How long upstream's documents are served without asking; default 0. */
  readonly ttlMs?: number;
  readonly queueFails?: boolean;
  /** Stands before every request to storage. */
  readonly gate?: Gate;
}

/** Everything that is read, on real parts, its storage in memory. */
export interface SampleProjects {
  readonly stored: Stored;
  readonly registry: MemoryRegistry;
  readonly ledger: Ledger;
  readonly indexes: PypiIndexes;
  readonly projects: PypiProjects;
  /** The index at the base path. */
  readonly index: PypiIndex;
  readonly jobs: readonly IngestJob[];
  readonly log: readonly { readonly level: 'warn' | 'error'; readonly fields: Readonly<Record<string, unknown>>; readonly message: string }[];
  indexOf(name: string): PypiIndex;
  page(name: string, index?: string): Promise<ProjectPage | null>;
  /** The bytes of a file, null where there is none. */
  bytes(name: string, filename: string, index?: string): Promise<Buffer | null>;
  /** Does all the jobs that wait, as the worker does. */
  ingest(): Promise<readonly string[]>;
  publish(ref: PackageRef, file: PackageFile, attestations?: readonly unknown[]): Promise<void>;
  record(ref: PackageRef, key: string, value: JsonValue): Promise<void>;
  /** Storage loses all files of a project. */
  lose(ref: PackageRef): void;
  /** Waits for the last states that are being read for nobody who waits, and for what follows from them. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** Starts {@link SampleProjects}. */
export async function startSampleProjects(options: SampleOptions): Promise<SampleProjects> {
  const directory = await temporaryDirectory('pypi-projects');
  const stored = options.stored ?? new Map();
  const registry = new MemoryRegistry(options.gate === undefined ? {} : { gate: options.gate }, stored);
  const ledger = new Ledger({ registry });
  const stateReads = trackedStateReads(ledger);
  const urls = [...(options.defaultUrl === null ? [] : [options.defaultUrl]), ...Object.values(options.upstreams ?? {})];
  const http = new UpstreamClient({ instanceId: 'spec', allowedOrigins: urls, retry: { attempts: 1 }, breaker: { failures: 1000 } });
  const documents = { ttlMs: options.ttlMs ?? 0, negativeTtlMs: 0, errorTtlMs: 0 };
  const indexes = createIndexes({
    section: PYPI_SECTION.parse({ upstreams: options.upstreams ?? {}, indexes: options.indexes ?? {} }),
    defaultUrl: options.defaultUrl,
    privateNames: options.privateNames ?? [],
    upstreamAt: () => ({ upstream: http, documents: new DocumentCache({ upstream: http, ...documents }) }),
  });
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 28, roundPauseMs: 10 });
  const holders = new InProcessHolders();
  const jobs: IngestJob[] = [];
  const log: SampleProjects['log'][number][] = [];
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
  const projects = new PypiProjects({ ledger, indexes, downloads, queue, holderId: 'spec-holder', logger });
  const useCase = new IngestUseCase({ ledger, downloads, holders, codecs: [pypiIngestCodec({ indexes, ledger })], peer: async () => Promise.resolve(null), logger });
  const indexOf = (name: string): PypiIndex => {
    const index = indexes.find(name);
    if (index === null) {
      throw new Error(`no index ${name}`);
    }
    return index;
  };
  return {
    stored,
    registry,
    ledger,
    indexes,
    projects,
    index: indexOf('default'),
    jobs,
    log,
    indexOf,
    page: async (name, index = 'default') => (await projects.page(indexOf(index), name))?.page ?? null,
    bytes: async (name, filename, index = 'default') => {
      const file = await projects.file(indexOf(index), name, filename);
      return file === null ? null : buffer(await file.open(undefined, new AbortController().signal));
    },
    ingest: async () => {
      const outcomes: string[] = [];
      for (const job of jobs.splice(0)) {
        outcomes.push(await useCase.run(job));
      }
      return outcomes;
    },
    publish: async (ref, file, attestations) => void (await ledger.publish(ref, publishedFact(ref, file, attestations), { by: 'carol' })),
    record: async (ref, key, value) => ledger.record(ref, [{ key, value }], { by: 'carol' }),
    lose: (ref) => stored.get(ref.repository)?.blobs.clear(),
    settled: async () => {
      await Promise.allSettled(stateReads);
      await new Promise((resolve) => setImmediate(resolve));
    },
    close: async () => {
      await downloads.close();
      await http.close();
      await holders.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Every read of a last state, also those that nobody waits for: they are unpacked on another thread, for as long as a busy machine takes. */
function trackedStateReads(ledger: Ledger): readonly Promise<unknown>[] {
  const reads: Promise<unknown>[] = [];
  const read = ledger.upstreamState.bind(ledger);
  ledger.upstreamState = async (...parameters): ReturnType<typeof read> => {
    const value = read(...parameters);
    reads.push(value);
    return value;
  };
  return reads;
}

/** A wheel of a project. */
export function wheel(name: string, version = '1.0', extra: readonly string[] = []): PackageFile {
  return wheelFile({ name, version, extraMetadata: extra });
}

/** Reads a stream whole. */
export async function bytesOf(stream: Readable): Promise<Buffer> {
  return buffer(stream);
}

/** A file as an upload stores it. */
function publishedFact({ name }: PackageRef, { filename, bytes, sha256, metadata }: PackageFile, attestations?: readonly unknown[]): NewFact {
  const layer = bufferBlob(metadata);
  const isWheel = filename.endsWith('.whl');
  return {
    tag: fileTag(filename),
    version: filename,
    artifactType: PYPI_TYPES.file,
    document: encodeFileDocument({
      filename,
      name,
      version: '1.0',
      hashes: { sha256 },
      size: bytes.length,
      requiresPython: '>=3.9',
      uploadTime: '2026-01-02T03:04:05Z',
      metadataSha256: isWheel ? layer.digest.slice('sha256:'.length) : null,
    }),
    documentMediaType: PYPI_TYPES.document,
    layers: [
      { mediaType: isWheel ? PYPI_TYPES.wheel : PYPI_TYPES.sdist, source: bufferBlob(bytes) },
      { mediaType: PYPI_TYPES.metadata, source: layer },
      ...(attestations === undefined ? [] : [{ mediaType: PYPI_TYPES.attestations, source: bufferBlob(Buffer.from(JSON.stringify(attestations))) }]),
    ],
    payload: `sha256:${sha256}`,
    at: '2026-01-02T03:04:05.000Z',
  };
}
