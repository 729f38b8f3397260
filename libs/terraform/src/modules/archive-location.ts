import { isProxyError, ProxyError } from '@oci-package-proxy/errors';

import type { Forge, TerraformHosts, TerraformUpstream } from '../config/hosts.ts';
import type { ArchiveChecksum } from './archive-query.ts';
import { forgeArchiveUrl } from './forge-archive.ts';
import { type GitAddress, parseSourceAddress, type WebAddress } from './source-address.ts';

/** Longer parts of a path are tokens rather than names. */
const MAX_NAME_CHARACTERS = 64;
const ANY_DIRECTORY = '*';
const INSTEAD = 'Take it from its own source address, or publish it here.';

/** An archive that can be fetched. */
export interface ArchiveLocation {
  /** A secret: it may be signed. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly checksum: ArchiveChecksum;
  /** Whether all files lie in one directory that does not belong to the module. */
  readonly wrapped: boolean;
  /** Within the archive; null: its root. */
  readonly subdirectory: string | null;
  /** The address for people: no credential, no query, the same whenever upstream is asked. */
  readonly source: string;
}

/** Whose address it is. */
export interface LocationContext {
  readonly hosts: Pick<TerraformHosts, 'forge'>;
  readonly upstream: Pick<TerraformUpstream, 'host' | 'url'>;
  /** `example.com/acme/network/aws 1.0.0`, for texts. */
  readonly subject: string;
}

/**
 * Where the archive of what an address of upstream's names is.
 * @throws ProxyError `unsupported` for what cannot be fetched here, `policy` for what leads out of TLS, `upstream-unavailable` for what
 * is no address; the text says what to do.
 */
export function archiveLocation(text: string, context: LocationContext): ArchiveLocation {
  try {
    const location = locationOf(text, context);
    if (location.url.startsWith('http:') && !context.upstream.url.startsWith('http:')) {
      throw new ProxyError('policy', `Upstream has this module where only plain http leads, and ${context.upstream.host} itself is asked over TLS. ${INSTEAD}`);
    }
    return location;
  } catch (error) {
    throw isProxyError(error) ? new ProxyError(error.code, `${context.subject}: ${error.message}`, { cause: error }) : error;
  }
}

function locationOf(text: string, { hosts, upstream }: LocationContext): ArchiveLocation {
  const address = parseSourceAddress(text, (host) => hosts.forge(host) !== null);
  if (address === null) {
    throw new ProxyError('upstream-unavailable', `What ${upstream.host} says of where this module is cannot be read. Look at what answers for it.`);
  }
  if (address.kind === 'other') {
    throw new ProxyError('unsupported', `Upstream has this module where ${address.getter}:: leads, and only archives on web servers and git repositories on forges are fetched here. ${INSTEAD}`);
  }
  return address.kind === 'git' ? gitLocation(address, forgeOf(address, hosts)) : webLocation(address);
}

function gitLocation(address: GitAddress, forge: Forge): ArchiveLocation {
  const { protocol, host, path, ref, subdirectory, authorization } = address;
  return {
    url: forgeArchiveUrl(address, forge),
    headers: authorization === null ? {} : { authorization },
    checksum: {},
    wrapped: true,
    subdirectory: plain(subdirectory),
    source: `git::${protocol}//${protocol === 'ssh:' ? 'git@' : ''}${host}/${path}${inside(subdirectory)}?ref=${ref ?? ''}`,
  };
}

function forgeOf({ protocol, host }: GitAddress, hosts: LocationContext['hosts']): Forge {
  // The port of ssh says nothing of the one of https.
  const name = protocol === 'ssh:' ? host.replace(/:\d+$/, '') : host;
  const forge = hosts.forge(name);
  if (forge === null) {
    throw new ProxyError('unsupported', `Upstream has this module in a git repository on ${name}, and it is not known here how that makes archives. Have ecosystems.terraform.forges in CONFIG_FILE say it, such as "${name}": gitea.`);
  }
  return forge;
}

function webLocation({ url, checksum, subdirectory, authorization }: WebAddress): ArchiveLocation {
  const [first, ...more] = subdirectory?.split('/') ?? [];
  const wrapped = first === ANY_DIRECTORY;
  return {
    url,
    headers: authorization === null ? {} : { authorization },
    checksum,
    wrapped,
    subdirectory: plain(wrapped ? more.join('/') : subdirectory),
    source: `${shownUrl(url)}${inside(subdirectory)}`,
  };
}

function inside(subdirectory: string | null): string {
  return subdirectory === null ? '' : `//${subdirectory}`;
}

function shownUrl(text: string): string {
  const { origin, pathname } = new URL(text);
  return origin + pathname.split('/').map((part) => (part.length > MAX_NAME_CHARACTERS ? '…' : part)).join('/');
}

/** @throws ProxyError `unsupported` for a directory that has to be found by a pattern, and one that no address can name as it is. */
function plain(subdirectory: string | null): string | null {
  if (subdirectory !== null && /[*?[\]\\]/.test(subdirectory)) {
    throw new ProxyError('unsupported', `Upstream names the directory of this module by a pattern, which is not followed here. ${INSTEAD}`);
  }
  if (subdirectory !== null && !/^[\w.~+@=,/-]*$/.test(subdirectory)) {
    throw new ProxyError('unsupported', `Upstream has this module in a directory with a space or another character that clients do not read in an address. ${INSTEAD}`);
  }
  return subdirectory === '' ? null : subdirectory;
}
