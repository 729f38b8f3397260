import { repairedDistTags } from './latest.ts';
import { type Manifest, member, type Packument } from './packument.ts';
import { servedManifest } from './served-manifest.ts';

/** What of ours is laid over upstream's document. */
export interface Overlay {
  /** Versions that were deleted here. */
  readonly hidden: readonly string[];
  /** JSON texts of stored manifests whose bytes are not upstream's any more, with the file name, by version. */
  readonly pinned: readonly { readonly version: string; readonly document: string; readonly file: string }[];
}

/** Nothing to lay over. */
export const NO_OVERLAY: Overlay = { hidden: [], pinned: [] };

/** Upstream's packument as it is served here. */
export function upstreamPackument(packument: Packument, base: string, { hidden, pinned }: Overlay): Packument {
  const away = new Set(hidden);
  const stored = new Map(pinned.map((pin) => [pin.version, pin]));
  const versions = new Map<string, Manifest>();
  for (const [version, manifest] of packument.versions) {
    if (away.has(version)) {
      continue;
    }
    const place = { base, name: packument.name, version };
    const pin = stored.get(version);
    versions.set(version, servedManifest(pin === undefined ? manifest : withDist(manifest, pin.document), place, pin?.file));
  }
  const time = new Map([...packument.time].filter(([version]) => !away.has(version)));
  const distTags = away.size === 0 ? packument.distTags : repairedDistTags(packument.distTags, new Set(versions.keys()));
  return { ...packument, versions, time, distTags };
}

/** What upstream says of the version now, with the `dist` that the stored bytes have. */
function withDist(manifest: Manifest, document: string): Manifest {
  const stored = JSON.parse(document) as Manifest;
  return { ...manifest, dist: member(stored, 'dist') as Manifest['dist'] };
}
