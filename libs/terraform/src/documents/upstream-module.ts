import type { UpstreamDocument } from '@oci-package-proxy/upstream';

import { canonicalModuleVersion } from '../versions/version.ts';
import { objectOf, objectsOf, textOf } from './upstream-json.ts';

const MAX_VERSIONS = 20_000;

/**
 * `:namespace/:name/:system/versions` of an upstream: versions as clients make them of what upstream says, each once, without those that
 * they cannot read. Null for what is no such document.
 */
export function decodeModuleVersions(document: Pick<UpstreamDocument, 'bytes'>): string[] | null {
  const module = objectsOf(objectOf(document)?.['modules'], 1)[0];
  if (module === undefined) {
    return null;
  }
  const versions = objectsOf(module['versions'], MAX_VERSIONS).flatMap((entry) => canonicalModuleVersion(textOf(entry['version'])) ?? []);
  return [...new Set(versions)];
}
