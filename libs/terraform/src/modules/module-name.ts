import { ProxyError } from '@oci-package-proxy/errors';

import type { ModuleAddress } from '../model/address.ts';

const PART = /^[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?$/;
const SYSTEM = /^[0-9a-z]{1,64}$/;
const PREFIX = 'modules/';

/** Whether clients can name a module so: letters, digits, `_` and `-` (within), the system lower-case letters and digits alone. */
export function isModuleName({ namespace, name, system }: Pick<ModuleAddress, 'namespace' | 'name' | 'system'>): boolean {
  return PART.test(namespace) && PART.test(name) && SYSTEM.test(system);
}

/** @throws ProxyError `invalid` for a name that clients cannot read in a source address. */
export function checkModuleName({ namespace, name, system }: Pick<ModuleAddress, 'namespace' | 'name' | 'system'>): void {
  for (const [what, text] of [['namespace', namespace], ['name', name]] as const) {
    if (!PART.test(text)) {
      throw new ProxyError('invalid', `${quoted(text)} cannot be the ${what} of a module: use at most 64 letters (a to z, A to Z), digits, "_" and "-", and begin and end with a letter or digit.`);
    }
  }
  if (!SYSTEM.test(system)) {
    throw new ProxyError('invalid', `${quoted(system)} cannot be the target system of a module, such as aws: use at most 64 lower-case letters (a to z) and digits.`);
  }
}

/** The address that a package's name (as `PackageRef.name`) stands for; null for one of another kind, or that no client can name. */
export function moduleAddressOf(packageName: string): ModuleAddress | null {
  if (!packageName.startsWith(PREFIX)) {
    return null;
  }
  const [host = '', namespace = '', name = '', system = '', ...more] = packageName.slice(PREFIX.length).split('/');
  const address = { host, namespace, name, system };
  return host !== '' && more.length === 0 && isModuleName(address) ? address : null;
}

/** What an archive is called when it is downloaded. */
export function archiveName({ namespace, name, system }: ModuleAddress, version: string): string {
  return `${namespace}-${name}-${system}-${version}.zip`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
