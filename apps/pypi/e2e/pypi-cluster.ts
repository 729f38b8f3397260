import { AppCluster } from '@oci-package-proxy/testing';

/** Where a front end's index is. */
export interface PypiAddresses {
  /** Base of the simple pages. */
  readonly index: string;
  /** The upload endpoint. */
  readonly upload: string;
}

/** Two PyPI front ends and two workers on a real Redis and a real docker-registry. */
export type PypiCluster = AppCluster<PypiAddresses>;

/** Starts a {@link PypiCluster} with `environment` on top of what every app needs. */
export async function startPypiCluster(environment: Readonly<Record<string, string>> = {}): Promise<PypiCluster> {
  return AppCluster.start({ frontEnd: 'pypi', addresses: (origin) => ({ index: `${origin}/simple/`, upload: `${origin}/legacy/` }), environment });
}
