import type { Upstream, UpstreamDocuments } from '@oci-package-proxy/upstream';

import type { ForgeKind } from './terraform-section.ts';

/** A registry that may be pulled through. */
export interface TerraformUpstream {
  /** As source addresses name it: lower-case, with a port where that is not 443. */
  readonly host: string;
  /** Where its discovery document is asked for, without a slash at its end: `https://<host>` unless the operator says otherwise. */
  readonly url: string;
  readonly http: Upstream;
  readonly documents: UpstreamDocuments;
}

/** A git server whose archives modules are taken from. */
export interface Forge {
  /** Host name, with a port where that is not the scheme's own. */
  readonly host: string;
  readonly kind: ForgeKind;
}

/** Which hosts there are. */
export interface TerraformHosts {
  /** The host in the addresses of what is published here. */
  readonly own: string;
  /** Whether a host in an address is this server. @param requested the Host header of the request; on loopback that counts too, unless TERRAFORM_HOSTNAME is set. */
  isOwn(host: string, requested?: string): boolean;
  /** Null: a host that is not pulled through. */
  upstream(host: string): TerraformUpstream | null;
  readonly upstreams: readonly TerraformUpstream[];
  /** Whether a package (as `PackageRef.name`) is private, which no upstream is ever asked for. */
  isPrivate(packageName: string): boolean;
  /** The forge at a host: what the operator declared, else a guess by the host's name; null: not known. */
  forge(host: string): Forge | null;
}
