import { isProxyError } from '@oci-package-proxy/errors';
import { type Digest, type Index, isManifest, type Manifest, type ManifestBytes, parseManifest, type Repository } from '@oci-package-proxy/oci';
import { ANNOTATIONS, kindOf, SNAPSHOT_TAG } from '@oci-package-proxy/storage';

/** What is at the target by now. */
export interface Arrived {
  /** Manifests under tags that are not derived. */
  readonly manifests: Set<Digest>;
  /** Tags under which it has something else than the source. */
  conflicts: number;
  /** Manifests of versions that are at the target alone. */
  alone(): Promise<ReadonlySet<Digest>>;
}

/** A derived tag of the source, and what stands under it at the target. */
export interface DerivedTag {
  readonly target: Repository;
  readonly arrived: Arrived;
  readonly tag: string;
  readonly manifest: ManifestBytes;
  readonly standing: Digest | null;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a tag of the source is made of other tags. */
export function isDerived(tag: string, manifest: Manifest | Index): boolean {
  return kindOf(tag) === 'derived' || manifest.annotations?.[ANNOTATIONS.derived] !== undefined;
}

/**
 * What becomes of a derived tag, once all that it may be made of was copied. Readers believe it, and so it must say nothing that is
 * not so at the target. `keep`: what stands there is newer, or knows more. `unfit`: it tells of what the target does not have.
 */
export async function derivedChoice(derived: DerivedTag): Promise<'put' | 'keep' | 'unfit' | 'conflict'> {
  const { tag, manifest, standing, arrived } = derived;
  const ours = parseManifest(manifest);
  if (tag === SNAPSHOT_TAG && arrived.conflicts > 0) {
    return 'unfit';
  }
  if (!isManifest(ours) && !ours.manifests.every(({ digest }) => arrived.manifests.has(digest))) {
    return 'unfit';
  }
  const theirs = standing === null ? null : await parsedAt(derived, standing);
  if (theirs === null) {
    return kindOf(tag) === 'derived' || standing === null ? 'put' : 'conflict';
  }
  if (kindOf(tag) !== 'derived' && theirs.annotations?.[ANNOTATIONS.derived] === undefined) {
    return 'conflict';
  }
  return isNewer(theirs, ours) || (await knowsMore(theirs, { ours, arrived })) ? 'keep' : 'put';
}

function isNewer(theirs: Manifest | Index, ours: Manifest | Index): boolean {
  const [here, there] = [ours.annotations?.[ANNOTATIONS.created], theirs.annotations?.[ANNOTATIONS.created]];
  return here !== undefined && there !== undefined && Date.parse(there) > Date.parse(here);
}

/** Whether it lists a version that is there and that ours does not list. What was deleted is none. */
async function knowsMore(theirs: Manifest | Index, { ours, arrived }: { readonly ours: Manifest | Index; readonly arrived: Arrived }): Promise<boolean> {
  if (isManifest(theirs) || isManifest(ours)) {
    return false;
  }
  const known = new Set(ours.manifests.map(({ digest }) => digest));
  const more = theirs.manifests.filter(({ digest }) => !known.has(digest));
  if (more.length === 0) {
    return false;
  }
  const alone = await arrived.alone();
  return more.some(({ digest }) => arrived.manifests.has(digest) || alone.has(digest));
}

async function parsedAt({ target, signal }: DerivedTag, digest: Digest): Promise<Manifest | Index | null> {
  try {
    const stored = await target.readManifest(digest, { signal });
    return stored === null ? null : parseManifest(stored);
  } catch (error) {
    if (!isProxyError(error, 'integrity')) {
      throw error;
    }
    return null;
  }
}
