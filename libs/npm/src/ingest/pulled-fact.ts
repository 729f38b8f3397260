import { canonicalJson, fileBlob } from '@oci-package-proxy/oci';
import type { NewFact } from '@oci-package-proxy/storage';
import type { SpooledFile } from '@oci-package-proxy/upstream';

import { isObject, member } from '../documents/packument.ts';
import type { IndexEntry } from '../documents/packument-index.ts';
import { sha512Integrity } from '../expected-digest.ts';
import { FILENAME_ANNOTATION, NPM_TYPES } from '../npm-fact.ts';
import { tarballName } from '../package-name.ts';

// What upstream can change about a version after it is published, or shows at the package as well.
const CHANGEABLE = new Set(['deprecated', 'readme', 'readmeFilename', 'maintainers', '_rev', '_attachments', 'users', 'time']);
const UNKNOWN_TIME = '1970-01-01T00:00:00.000Z';

/** A verified tarball and what upstream says of it. */
export interface PulledVersion {
  readonly name: string;
  readonly tag: string;
  readonly entry: IndexEntry;
  /** As upstream has it. */
  readonly manifest: Readonly<Record<string, unknown>>;
  /** When it was published; null where upstream does not say. */
  readonly at: string | null;
  readonly file: SpooledFile;
}

/** The fact of a version that was pulled through: the same bytes, whoever makes it. */
export function pulledFact({ name, tag, entry, manifest, at, file }: PulledVersion): NewFact {
  const { version } = entry;
  const ordinary = entry.file === tarballName(name, version);
  return {
    tag,
    version,
    artifactType: NPM_TYPES.version,
    document: canonicalJson(unchanging(manifest)),
    documentMediaType: NPM_TYPES.manifest,
    layers: [{ mediaType: NPM_TYPES.tarball, source: fileBlob(file.path, `sha256:${file.sha256}`, file.size) }],
    payload: sha512Integrity(file.sha512),
    at: timeOf(at),
    ...(ordinary ? {} : { annotations: { [FILENAME_ANNOTATION]: entry.file } }),
  };
}

function unchanging(manifest: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const dist = member(manifest, 'dist');
  const entries = Object.entries(manifest).filter(([key]) => !CHANGEABLE.has(key));
  return { ...Object.fromEntries(entries), ...(isObject(dist) ? { dist: withoutAddress(dist) } : {}) };
}

/** The tarball's address is that of whoever shows the document. */
function withoutAddress({ tarball: _tarball, ...dist }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return dist;
}

function timeOf(at: string | null): string {
  const time = Date.parse(at ?? '');
  return Number.isNaN(time) ? UNKNOWN_TIME : new Date(time).toISOString();
}
