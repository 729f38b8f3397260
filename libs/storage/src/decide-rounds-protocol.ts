import { ProxyError } from '@oci-package-proxy/errors';
import type { Digest, ManifestBytes } from '@oci-package-proxy/oci';

import { callOptions, type RoundsCall, tagDigest } from './decide-rounds-call.ts';
import { readProposal, stageProposal, writeProposal } from './decide-rounds-claim.ts';
import { type Tally, tallyOf } from './decide-rounds-tally.ts';
import { markerManifest } from './marker.ts';
import { type Claim, claimSubject, claimTag } from './tags.ts';
import { LEDGER_TYPES } from './vendor.ts';

const MAX_PUTS = 4;
const FIRST_BACK_OFF_MS = 50;
const MAX_BACK_OFF_MS = 2000;

/** The decide rounds: `docs/decisions/20261124-decide-rounds.md` says why they hold. @throws as `decideTag`. */
export async function decideByRounds(call: RoundsCall): Promise<Digest> {
  const before = await tagDigest(call);
  if (before !== null) {
    return before;
  }
  await stageProposal(call.repository, call.manifest, callOptions(call));
  let proposal = call.manifest;
  for (let round = await firstRound(call); ; round += 1) {
    const outcome = await playRound(call, round, proposal);
    if (outcome.kind === 'tagged') {
      return outcome.digest;
    }
    if (outcome.kind === 'decided') {
      return finish(call, proposal);
    }
    proposal = outcome.next;
  }
}

type Outcome =
  | { readonly kind: 'tagged'; readonly digest: Digest }
  | { readonly kind: 'decided' }
  | { readonly kind: 'open'; readonly next: ManifestBytes };

async function playRound(call: RoundsCall, round: number, proposal: ManifestBytes): Promise<Outcome> {
  const claim: Claim = { subject: claimSubject(call.tag), round, phase: 'a', digest: proposal.digest.slice('sha256:'.length), vote: null };
  const first = await announce(call, claim, proposal);
  const vote = call.phases.firstList && first.contested ? 'n' : 'c';
  const second = await announce(call, { ...claim, phase: 'b', vote }, proposal);
  const tagged = first.tagged || second.tagged ? await tagDigest(call) : null;
  if (tagged !== null) {
    return { kind: 'tagged', digest: tagged };
  }
  if (call.phases.secondList ? second.committed !== null && !second.refused : vote === 'c') {
    return { kind: 'decided' };
  }
  if (call.phases.carry && second.committed !== null) {
    return carry(call, round, { committed: second.committed, proposal });
  }
  await backOff(call, round, second);
  return { kind: 'open', next: call.manifest };
}

/** Puts a claim, then lists. What is not in the list was not put, whatever the registry answered: it is put again. */
async function announce(call: RoundsCall, claim: Claim, proposal: ManifestBytes): Promise<Tally> {
  const { repository, tag } = call;
  const options = callOptions(call);
  const own = claimTag(claim);
  for (let put = 1; put <= MAX_PUTS; put += 1) {
    if (claim.phase === 'a') {
      await writeProposal(repository, own, proposal, options);
    } else {
      await repository.writeManifest(markerManifest(LEDGER_TYPES.claim, own), { ...options, tag: own });
    }
    const tally = await tallyOf(repository, tag, claim, options);
    if (tally.shown) {
      return tally;
    }
  }
  throw new ProxyError(
    'storage-unavailable',
    `deciding tag ${tag} in repository ${repository.name}: the registry acknowledged the tag ${own} ${MAX_PUTS} times and does not list it`,
  );
}

async function carry(call: RoundsCall, round: number, { committed, proposal }: { readonly committed: Digest; readonly proposal: ManifestBytes }): Promise<Outcome> {
  if (committed === proposal.digest) {
    return { kind: 'open', next: proposal };
  }
  const own = claimTag({ subject: claimSubject(call.tag), round, phase: 'a', digest: committed.slice('sha256:'.length), vote: null });
  const next = await readProposal(call.repository, own, committed, callOptions(call));
  if (next !== null) {
    return { kind: 'open', next };
  }
  // Claims go only after the tag is there.
  const tagged = await tagDigest(call);
  if (tagged !== null) {
    return { kind: 'tagged', digest: tagged };
  }
  throw new ProxyError('integrity', `deciding tag ${call.tag} in repository ${call.repository.name}: the claim ${own} was removed; retention must spare tags that begin with _`);
}

/** Rivals in step could go on for ever; in a round that is history nobody is in step any more. */
async function backOff({ random, sleep, signal }: RoundsCall, round: number, { passed }: Tally): Promise<void> {
  if (!passed) {
    await sleep(random() * Math.min(MAX_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** Math.min(round, 16)), signal);
  }
}

/** Puts what was decided under the tag. Whoever comes here writes the same bytes. */
async function finish(call: RoundsCall, decided: ManifestBytes): Promise<Digest> {
  const { repository, tag } = call;
  let named = await tagDigest(call);
  const foreign = named !== null && named !== decided.digest;
  for (let put = 1; named === null && put <= MAX_PUTS; put += 1) {
    await repository.writeManifest(decided, { ...callOptions(call), tag });
    named = await tagDigest(call);
  }
  if (named === null) {
    throw new ProxyError('storage-unavailable', `tag ${tag} in repository ${repository.name}: the registry acknowledged it ${MAX_PUTS} times and does not show it`);
  }
  if (!foreign && named !== decided.digest) {
    throw new ProxyError('conflict', `tag ${tag} in repository ${repository.name}: ${decided.digest} was decided, but somebody else put ${named} there, past this proxy`);
  }
  return call.phases.answer ? named : call.manifest.digest;
}

async function firstRound(call: RoundsCall): Promise<number> {
  if (call.phases.fromZero) {
    return 0;
  }
  let round = 0;
  const own: Claim = { subject: claimSubject(call.tag), round, phase: 'a', digest: '', vote: null };
  while ((await tallyOf(call.repository, call.tag, { ...own, round }, callOptions(call))).passed) {
    round += 1;
  }
  return round;
}
