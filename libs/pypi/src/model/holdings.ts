import { repositoryName } from '@oci-package-proxy/mapping';
import type { PackageRef } from '@oci-package-proxy/storage';

import { normalizedName } from '../names/project-name.ts';

/** The ecosystem's name, in repositories, queues, rules and metrics. */
export const ECOSYSTEM = 'pypi';
/** Id of the upstream that `PYPI_UPSTREAM_URL` names; also the name of the index at the base path. */
export const DEFAULT = 'default';

/**
 * Where a project is kept as long as nothing else is said: what is published here, or what was pulled through from the default
 * upstream, whichever the ledger decided for the name.
 * @param name normalized.
 */
export function mainRef(name: string): PackageRef {
  return { ecosystem: ECOSYSTEM, name, repository: repositoryName([ECOSYSTEM, name]) };
}

/** Where files are published to whose project is merged with one that was pulled through before. @param name normalized. */
export function publishedRef(name: string): PackageRef {
  return { ecosystem: ECOSYSTEM, name, repository: repositoryName([ECOSYSTEM, 'published', name]) };
}

/**
 * Where files of one upstream are kept that cannot be in the main place: those of every upstream but the default one, and of
 * the default one where the project is merged with one that is published here.
 * @param name normalized.
 */
export function upstreamRef(upstream: string, name: string): PackageRef {
  return { ecosystem: ECOSYSTEM, name, repository: repositoryName([ECOSYSTEM, 'upstreams', upstream, name]) };
}

/**
 * Every place in which something of a project may be, the main one first. @param upstreams ids of those besides the default one.
 * @throws ProxyError `invalid` when nothing can be called so.
 */
export function holdingRefs(name: string, upstreams: readonly string[]): readonly PackageRef[] {
  const normalized = normalizedName(name);
  const ids = [...new Set([DEFAULT, ...upstreams])];
  return [mainRef(normalized), publishedRef(normalized), ...ids.map((id) => upstreamRef(id, normalized))];
}
