import { ProxyError } from '@oci-package-proxy/errors';
import type { PackageLocator } from '@oci-package-proxy/housekeeping';
import { repositoryName } from '@oci-package-proxy/mapping';
import type { PackageRef } from '@oci-package-proxy/storage';

import type { Ecosystem } from './ecosystem.ts';

/** The records of the system itself, among the ecosystems. */
const SYSTEM = 'system';

/** Where the packages of `ecosystems` lie, and the records of the system. */
export function packagePlaces(ecosystems: readonly Pick<Ecosystem, 'name' | 'repositoriesOf'>[]): PackageLocator {
  const known = new Map(ecosystems.map((ecosystem) => [ecosystem.name, ecosystem]));
  return {
    ecosystems: [...known.keys(), SYSTEM],
    refsOf: (name, packageName) => {
      const ecosystem = known.get(name);
      if (name === SYSTEM) {
        return systemPlaces(packageName);
      }
      if (ecosystem === undefined) {
        throw new ProxyError('invalid', `${JSON.stringify(name.slice(0, 100))} is no ecosystem; there are ${[...known.keys(), SYSTEM].join(', ')}.`);
      }
      return ecosystem.repositoriesOf?.(packageName) ?? [{ ecosystem: name, name: packageName, repository: repositoryName([name, ...packageName.split('/')]) }];
    },
  };
}

/** Some ecosystems keep records beside their packages, and those lie in repositories of their own name. */
function systemPlaces(name: string): readonly PackageRef[] {
  const parts = name.split('/');
  const places = parts.length === 1 ? [[SYSTEM, ...parts]] : [[SYSTEM, ...parts], parts];
  return places.map((place) => ({ ecosystem: SYSTEM, name, repository: repositoryName(place) }));
}
