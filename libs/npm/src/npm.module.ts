import { type DynamicModule, Module } from '@nestjs/common';

import type { Access, Tokens } from '@oci-package-proxy/access';
import type { IngestQueue } from '@oci-package-proxy/ingest';
import { Gate, type PlatformConfig } from '@oci-package-proxy/platform';
import type { LedgerPort } from '@oci-package-proxy/storage';
import type { Downloads, Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

import { DocumentWorkshop } from './documents/document-workshop.ts';
import { accountRoutes } from './http/account-routes.ts';
import { readRoutes } from './http/read-routes.ts';
import { routeTable } from './http/route-table.ts';
import { serviceRoutes } from './http/service-routes.ts';
import { writeRoutes } from './http/write-routes.ts';
import { createNpmController } from './npm.controller.ts';
import { NpmDispatcher } from './npm.dispatcher.ts';
import { ECOSYSTEM } from './package-name.ts';
import { privateNames } from './private-names.ts';
import { PackageWrites } from './publish/write-package.ts';
import { Attestations } from './read/attestations.ts';
import { PackageDocuments } from './read/package-documents.ts';
import { TarballIndex } from './read/tarball-index.ts';
import { Tarballs } from './read/tarballs.ts';
import { upstreamClaim } from './read/upstream-claim.ts';
import { UpstreamPackuments } from './read/upstream-packuments.ts';

/** What the npm registry logs with; pino's loggers are of this shape. */
export interface NpmLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What happens, for metrics. None of these may throw. */
export interface NpmObserver {
  onRead?(kind: 'metadata' | 'file', result: 'hit' | 'miss'): void;
  onEnqueued?(outcome: 'queued' | 'failed'): void;
  onWrite?(result: 'done' | 'refused' | 'failed'): void;
}

/** The registry that is pulled through. */
export interface NpmUpstreamAccess {
  /** Base URL. */
  readonly url: string;
  readonly http: Upstream;
  readonly documents: UpstreamDocuments;
}

/** What {@link NpmModule} is made of. */
export interface NpmDependencies {
  readonly ledger: LedgerPort;
  /** Null: switched off. */
  readonly upstream: NpmUpstreamAccess | null;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process's id among the holders of files. */
  readonly holderId: string;
  readonly access: Access;
  readonly tokens: Tokens;
  /** Globs of names that are never asked of upstream. */
  readonly privateNames: readonly string[];
  /** Path prefix of all routes: `''`, or like `/npm`. */
  readonly basePath: string;
  readonly config: Pick<PlatformConfig, 'publicUrl' | 'trustedProxies'>;
  /** An existing directory for the files of running publishes; null: publishing is switched off. */
  readonly uploadDirectory: string | null;
  /** Bytes. */
  readonly limits: { readonly publishBytes: number; readonly jsonBytes: number };
  readonly logger: NpmLogger;
  readonly observer?: NpmObserver;
}

/** The npm registry. */
@Module({})
export class NpmModule {
  /** The module with its one controller. */
  static register(dependencies: NpmDependencies): DynamicModule {
    const workshop = new DocumentWorkshop();
    return {
      module: NpmModule,
      controllers: [createNpmController(dependencies.basePath)],
      providers: [
        { provide: DocumentWorkshop, useValue: workshop },
        { provide: NpmDispatcher, useValue: createDispatcher(dependencies, workshop) },
      ],
    };
  }
}

/** Puts the parts of the registry together. */
export function createDispatcher(dependencies: NpmDependencies, workshop: DocumentWorkshop): NpmDispatcher {
  const { ledger, access, tokens, config, basePath, logger, observer = {} } = dependencies;
  const gate = new Gate({ access, config, ecosystem: ECOSYSTEM });
  const isPrivate = privateNames(dependencies.privateNames);
  const upstream = dependencies.upstream === null ? null : { ...dependencies.upstream, packuments: new UpstreamPackuments(dependencies.upstream.documents, dependencies.upstream.url, workshop) };
  const packuments = upstream?.packuments ?? null;
  const tarballs = new Tarballs({
    ledger,
    upstream: upstream === null ? null : { http: upstream.http, index: new TarballIndex(upstream.packuments) },
    downloads: dependencies.downloads,
    queue: dependencies.queue,
    holderId: dependencies.holderId,
    isPrivate,
    logger,
    onEnqueued: (outcome) => observer.onEnqueued?.(outcome),
  });
  const routes = [
    ...serviceRoutes(),
    ...accountRoutes({ gate, tokens, writable: dependencies.uploadDirectory !== null }),
    ...writeRoutes({ gate, writes: writesOf(dependencies, packuments), onWrite: (result) => observer.onWrite?.(result) }),
    ...readRoutes({
      gate,
      documents: new PackageDocuments({ ledger, upstream: packuments, isPrivate, workshop, logger }),
      tarballs,
      attestations: new Attestations({ ledger, upstream: packuments, isPrivate }),
      config,
      basePath,
      onRead: (kind, result) => observer.onRead?.(kind, result),
    }),
  ];
  return new NpmDispatcher(routeTable(routes), gate, basePath);
}

function writesOf(dependencies: NpmDependencies, upstream: UpstreamPackuments | null): PackageWrites | null {
  const { ledger, limits, uploadDirectory } = dependencies;
  if (uploadDirectory === null) {
    return null;
  }
  const isPrivate = privateNames(dependencies.privateNames);
  return new PackageWrites({ ledger, limits, directory: uploadDirectory, readUpstreamDocument: upstreamClaim(upstream, isPrivate) });
}
