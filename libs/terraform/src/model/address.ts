import { repositoryName } from '@oci-package-proxy/mapping';
import type { PackageRef } from '@oci-package-proxy/storage';

/** The ecosystem's name, in repositories, queues, rules and metrics. */
export const ECOSYSTEM = 'terraform';

/** `<host>/<namespace>/<type>`, as a provider's source address has it. */
export interface ProviderAddress {
  /** Lower-case host name, with a port where that is not 443. */
  readonly host: string;
  readonly namespace: string;
  readonly type: string;
}

/** `<host>/<namespace>/<name>/<system>`, as a module's source address has it. Upper case counts. */
export interface ModuleAddress {
  /** Lower-case host name, with a port where that is not 443. */
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
  readonly system: string;
}

/** Where a provider is kept; its name is what access rules and private names match. */
export function providerRef({ host, namespace, type }: ProviderAddress): PackageRef {
  return refOf(['providers', host, namespace, type]);
}

/** Where a module is kept; its name is what access rules and private names match. */
export function moduleRef({ host, namespace, name, system }: ModuleAddress): PackageRef {
  return refOf(['modules', host, namespace, name, system]);
}

/** Where the keys are kept that may sign the providers of a namespace published here. */
export function keysRef(host: string, namespace: string): PackageRef {
  return refOf(['keys', host, namespace]);
}

/** `example.com/acme/demo`, for texts. */
export function providerText({ host, namespace, type }: ProviderAddress): string {
  return `${host}/${namespace}/${type}`;
}

/** `example.com/acme/network/aws`, for texts. */
export function moduleText({ host, namespace, name, system }: ModuleAddress): string {
  return `${host}/${namespace}/${name}/${system}`;
}

function refOf(parts: readonly string[]): PackageRef {
  return { ecosystem: ECOSYSTEM, name: parts.join('/'), repository: repositoryName([ECOSYSTEM, ...parts]) };
}
