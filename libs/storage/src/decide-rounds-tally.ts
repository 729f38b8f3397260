import { ProxyError } from '@oci-package-proxy/errors';
import type { CallOptions, Digest, Repository } from '@oci-package-proxy/oci';

import { type Claim, claimOf } from './tags.ts';

/** What a list says about one round, from the seat of one claimant. Its size does not depend on how many claims there are. */
export interface Tally {
  /** Whether the claimant's own claim is in the list. */
  readonly shown: boolean;
  /** Whether the tag that is being decided is in the list. */
  readonly tagged: boolean;
  /** Whether somebody proposes something else in this round. */
  readonly contested: boolean;
  /** What somebody votes to commit in this round: never two different ones. */
  readonly committed: Digest | null;
  /** Whether somebody votes against committing in this round. */
  readonly refused: boolean;
  /** Whether this round is history: there are claims of later ones. */
  readonly passed: boolean;
}

/**
 * Lists the tags of `repository` and counts the claims of the round that `own` belongs to.
 * @param tag the tag that is being decided.
 * @throws ProxyError `integrity` when two digests are voted for in one round: then the registry does not list what it acknowledged.
 */
export async function tallyOf(repository: Repository, tag: string, own: Claim, options: CallOptions = {}): Promise<Tally> {
  const tally = new RunningTally(own);
  for await (const page of repository.listTags(options)) {
    for (const listed of page) {
      const claim = claimOf(listed);
      tally.tagged ||= listed === tag;
      if (claim?.subject === own.subject) {
        tally.add(claim, repository.name);
      }
    }
  }
  return tally;
}

class RunningTally implements Tally {
  shown = false;
  tagged = false;
  contested = false;
  committed: Digest | null = null;
  refused = false;
  passed = false;
  readonly #own: Claim;

  constructor(own: Claim) {
    this.#own = own;
  }

  add(claim: Claim, repository: string): void {
    const own = this.#own;
    this.passed ||= claim.round > own.round;
    if (claim.round !== own.round) {
      return;
    }
    this.shown ||= claim.phase === own.phase && claim.digest === own.digest && claim.vote === own.vote;
    this.contested ||= claim.phase === 'a' && claim.digest !== own.digest;
    this.refused ||= claim.vote === 'n';
    if (claim.vote === 'c') {
      this.#commit(`sha256:${claim.digest}`, repository);
    }
  }

  #commit(digest: Digest, repository: string): void {
    if (this.committed !== null && this.committed !== digest) {
      throw new ProxyError(
        'integrity',
        `claims on ${this.#own.subject} in repository ${repository}: both ${this.committed} and ${digest} were voted for in round ${this.#own.round}; `
          + 'the registry does not list tags that it acknowledged, and needs immutable tags',
      );
    }
    this.committed = digest;
  }
}
