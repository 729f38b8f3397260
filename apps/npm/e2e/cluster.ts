import { join } from 'node:path';

import { AppCluster, CLUSTER_ADMIN_TOKEN, type NpmClient, npmClient } from '@oci-package-proxy/testing';

/** The token that the tests' operator has set. */
export const ADMIN_TOKEN: string = CLUSTER_ADMIN_TOKEN;

/** Where a front end's registry is. */
export interface NpmAddresses {
  /** What npm is pointed at. */
  readonly registry: string;
}

/** Two npm front ends and two workers on a real Redis and a real docker-registry. */
export type Cluster = AppCluster<NpmAddresses>;

/** Starts a {@link Cluster} with `environment` on top of what every app needs. */
export async function startCluster(environment: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  return AppCluster.start({ frontEnd: 'npm', addresses: (origin) => ({ registry: `${origin}/` }), environment });
}

/** The front end `index` as npm sees it, with a client of its own. */
export async function clusterClient(cluster: Cluster, label: string, index: number, token: string | null = ADMIN_TOKEN): Promise<NpmClient> {
  const registry = cluster.frontEnds[index]?.registry ?? '';
  return npmClient({ directory: join(cluster.directory, 'clients', label), registry, token: token ?? undefined });
}
