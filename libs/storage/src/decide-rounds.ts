import { setTimeout as delay } from 'node:timers/promises';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Digest, isTagCreator, type ManifestBytes, type Repository } from '@oci-package-proxy/oci';

import { ALL_PHASES } from './decide-rounds-call.ts';
import { decideByRounds } from './decide-rounds-protocol.ts';

/** How a tag is decided. */
export interface DecideOptions {
  readonly signal?: AbortSignal;
  /** From 0 to below 1; default `Math.random`. */
  readonly random?: () => number;
  /** Waits `ms` milliseconds and rejects when the signal fires. */
  readonly sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Puts `manifest` under `tag` unless something else was or is being put there: whoever calls this for the same tag, whenever
 * and wherever, gets the same answer. Where the store creates tags without replacing, that decides; elsewhere the decide rounds
 * do: `docs/decisions/20261124-decide-rounds.md`. The blobs (or children) of `manifest` must be in the repository. A call that
 * fails may still win later; calling again, with the same bytes or others, tells.
 * @returns the digest that won the tag: the manifest's own, or another.
 * @throws ProxyError `conflict` when somebody replaced the tag past the rounds, `integrity` when claims are missing or
 * contradict each other, `storage-unavailable`, `storage-denied`, `aborted`.
 */
export async function decideTag(repository: Repository, tag: string, manifest: ManifestBytes, options: DecideOptions = {}): Promise<Digest> {
  const { signal, random = Math.random, sleep = wait } = options;
  if (isTagCreator(repository)) {
    return repository.createTag(tag, manifest, signal === undefined ? {} : { signal });
  }
  return decideByRounds({ repository, tag, manifest, signal, random, sleep, phases: ALL_PHASES });
}

async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new ProxyError('aborted', 'waiting for rivals of a tag: given up by the caller', { cause: error });
  }
}
