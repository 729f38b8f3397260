import { ProxyError } from '@oci-package-proxy/errors';

import { type ArchiveChecksum, archiveQuery } from './archive-query.ts';

const MAX_CHARACTERS = 8192;
const FORCED = /^([0-9A-Za-z]+)::(.+)$/s;
/** `git@host:path`, as ssh takes it. */
const SCP = /^(?:([^@/:]+)@)?([^:/@]+):(?!\/\/)\/*(.+)$/s;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\/\//;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'ssh:': '22', 'http:': '80', 'https:': '443' };

/** A repository of git. */
export interface GitAddress {
  readonly kind: 'git';
  readonly protocol: 'https:' | 'http:' | 'ssh:';
  /** Lower-case, with a port where that is not the scheme's own. */
  readonly host: string;
  /** Without slashes at its ends and without `.git`. */
  readonly path: string;
  /** A tag, branch or commit; null: whatever the repository's HEAD is. */
  readonly ref: string | null;
  /** Within the repository; null: its root. */
  readonly subdirectory: string | null;
  /** Value of the `authorization` header, where the address has a user; a secret. */
  readonly authorization: string | null;
}

/** An archive on a web server. */
export interface WebAddress {
  readonly kind: 'web';
  /** Without what is meant for go-getter alone; its query may be a secret. */
  readonly url: string;
  readonly checksum: ArchiveChecksum;
  /** Within the archive; null: its root. */
  readonly subdirectory: string | null;
  readonly authorization: string | null;
}

/** Anything that only go-getter itself, with the client's own credentials, can fetch. */
export interface OtherAddress {
  readonly kind: 'other';
  /** Such as `s3`, `hg`, `oci`. */
  readonly getter: string;
}

/** Where a package of modules is, taken apart. */
export type SourceAddress = GitAddress | WebAddress | OtherAddress;

/**
 * Takes an address apart as go-getter does: `git::https://…//sub?ref=…`, `git@host:…`, `https://….zip?checksum=…`, `host/owner/name`
 * for hosts that are known to be forges. https://developer.hashicorp.com/terraform/language/modules/sources
 * @returns null for what is no address.
 * @throws ProxyError `unsupported` for archives of a kind, and checksums, that are not understood here.
 */
export function parseSourceAddress(text: string, isForge: (host: string) => boolean): SourceAddress | null {
  if (text === '' || text.length > MAX_CHARACTERS || /[\u0000-\u0020\u007f]/.test(text) || !text.isWellFormed()) {
    return null;
  }
  const [, forced = '', rest = text] = FORCED.exec(text) ?? [];
  const { address, subdirectory } = splitSubdirectory(rest);
  const getter = forced.toLowerCase();
  if (SCHEME.test(address)) {
    return byUrl(address, getter, subdirectory);
  }
  const [, user, host = '', path = ''] = SCP.exec(address) ?? [];
  if (host !== '' && (user === 'git' || getter === 'git')) {
    return byUrl(`ssh://${user ?? 'git'}@${host}/${path}`, 'git', subdirectory);
  }
  return getter === '' || getter === 'git' ? byShorthand(address, subdirectory, isForge) : { kind: 'other', getter };
}

/** go-getter's SourceDirSubdir: what stands behind `//`, the query left out of it. */
function splitSubdirectory(text: string): { readonly address: string; readonly subdirectory: string } {
  const question = text.indexOf('?');
  const stop = question === -1 ? text.length : question;
  const scheme = text.slice(0, stop).indexOf('://');
  const at = text.slice(0, stop).indexOf('//', scheme === -1 ? 0 : scheme + 3);
  return at === -1 ? { address: text, subdirectory: '' } : { address: text.slice(0, at) + text.slice(stop), subdirectory: text.slice(at + 2, stop) };
}

function byUrl(text: string, getter: string, inside: string): SourceAddress | null {
  const url = URL.parse(text);
  if (url === null || url.hostname === '') {
    return null;
  }
  const subdirectory = plainSubdirectory(inside);
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
  if (getter === 'git' || (getter === '' && (url.protocol === 'ssh:' || url.pathname.endsWith('.git')))) {
    return gitAddress(url, subdirectory);
  }
  if (isWeb && (getter === '' || `${getter}:` === url.protocol)) {
    return webAddress(url, subdirectory);
  }
  return { kind: 'other', getter: getter === '' ? url.protocol.slice(0, -1) : getter };
}

function gitAddress(url: URL, subdirectory: string | null): SourceAddress {
  const protocol = (['https:', 'http:', 'ssh:'] as const).find((known) => known === url.protocol);
  if (protocol === undefined) {
    return { kind: 'other', getter: `git::${url.protocol.slice(0, -1)}` };
  }
  const ref = url.searchParams.get('ref');
  const port = url.port === '' || url.port === DEFAULT_PORTS[protocol] ? '' : `:${url.port}`;
  return {
    kind: 'git',
    protocol,
    host: `${url.hostname.toLowerCase()}${port}`,
    path: url.pathname.replace(/^\/+|\/+$/g, '').replace(/\.git$/, ''),
    ref: ref === '' ? null : ref,
    subdirectory,
    // Who logs in by ssh is no one to log in as over https.
    authorization: protocol === 'ssh:' ? null : authorizationOf(url),
  };
}

function webAddress(url: URL, subdirectory: string | null): SourceAddress {
  const { rest, checksum } = archiveQuery(url);
  const authorization = authorizationOf(url);
  url.search = rest;
  url.hash = '';
  url.username = '';
  url.password = '';
  return { kind: 'web', url: url.href, checksum, subdirectory, authorization };
}

function authorizationOf({ username, password }: URL): string | null {
  if (username === '' && password === '') {
    return null;
  }
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `host/owner/name`, which go-getter knows of a few hosts; what follows is a directory. */
function byShorthand(text: string, inside: string, isForge: (host: string) => boolean): SourceAddress | null {
  const [location = '', query] = text.split(/\?(.*)/s, 2);
  const [host = '', owner = '', name = '', ...directory] = location.split('/');
  if (owner === '' || name === '' || !isForge(host.toLowerCase())) {
    return null;
  }
  return byUrl(`https://${host}/${owner}/${name}${query === undefined ? '' : `?${query}`}`, 'git', [...directory, inside].join('/'));
}

/** @throws ProxyError `unsupported` for one that leads out. */
function plainSubdirectory(text: string): string | null {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) {
    throw new ProxyError('unsupported', 'The address that upstream has for this module leads out of its own archive. Tell whoever publishes the module.');
  }
  return parts.length === 0 ? null : parts.join('/');
}
