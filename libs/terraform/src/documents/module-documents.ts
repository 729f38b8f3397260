import type { FileClaim } from '../links/file-claim.ts';
import type { ModuleAddress } from '../model/address.ts';
import type { ModuleVersions } from '../read/read-port.ts';
import { newestFirst } from '../versions/version.ts';

/** `:namespace/:name/:system/versions`. */
export function moduleVersionsDocument({ versions }: ModuleVersions, { namespace, name, system }: ModuleAddress): object {
  return { modules: [{ source: `${namespace}/${name}/${system}`, versions: newestFirst(versions).map((version) => ({ version })) }] };
}

/** Where an archive is, in all ways in which clients ask. */
export interface ModuleLocation {
  /** The value of `X-Terraform-Get`: the only thing that Terraform reads. */
  readonly header: string;
  /** What OpenTofu reads. Without `use_registry_credentials`, which would have newer ones pass over go-getter and its checksum. */
  readonly body: { readonly location: string };
}

/**
 * `:namespace/:name/:system/:version/download`: answered with 200, the header and the body.
 * @param url absolute, or relative to the document's own URL, then beginning with `/`, `./` or `../`.
 */
export function moduleLocation({ sha256 }: Pick<FileClaim, 'sha256'>, url: string): ModuleLocation {
  // Without `archive` a client looks for another `X-Terraform-Get` behind the URL; `checksum` it compares with the bytes.
  const query = `archive=zip${sha256 === null ? '' : `&checksum=sha256:${sha256}`}`;
  const location = `${url}${url.includes('?') ? '&' : '?'}${query}`;
  return { header: location, body: { location } };
}
