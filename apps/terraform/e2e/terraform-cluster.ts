import { AppCluster } from '@oci-package-proxy/testing';

import { type TerraformApi, terraformApi } from './terraform-standalone.ts';

/** A front end as its clients see it. */
export interface TerraformAddresses extends TerraformApi {
  /** Base of the provider registry. */
  readonly providers: string;
}

/** Two Terraform front ends and two workers on a real Redis and a real docker-registry. */
export type TerraformCluster = AppCluster<TerraformAddresses>;

/** Starts a {@link TerraformCluster} with `environment` on top of what every app needs. */
export async function startTerraformCluster(environment: Readonly<Record<string, string>> = {}): Promise<TerraformCluster> {
  return AppCluster.start({ frontEnd: 'terraform', addresses: (origin) => ({ ...terraformApi(origin), providers: `${origin}/providers/v1` }), environment });
}
