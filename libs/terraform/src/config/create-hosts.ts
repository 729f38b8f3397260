import { packageMatcher } from '@oci-package-proxy/access';
import { ProxyError } from '@oci-package-proxy/errors';
import { isLoopback } from '@oci-package-proxy/platform';
import type { Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

import { hostName, hostOfUrl } from './host-name.ts';
import type { Forge, TerraformHosts, TerraformUpstream } from './hosts.ts';
import type { ForgeKind, TerraformSection } from './terraform-section.ts';
import type { NamedUpstream } from './terraform-variables.ts';

/** The own host where nothing says another one. */
const LOCAL = 'localhost';

// What the name of a git server's host usually tells.
const FORGE_WORDS: readonly (readonly [RegExp, ForgeKind])[] = [
  [/(?:^|[.-])github(?:[.-]|$)/, 'github'],
  [/(?:^|[.-])gitlab(?:[.-]|$)/, 'gitlab'],
  [/(?:^|[.-])(?:gitea|forgejo|codeberg)(?:[.-]|$)/, 'gitea'],
  [/(?:^|[.-])bitbucket(?:[.-]|$)/, 'bitbucket'],
];

/** What {@link createHosts} makes hosts of. */
export interface HostParts {
  readonly section: Pick<TerraformSection, 'upstreams' | 'forges'>;
  /** TERRAFORM_HOSTNAME, as addresses name it; null: it is not set. */
  readonly hostname: string | null;
  /** Of TERRAFORM_UPSTREAM_HOSTS. */
  readonly named: readonly NamedUpstream[];
  readonly publicUrl: string | null;
  /** Globs of packages (as `PackageRef.name`) that are never asked of any upstream. */
  readonly privateNames: readonly string[];
  /** Asked once for every URL. @throws ProxyError `config` for an address of this very process. */
  upstreamAt(url: string): { readonly upstream: Upstream; readonly documents: UpstreamDocuments };
}

/**
 * All hosts that a configuration describes.
 * @throws ProxyError `config` where the own host is among the upstreams, and what `upstreamAt` throws.
 */
export function createHosts(parts: HostParts): TerraformHosts {
  const { section, hostname, publicUrl } = parts;
  const own = hostname ?? (publicUrl === null ? LOCAL : hostOfUrl(publicUrl));
  const upstreams = upstreamsOf(parts, own);
  const byHost = new Map(upstreams.map((upstream) => [upstream.host, upstream]));
  // Nobody said what this server is called, or said a name that every machine has: it is what it is asked as.
  const isNamed = hostname !== null || (publicUrl !== null && !isLoopbackHost(own));
  // Registries do not tell `Acme` from `acme`, so neither must what hides one from them.
  const isPrivate = packageMatcher(parts.privateNames.map((glob) => glob.toLowerCase()));
  const forges = new Map(Object.entries(section.forges));
  return {
    own,
    isOwn: (host, requested) => host === own || (!isNamed && !byHost.has(host) && (isLoopbackHost(host) || host === hostName(requested ?? ''))),
    upstream: (host) => byHost.get(host) ?? null,
    upstreams,
    isPrivate: (name) => isPrivate(name.toLowerCase()),
    forge: (host) => forgeAt(host.toLowerCase(), forges),
  };
}

function upstreamsOf({ section, named, upstreamAt }: HostParts, own: string): readonly TerraformUpstream[] {
  const urls = new Map(named.map(({ host, url }) => [host, url]));
  for (const [text, { url }] of Object.entries(section.upstreams)) {
    const host = hostName(text) ?? text;
    urls.set(host, url?.replace(/\/+$/, '') ?? urls.get(host) ?? `https://${host}`);
  }
  return [...urls].map(([host, url]) => {
    if (host === own) {
      throw new ProxyError('config', `TERRAFORM_UPSTREAM_HOSTS: ${host} is the host of what is published here. Take it out, or set TERRAFORM_HOSTNAME to another name.`);
    }
    const { upstream, documents } = upstreamAt(url);
    return { host, url, http: upstream, documents };
  });
}

function isLoopbackHost(host: string): boolean {
  return isLoopback(host.replace(/:\d+$/, ''));
}

function forgeAt(host: string, declared: ReadonlyMap<string, ForgeKind>): Forge | null {
  const kind = declared.get(host) ?? FORGE_WORDS.find(([word]) => word.test(host))?.[1];
  return kind === undefined ? null : { host, kind };
}
