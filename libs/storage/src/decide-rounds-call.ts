import type { Digest, ManifestBytes, Repository } from '@oci-package-proxy/oci';

/** What the rounds are made of. All of it is needed: the model check takes out one at a time, and must see it fail. */
export interface Phases {
  /** Vote to commit only where nobody proposes something else; without it, always. */
  readonly firstList: boolean;
  /** Look at the votes before deciding; without it, one's own vote decides. */
  readonly secondList: boolean;
  /** Take what somebody voted to commit into the next round; without it, one's own again. */
  readonly carry: boolean;
  /** Answer what was decided; without it, one's own. */
  readonly answer: boolean;
  /** Begin at round 0; without it, at the highest round there is. */
  readonly fromZero: boolean;
}

/** Every phase in place. */
export const ALL_PHASES: Phases = { firstList: true, secondList: true, carry: true, answer: true, fromZero: true };

/** Who decides what, where. */
export interface RoundsCall {
  readonly repository: Repository;
  readonly tag: string;
  readonly manifest: ManifestBytes;
  readonly signal?: AbortSignal | undefined;
  /** From 0 to below 1: spreads rivals, nothing depends on it. */
  readonly random: () => number;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly phases: Phases;
}

/** What the tag that is being decided names now. */
export function tagDigest(call: RoundsCall): Promise<Digest | null> {
  return call.repository.statManifest(call.tag, callOptions(call));
}

/** What every request of a call takes. */
export function callOptions({ signal }: RoundsCall): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
