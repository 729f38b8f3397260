import { hostName } from '../config/host-name.ts';
import type { TerraformHosts } from '../config/hosts.ts';
import type { ModuleAddress, ProviderAddress } from '../model/address.ts';
import type { Platform } from '../model/provider.ts';

const PROVIDER_PART = /^[\p{L}\p{N}]+(?:-[\p{L}\p{N}]+)*$/u;
const MAX_PROVIDER_PART = 63;
const MODULE_PART = /^[0-9A-Za-z](?:[0-9A-Za-z_-]{0,62}[0-9A-Za-z])?$/;
const SYSTEM = /^[0-9a-z]{1,64}$/;
const PLATFORM_PART = /^[0-9a-z]{1,32}$/;

type Params = Readonly<Record<string, string>>;

/**
 * The host that a path names, the own one where it names none; every other name of this server is its own. Null for what no host
 * can be called.
 * @param requested the Host header.
 */
export function hostIn(params: Params, hosts: TerraformHosts, requested: string | undefined): string | null {
  const text = params['host'];
  if (text === undefined) {
    return hosts.own;
  }
  const host = hostName(text);
  return host !== null && hosts.isOwn(host, requested) ? hosts.own : host;
}

/** `:namespace/:type` of a path as an address, lower-cased as clients do; null for what no provider can be called. */
export function providerIn(params: Params, host: string): ProviderAddress | null {
  const namespace = providerPart(params['namespace']);
  const type = providerPart(params['type']);
  return namespace === null || type === null ? null : { host, namespace, type };
}

/** `:namespace/:name/:system` of a path as an address; null for what no module can be called. */
export function moduleIn(params: Params, host: string): ModuleAddress | null {
  const { namespace = '', name = '', system = '' } = params;
  return MODULE_PART.test(namespace) && MODULE_PART.test(name) && SYSTEM.test(system) ? { host, namespace, name, system } : null;
}

/** Whether modules may be below such a namespace. */
export function isModuleNamespace(text: string): boolean {
  return MODULE_PART.test(text);
}

/** `:os/:arch` of a path; null for what is no platform. */
export function platformIn({ os = '', arch = '' }: Params): Platform | null {
  return PLATFORM_PART.test(os) && PLATFORM_PART.test(arch) ? { os, arch } : null;
}

/**
 * A namespace or type of providers as it is compared; null for what is none. Clients take wide letters and their likes for the plain ones
 * (IDNA), and so may upstreams: what hides a name from them must not tell the two apart.
 */
export function providerPart(text: string | undefined): string | null {
  const part = (text ?? '').normalize('NFKC').toLowerCase();
  return part.length <= MAX_PROVIDER_PART && PROVIDER_PART.test(part) ? part : null;
}
