import { ProxyError } from '@oci-package-proxy/errors';

import type { Forge } from '../config/hosts.ts';
import type { ForgeKind } from '../config/terraform-section.ts';
import type { GitAddress } from './source-address.ts';

/** A tag, branch or commit of a repository on a forge. */
interface Revision {
  /** `https://host` */
  readonly origin: string;
  /** Owner and name, or more; encoded as a path. */
  readonly path: string;
  /** Name alone, encoded. */
  readonly name: string;
  /** Encoded as a path: its slashes are slashes. */
  readonly ref: string;
}

const MAX_REF_CHARACTERS = 256;
// https://git-scm.com/docs/git-check-ref-format, and what could be taken for something else in a URL.
const BAD_REF = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|^[-/.]|[/.]$|\/[/.]|\.lock$/;

/** All of these wrap the files in one directory. */
const ARCHIVE_URLS: Readonly<Record<ForgeKind, (revision: Revision) => string>> = {
  github: ({ origin, path, ref }) => `${origin}/${path}/archive/${ref}.tar.gz`,
  gitlab: ({ origin, path, name, ref }) => `${origin}/${path}/-/archive/${ref}/${name}-${ref.replaceAll('/', '-')}.tar.gz`,
  gitea: ({ origin, path, ref }) => `${origin}/${path}/archive/${ref}.tar.gz`,
  bitbucket: bitbucketUrl,
};

/**
 * The URL of the archive of what a git address names, over https whatever the address says, but for plain http.
 * @throws ProxyError `unsupported` for an address without a ref, and for what is no repository of a forge.
 */
export function forgeArchiveUrl({ protocol, path, ref }: GitAddress, { host, kind }: Forge): string {
  if (ref === null) {
    throw new ProxyError('unsupported', 'Upstream names a git repository for this module and no tag or commit of it (ref), so nobody can say what this version is. Tell whoever publishes the module, or publish it here.');
  }
  const parts = path.split('/');
  if (parts.length < 2 || parts.includes('') || parts.includes('.') || parts.includes('..') || ref.length > MAX_REF_CHARACTERS || BAD_REF.test(ref)) {
    throw new ProxyError('unsupported', `Upstream names a git repository for this module that cannot be one on ${host}, or a ref of it that cannot be one. Tell whoever publishes the module, or publish it here.`);
  }
  const encoded = parts.map(encodedOnce);
  return ARCHIVE_URLS[kind]({
    origin: `${protocol === 'http:' ? 'http' : 'https'}://${host}`,
    path: encoded.join('/'),
    name: encoded.at(-1) ?? '',
    ref: ref.split('/').map(encodeURIComponent).join('/'),
  });
}

/** The cloud's; where the path begins with `scm`, the one that companies run themselves. */
function bitbucketUrl({ origin, path, ref }: Revision): string {
  const [first, project, repository] = path.split('/');
  if (first === 'scm' && project !== undefined && repository !== undefined) {
    return `${origin}/rest/api/latest/projects/${project}/repos/${repository}/archive?at=${ref.replaceAll('/', '%2F')}&format=tgz&prefix=module`;
  }
  return `${origin}/${path}/get/${ref}.tar.gz`;
}

/** A part of a URL's path may be encoded already. */
function encodedOnce(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part));
  } catch {
    return encodeURIComponent(part);
  }
}
