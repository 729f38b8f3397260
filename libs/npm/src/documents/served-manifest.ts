import { isObject, type Manifest, member } from './packument.ts';
import { fileOf } from './packument-index.ts';

/** Where a version's files are handed out. */
export interface Place {
  /** Base URL of this registry as the client sees it, without a slash at its end. */
  readonly base: string;
  readonly name: string;
  readonly version: string;
}

/** `manifest` with the addresses of its files changed to ours. All else, signatures above all, stays as it is. */
export function servedManifest(manifest: Manifest, place: Place, file?: string): Manifest {
  const dist = member(manifest, 'dist');
  if (!isObject(dist)) {
    return manifest;
  }
  const upstream = member(dist, 'tarball');
  const name = file ?? (typeof upstream === 'string' ? fileOf(upstream) : null);
  const attestations = member(dist, 'attestations');
  return {
    ...manifest,
    dist: {
      ...dist,
      ...(name === null ? {} : { tarball: tarballUrl(place, name) }),
      ...(isObject(attestations) ? { attestations: { ...attestations, url: attestationsUrl(place) } } : {}),
    },
  };
}

function tarballUrl({ base, name }: Place, file: string): string {
  return `${base}/${name}/-/${encodeURIComponent(file)}`;
}

function attestationsUrl({ base, name, version }: Place): string {
  return `${base}/-/npm/v1/attestations/${name.replace('/', '%2f')}@${encodeURIComponent(version)}`;
}
