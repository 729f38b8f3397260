import { z } from 'zod';

import { hostName, hostOfUrl } from './host-name.ts';

/** A registry that TERRAFORM_UPSTREAM_HOSTS names. */
export interface NamedUpstream {
  /** As addresses name it. */
  readonly host: string;
  /** Where its discovery document is asked for, without a slash at its end. */
  readonly url: string;
}

const Hostname = z.string().transform((text, context) => {
  const host = hostName(text);
  if (host === null) {
    context.addIssue({ code: 'custom', message: 'must be a host name, with a port where that is not 443, such as registry.example.com: no scheme, no path' });
    return z.NEVER;
  }
  return host;
});

const Hosts = z.string().transform((text, context) => {
  const items = text.split(',').map((item) => item.trim()).filter((item) => item !== '');
  const upstreams: NamedUpstream[] = [];
  for (const item of items.length === 1 && items[0] === 'off' ? [] : items) {
    const upstream = namedUpstream(item);
    if (upstream === null || upstreams.some(({ host }) => host === upstream.host)) {
      context.addIssue({ code: 'custom', message: upstream === null ? 'must be off, or host names separated by commas, each with a port where that is not 443, or as http:// or https:// URL without path, user and password' : 'names a host twice' });
      return z.NEVER;
    }
    upstreams.push(upstream);
  }
  return upstreams;
});

/** Environment variables of Terraform's alone. */
export const TERRAFORM_VARIABLES = {
  /** The host in the source addresses of what is published here. */
  TERRAFORM_HOSTNAME: Hostname.optional(),
  /** Registries that may be pulled through: host names (or URLs), separated by commas; `off` or nothing for none. */
  TERRAFORM_UPSTREAM_HOSTS: Hosts.optional(),
} satisfies z.ZodRawShape;

function namedUpstream(item: string): NamedUpstream | null {
  if (!item.includes('://')) {
    const host = hostName(item);
    return host === null ? null : { host, url: `https://${host}` };
  }
  const url = URL.parse(item);
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') {
    return null;
  }
  return { host: hostOfUrl(url.origin), url: url.origin };
}
