import { ProxyError } from '@oci-package-proxy/errors';

import { shown } from '../archives/archive-failure.ts';
import { parseProviderFilename } from '../archives/provider-filename.ts';
import { type Platform, platformText } from '../model/provider.ts';

// What every file system can hold.
const MAX_BYTES = 255;
const PREFIX = 'terraform-provider-';
/** What goreleaser makes `…_manifest.json` of. */
const MANIFEST_SOURCE = 'terraform-registry-manifest.json';

/** What the name of a file says of its part in a release. */
export interface ReleaseName {
  readonly filename: string;
  readonly kind: 'archive' | 'sums' | 'signature' | 'manifest';
  /** Null: the name does not tell. */
  readonly type: string | null;
  /** Null: the name does not tell. */
  readonly version: string | null;
  /** Of an archive. */
  readonly platform: Platform | null;
}

/** Which release a file must belong to. */
export interface ReleaseTarget {
  readonly type: string;
  readonly version: string;
}

/**
 * What a name says; null: nothing.
 * @param how `bare`: names may leave out `terraform-provider-`, as those of the original project's examples do.
 */
export function releaseName(filename: string, how: { readonly bare: boolean }): ReleaseName | null {
  if (filename === MANIFEST_SOURCE) {
    return { filename, kind: 'manifest', type: null, version: null, platform: null };
  }
  const parsed = parseProviderFilename(filename) ?? (how.bare ? parseProviderFilename(PREFIX + filename) : null);
  return parsed === null ? null : { filename, platform: null, ...parsed };
}

/**
 * What the name of a file that somebody sends says.
 * @throws ProxyError `invalid` for a name that cannot be one, or of no file of a release.
 */
export function sentName(filename: string, how: { readonly bare: boolean }): ReleaseName {
  const told = shown(JSON.stringify(filename));
  if (filename === '' || filename.startsWith('.') || /[/\\]/.test(filename) || /\p{C}/u.test(filename) || Buffer.byteLength(filename, 'utf8') > MAX_BYTES) {
    throw new ProxyError('invalid', `${told} cannot be the name of a file: it must have at most ${MAX_BYTES} bytes, no slashes, backslashes or control characters, and not begin with a period.`);
  }
  const name = releaseName(filename, how);
  if (name === null) {
    throw new ProxyError('invalid', `${told} is no file of a provider's release. Send terraform-provider-<type>_<version>_<os>_<arch>.zip, …_SHA256SUMS, …_SHA256SUMS.sig and …_manifest.json.`);
  }
  return name;
}

/** The place that a file takes in a release: there is one of each. */
export function slotOf({ kind, platform }: Pick<ReleaseName, 'kind' | 'platform'>): string {
  return platform === null ? kind : platformText(platform);
}

/** Whether a name is one of this release. */
export function isOf({ type, version }: ReleaseName, target: ReleaseTarget): boolean {
  return (type === null || type === target.type) && (version === null || version === target.version);
}

/** Sees that a name is one of this release. @throws ProxyError `unprocessable`. */
export function checkName(name: ReleaseName, target: ReleaseTarget): void {
  if (!isOf(name, target)) {
    throw new ProxyError('unprocessable', `${shown(name.filename)} is named as a file of ${shown(`${name.type} ${name.version}`)}, and ${target.type} ${target.version} is being published. Publish it under its own name and version.`);
  }
}
