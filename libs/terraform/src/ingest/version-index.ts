import { versionTag } from '@oci-package-proxy/mapping';
import type { DerivedIndex, Fold } from '@oci-package-proxy/storage';

import { platformText } from '../model/provider.ts';
import { OPENTOFU_TYPES } from '../model/terraform-fact.ts';
import { heldOf } from '../read/held-provider.ts';
import { isBlocked } from '../read/version-marks.ts';

/**
 * The index of a pulled-through version, for OpenTofu without us: all platforms that are held, none of what was deleted or blocked. A
 * yanked version stays in it, as the tag of one that was published here does: its readers know no yanks, and who has it in a lock file
 * is to find it.
 * @returns none for a version whose tag would be a hash, which is no version to OpenTofu.
 */
export function versionIndexes(fold: Fold, version: string): readonly DerivedIndex[] {
  const tag = versionTag(version);
  if (tag.startsWith('_')) {
    return [];
  }
  const held = isBlocked(fold, version) ? [] : heldOf(fold, version);
  const entries = held.map(({ fact, document: { archive: { platform } } }) => ({ fact: fact.tag, platform: { os: platform.os, architecture: platform.arch } }));
  return [{ tag, artifactType: OPENTOFU_TYPES.provider, entries: entries.sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1)) }];
}

function nameOf({ platform: { os, architecture } }: { readonly platform: { readonly os: string; readonly architecture: string } }): string {
  return platformText({ os, arch: architecture });
}
