import type { ModuleAddress } from '../model/address.ts';
import type { ModuleArchive, ModuleVersions } from '../read/read-port.ts';
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
 * `:namespace/:name/:system/:version/download`: answered with 200, the header and the body. What is behind `//` clients never send: they
 * take that directory of the archive, and look in the rest for what the module names by `../`.
 * @param url absolute, or relative to the document's own URL, then beginning with `/`, `./` or `../`.
 */
export function moduleLocation({ sha256, subdirectory }: Pick<ModuleArchive, 'sha256' | 'subdirectory'>, url: string): ModuleLocation {
  // Without `archive` a client looks for another `X-Terraform-Get` behind the URL; `checksum` it compares with the bytes.
  const query = `archive=zip${sha256 === null ? '' : `&checksum=sha256:${sha256}`}`;
  const [path = '', rest] = url.split('?', 2);
  const inside = subdirectory === null ? '' : `//${subdirectory}`;
  const location = `${path}${inside}?${rest === undefined ? '' : `${rest}&`}${query}`;
  return { header: location, body: { location } };
}
