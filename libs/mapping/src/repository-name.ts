import { ProxyError } from '@oci-package-proxy/errors';

import { decodeComponent, encodeComponent, hashComponents, isHashedComponent } from './component.ts';

/**
 * Longest repository name made here, in characters. Clients and registries cap host, prefix and name at 255 together,
 * so 55 are left for host and prefix.
 */
export const MAX_REPOSITORY_NAME_LENGTH = 200;

const FLAT_SEPARATOR = '-0-';

/** How components are joined: nested (`npm/types/node`), or flat (`npm-0-types-0-node`) for registries with two levels. */
export interface RepositoryNameOptions {
  readonly flat?: boolean;
}

/**
 * The repository, below the configured prefix, that a list of components names.
 * Two different lists never have the same name; a list that would be too long keeps its first component, and a hash.
 * @throws ProxyError `invalid` for an empty list or a component that {@link encodeComponent} refuses.
 */
export function repositoryName(components: readonly string[], options: RepositoryNameOptions = {}): string {
  if (components.length === 0) {
    throw new ProxyError('invalid', 'A repository name needs at least one component.');
  }
  const name = components.map(encodeComponent).join(separatorOf(options));
  const [first = ''] = components;
  return name.length <= MAX_REPOSITORY_NAME_LENGTH ? name : [encodeComponent(first), hashComponents(components)].join(separatorOf(options));
}

/** The components of a name made by {@link repositoryName} (null for what is stored as a hash), or null for a foreign name. */
export function parseRepositoryName(repository: string, options: RepositoryNameOptions = {}): readonly (string | null)[] | null {
  const components: (string | null)[] = [];
  for (const encoded of repository.split(separatorOf(options))) {
    const text = decodeComponent(encoded);
    if (text === null && !isHashedComponent(encoded)) {
      return null;
    }
    components.push(text);
  }
  return components;
}

function separatorOf(options: RepositoryNameOptions): string {
  return options.flat === true ? FLAT_SEPARATOR : '/';
}
