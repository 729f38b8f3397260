import { tmpdir } from 'node:os';

import { type Ecosystem, type EcosystemDefinition, type EcosystemSetup, makeUploadDirectory, type Metrics, type PlatformConfig, privateNamesOf } from '@oci-package-proxy/platform';

import { clientHints } from './config/client-hints.ts';
import { createHosts } from './config/create-hosts.ts';
import { loadSigners } from './config/load-signers.ts';
import { TERRAFORM_SECTION, type TerraformSection } from './config/terraform-section.ts';
import { TERRAFORM_VARIABLES } from './config/terraform-variables.ts';
import { apiPath, terraformMounts } from './http/terraform-mounts.ts';
import { createFileLinks } from './links/file-links.ts';
import { ECOSYSTEM } from './model/address.ts';
import { TerraformModule, type TerraformObserver } from './terraform.module.ts';
import { createTerraformParts } from './terraform.parts.ts';

/** Terraform and OpenTofu, as the apps list them. */
export const terraform: EcosystemDefinition<typeof TERRAFORM_VARIABLES> = {
  name: ECOSYSTEM,
  variables: TERRAFORM_VARIABLES,
  section: TERRAFORM_SECTION,
  create,
};

async function create({ runtime, prefix, root, values, section: given }: EcosystemSetup<typeof TERRAFORM_VARIABLES>): Promise<Ecosystem> {
  const { config, logger, metrics } = runtime;
  const section = given as TerraformSection;
  const hosts = createHosts({
    section,
    hostname: values.TERRAFORM_HOSTNAME ?? null,
    named: values.TERRAFORM_UPSTREAM_HOSTS ?? [],
    publicUrl: config.publicUrl,
    privateNames: privateNamesOf(config, ECOSYSTEM),
    upstreamAt: (url) => runtime.upstreamAt(url, ECOSYSTEM),
  });
  const { codec, commands, ...parts } = createTerraformParts({
    ledger: runtime.ledger,
    registry: runtime.registry,
    hosts,
    links: createFileLinks({ secret: config.secretKey, seconds: section.linkSeconds }),
    linkSeconds: section.linkSeconds,
    downloads: runtime.downloads,
    queue: runtime.queue,
    holderId: runtime.holders.id,
    directory: await temporaryDirectory(config),
    publish: config.publish,
    limits: config.file.limits,
    signers: config.publish ? await loadSigners(section.signing, config.file.directory) : new Map(),
    originalAnnotations: section.originalAnnotations,
    logger,
    onEnqueued: (outcome) => countEnqueued(metrics, outcome),
  });
  return {
    name: ECOSYSTEM,
    mounts: terraformMounts(prefix, root),
    codec,
    commands,
    module: TerraformModule.register({ parts, access: runtime.access, tokens: runtime.tokens, prefix, root, config, loginDays: section.loginDays, observer: observerOf(metrics) }),
    hints: (_origin, token, secureOrigin = null) =>
      clientHints({ origin: secureOrigin, prefix, api: apiPath(root), own: hosts.own, upstreams: hosts.upstreams.map(({ host }) => host), caFile: caFileOf(config), token }),
  };
}

/** For uploads, and for archives that are made anew of upstream's, which needs one where nothing can be published too. */
async function temporaryDirectory({ admin, dataDir }: Pick<PlatformConfig, 'admin' | 'dataDir'>): Promise<string> {
  // Commands keep nothing in DATA_DIR.
  return (await makeUploadDirectory({ publish: true, admin, dataDir }, ECOSYSTEM)) ?? tmpdir();
}

function caFileOf({ publicUrl, tls }: Pick<PlatformConfig, 'publicUrl' | 'tls'>): string | null {
  return publicUrl === null && tls?.kind === 'self-made' ? `${tls.directory}/ca.pem` : null;
}

function countEnqueued(metrics: Metrics, outcome: 'queued' | 'failed'): void {
  if (outcome === 'failed') {
    metrics.ingestEnqueueFailures.inc({ ecosystem: ECOSYSTEM });
  }
}

function observerOf(metrics: Metrics): TerraformObserver {
  return {
    onRead: (kind, result) => metrics.cacheRequests.inc({ ecosystem: ECOSYSTEM, kind, result }),
    onWrite: (result) => metrics.publishes.inc({ ecosystem: ECOSYSTEM, result }),
  };
}
