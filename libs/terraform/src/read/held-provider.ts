import type { Fact, Fold } from '@oci-package-proxy/storage';

import { type ListedVersion, platformText } from '../model/provider.ts';
import { OPENTOFU_TYPES, type PulledDocument, pulledDocumentOf } from '../model/terraform-fact.ts';

/** One platform of a version that was pulled through and stored. */
export interface HeldPackage {
  readonly fact: Fact;
  readonly document: PulledDocument;
}

// Folds are kept and handed out again as long as nothing changes.
const READ = new WeakMap<Fold, ReadonlyMap<string, readonly HeldPackage[]>>();

/** What a fact holds; null for one of another kind. */
export function heldPackage(fact: Fact): HeldPackage | null {
  return fact.artifactType === OPENTOFU_TYPES.target ? { fact, document: pulledDocumentOf(fact) } : null;
}

/** What is held of a provider, by version. */
export function heldByVersion(fold: Fold): ReadonlyMap<string, readonly HeldPackage[]> {
  const known = READ.get(fold);
  if (known !== undefined) {
    return known;
  }
  const held = new Map<string, HeldPackage[]>();
  for (const fact of fold.facts.values()) {
    const one = heldPackage(fact);
    if (one !== null) {
      held.set(one.document.version, [...(held.get(one.document.version) ?? []), one]);
    }
  }
  READ.set(fold, held);
  return held;
}

/** What is held of one version. */
export function heldOf(fold: Fold, version: string): readonly HeldPackage[] {
  return heldByVersion(fold).get(version) ?? [];
}

/** The held versions, with the platforms that are held. */
export function heldVersions(fold: Fold): readonly ListedVersion[] {
  return [...heldByVersion(fold)].map(([version, packages]) => ({
    version,
    protocols: packages[0]?.document.protocols ?? [],
    platforms: packages.map(({ document }) => document.archive.platform).sort((left, right) => (platformText(left) < platformText(right) ? -1 : 1)),
  }));
}
