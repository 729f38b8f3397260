import type { Fold } from '@oci-package-proxy/storage';

import { yankedFileKey, yankedVersionKey } from '../model/fold-keys.ts';
import { canonicalVersion } from '../names/version.ts';

/** Why a file was yanked here (PEP 592), empty without a reason; null where it was not. What is said of a file goes before what is said of its version. */
export function ownYank({ values }: Pick<Fold, 'values'>, { filename, version }: { readonly filename: string; readonly version: string | null }): string | null {
  if (values.size === 0) {
    return null;
  }
  return textOf(values.get(yankedFileKey(filename))?.value) ?? (version === null ? null : textOf(values.get(yankedVersionKey(canonicalVersion(version)))?.value));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
