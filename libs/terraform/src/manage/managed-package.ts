import type { PackageRef } from '@oci-package-proxy/storage';

import { type ModuleAddress, moduleRef, moduleText, type ProviderAddress, providerRef, providerText } from '../model/address.ts';

/** What is managed: a provider, or a module. */
export type ManagedPackage =
  | { readonly kind: 'provider'; readonly address: ProviderAddress }
  | { readonly kind: 'module'; readonly address: ModuleAddress };

/** Where it is kept. */
export function managedRef(managed: ManagedPackage): PackageRef {
  return managed.kind === 'provider' ? providerRef(managed.address) : moduleRef(managed.address);
}

/** Its address, for texts and answers. */
export function managedText(managed: ManagedPackage): string {
  return managed.kind === 'provider' ? providerText(managed.address) : moduleText(managed.address);
}
