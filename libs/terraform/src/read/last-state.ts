import type { Fold, JsonValue } from '@oci-package-proxy/storage';

import type { UpstreamVersions } from '../documents/upstream-provider.ts';
import { printableWarnings } from '../documents/warnings.ts';
import { heldByVersion } from './held-provider.ts';

/** What upstream said last of a provider, for as long as it cannot be asked. */
export interface LastState {
  /** Held versions that upstream listed no more. */
  readonly withdrawn: ReadonlySet<string>;
  readonly warnings: readonly string[];
}

/** Held versions that upstream does not list. */
export function withdrawnVersions({ versions }: Pick<UpstreamVersions, 'versions'>, fold: Fold): readonly string[] {
  const listed = new Set(versions.map(({ version }) => version));
  return [...heldByVersion(fold).keys()].filter((version) => !listed.has(version)).sort();
}

/** What is kept of a list: what upstream may change without a new file. Bounded by what is held, and by what a client prints. */
export function stateOfList(list: UpstreamVersions, fold: Fold): JsonValue {
  return { withdrawn: withdrawnVersions(list, fold), warnings: printableWarnings(list.warnings) };
}

/** What the worker wrote last of a provider's upstream; an empty state of what is none. */
export function lastStateIn(state: JsonValue): LastState {
  const fields = typeof state === 'object' && state !== null && !Array.isArray(state) ? (state as Readonly<Record<string, JsonValue>>) : {};
  return { withdrawn: new Set(texts(fields['withdrawn'])), warnings: texts(fields['warnings']) };
}

function texts(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
