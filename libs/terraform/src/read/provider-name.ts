import type { ProviderAddress } from '../model/address.ts';

/** The provider in the name of a package, `PackageRef.name`; null for what is none. */
export function providerOfPackage(name: string): ProviderAddress | null {
  const [kind, host = '', namespace = '', type = '', ...rest] = name.split('/');
  const isWhole = host !== '' && namespace !== '' && type !== '' && rest.length === 0;
  return kind === 'providers' && isWhole ? { host, namespace, type } : null;
}
