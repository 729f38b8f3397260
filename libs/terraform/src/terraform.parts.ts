import type { IngestCodec, IngestQueue } from '@oci-package-proxy/ingest';
import type { Registry } from '@oci-package-proxy/oci';
import type { AdminCommand } from '@oci-package-proxy/platform';
import type { LedgerPort } from '@oci-package-proxy/storage';
import type { Downloads } from '@oci-package-proxy/upstream';

import type { TerraformHosts } from './config/hosts.ts';
import { terraformIngestCodec } from './ingest/terraform-ingest-codec.ts';
import { NamespaceKeys } from './keys/namespace-keys.ts';
import type { FileLinks } from './links/file-claim.ts';
import { terraformCommands } from './manage/admin-commands.ts';
import { createManagement, type Management } from './manage/management.ts';
import { ModuleUploads } from './modules/module-uploads.ts';
import { TerraformModules } from './modules/terraform-modules.ts';
import { importCommand } from './publish/import-command.ts';
import { OriginalImport } from './publish/import-original.ts';
import { ProviderUploads } from './publish/provider-uploads.ts';
import type { ModulePublisher, ProviderPublisher, SigningKeys } from './publish/publish-port.ts';
import type { ModuleReader, ProviderReader } from './read/read-port.ts';
import { TerraformProviders } from './read/terraform-providers.ts';
import type { SumsSigner } from './signing/sums-signer.ts';
import { UpstreamRegistries } from './upstream/upstream-registry.ts';

/** What Terraform logs with; pino's loggers are of this shape. */
export interface TerraformLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What {@link createTerraformParts} puts together. */
export interface PartsOptions {
  readonly ledger: LedgerPort;
  /** The store below the ledger, for what the original project put there. */
  readonly registry: Registry;
  readonly hosts: TerraformHosts;
  readonly links: FileLinks;
  /** How long a link is good for, at least, in seconds. */
  readonly linkSeconds: number;
  readonly downloads: Downloads;
  readonly queue: IngestQueue;
  /** This process's id among the holders of files. */
  readonly holderId: string;
  /** An existing directory for temporary files. */
  readonly directory: string;
  /** False: publishing is switched off. */
  readonly publish: boolean;
  /** Bytes. */
  readonly limits: { readonly publishBytes: number };
  /** Who signs what comes unsigned to a namespace. */
  readonly signers: ReadonlyMap<string, SumsSigner>;
  /** Whether readers of the original project find what is published. */
  readonly originalAnnotations: boolean;
  readonly logger: TerraformLogger;
  /** Told whether a job could be handed in, for metrics. Must not throw. */
  readonly onEnqueued?: (outcome: 'queued' | 'failed') => void;
}

/** The use cases of Terraform. */
export interface TerraformParts {
  readonly hosts: TerraformHosts;
  readonly links: FileLinks;
  readonly linkSeconds: number;
  readonly providers: ProviderReader;
  readonly modules: ModuleReader;
  /** Null: publishing is switched off. */
  readonly providerUploads: ProviderPublisher | null;
  /** Null: publishing is switched off. */
  readonly moduleUploads: ModulePublisher | null;
  readonly keys: SigningKeys;
  readonly management: Management;
  /** What operators can do from the command line. */
  readonly commands: readonly AdminCommand[];
  readonly codec: IngestCodec;
}

/** Puts the use cases together. */
export function createTerraformParts(options: PartsOptions): TerraformParts {
  const { ledger, registry, hosts, links, linkSeconds, directory, publish, limits, signers, originalAnnotations, logger } = options;
  const registries = new UpstreamRegistries();
  const keys = new NamespaceKeys({ ledger, own: hosts.own, logger });
  const releases = { ledger, keys, signerOf: (namespace: string) => signers.get(namespace) ?? null, originalAnnotations, directory, limits, logger };
  const management = createManagement({ ledger, hosts, keys, registries });
  return {
    hosts,
    links,
    linkSeconds,
    providers: new TerraformProviders({ ...options, registries }),
    modules: new TerraformModules({ ...options, registries }),
    providerUploads: publish ? new ProviderUploads(releases) : null,
    moduleUploads: publish ? new ModuleUploads({ ledger, directory, limits, logger }) : null,
    keys,
    management,
    commands: terraformCommands(management, [importCommand({ imports: new OriginalImport({ ...releases, registry }), own: hosts.own })]),
    codec: terraformIngestCodec({ hosts, ledger, registries, directory, logger }),
  };
}
