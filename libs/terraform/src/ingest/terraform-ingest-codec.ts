import { ProxyError } from '@oci-package-proxy/errors';
import type { IngestCodec } from '@oci-package-proxy/ingest';
import type { LedgerReader } from '@oci-package-proxy/storage';

import type { TerraformHosts } from '../config/hosts.ts';
import { ECOSYSTEM } from '../model/address.ts';
import { modulePlan } from '../modules/module-ingest.ts';
import type { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import { ProviderPlans, type ProviderPlansOptions } from './provider-plans.ts';

/** What {@link terraformIngestCodec} needs. */
export interface TerraformIngestDependencies {
  readonly hosts: TerraformHosts;
  readonly ledger: Pick<LedgerReader, 'fold' | 'fact'>;
  readonly registries: UpstreamRegistries;
  /** An existing directory for temporary files. */
  readonly directory: string;
  /** Told of releases of upstream that do not fit together; nobody when absent. */
  readonly logger?: ProviderPlansOptions['logger'];
}

/** How providers and modules that were pulled through are stored. */
export function terraformIngestCodec({ logger = { error: () => undefined }, ...dependencies }: TerraformIngestDependencies): IngestCodec {
  const providers = new ProviderPlans({ ...dependencies, logger });
  return {
    ecosystem: ECOSYSTEM,
    plan: async (job, signal) => {
      const [kind] = job.package.split('/', 1);
      if (kind === 'providers') {
        return providers.plan(job, signal);
      }
      if (kind === 'modules') {
        return modulePlan(job, { ...dependencies, signal });
      }
      throw new ProxyError('invalid', `ingest of ${job.file}: ${job.package} is neither a provider nor a module`);
    },
  };
}
