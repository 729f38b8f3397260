import { WrongCall } from '@oci-package-proxy/platform';

import { hostName } from '../config/host-name.ts';
import { moduleIn, providerIn } from '../http/path-address.ts';
import { quoted } from './manage-call.ts';
import type { ManagedPackage } from './managed-package.ts';

/** How a package is named on the command line. */
export const PACKAGE_USAGE = '(provider [<host>/]<namespace>/<type> | module [<host>/]<namespace>/<name>/<system>)';

/** The package that two arguments name. @param own the host where none is named. @throws WrongCall for what is none. */
export function packageArgument(kind: string, text: string, own: string): ManagedPackage {
  if (kind !== 'provider' && kind !== 'module') {
    throw new WrongCall(`${quoted(kind)} is neither "provider" nor "module"`);
  }
  const parts = text.split('/');
  const [given, ...rest] = parts.length === (kind === 'provider' ? 2 : 3) ? [own, ...parts] : parts;
  const host = hostName(given ?? '');
  const managed = host === null ? null : packageOf(kind, host, rest);
  if (managed === null) {
    throw new WrongCall(`${quoted(text)} is no address of a ${kind}`);
  }
  return managed;
}

function packageOf(kind: ManagedPackage['kind'], host: string, parts: readonly string[]): ManagedPackage | null {
  const [namespace = '', name = '', system = ''] = parts;
  if (kind === 'provider') {
    const address = parts.length === 2 ? providerIn({ namespace, type: name }, host) : null;
    return address && { kind, address };
  }
  const address = parts.length === 3 ? moduleIn({ namespace, name, system }, host) : null;
  return address && { kind, address };
}
