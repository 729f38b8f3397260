import { ProxyError } from '@oci-package-proxy/errors';

import { isRepositoryName } from '../../model/grammar.ts';

/** No part of a name of ours contains it: `repositoryName` of libs/mapping escapes what would. */
const SEPARATOR = '-0-';

/**
 * A name below the prefix in one part (`npm/types/node` is `npm-0-types-0-node`), for registries with two levels.
 * @throws ProxyError `invalid` when `name` is no repository name: joined, it could become one.
 */
export function flatName(name: string): string {
  if (!isRepositoryName(name)) {
    throw new ProxyError('invalid', `repository ${JSON.stringify(name.slice(0, 255))}: not a repository name`);
  }
  return name.replaceAll('/', SEPARATOR);
}
