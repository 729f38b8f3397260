import { ProxyError } from '@oci-package-proxy/errors';
import { beforeWriting, type Change, type Fold, type PackageRef } from '@oci-package-proxy/storage';

import { checkEditable } from './package-edit.ts';
import { distTagKey, distTagsOf, hasVersion } from './published-values.ts';
import { checkDistTag, cleanVersion, quoted } from './version-name.ts';
import { done, type WriteAnswer } from './write-answer.ts';
import type { WriteCall, WriteLedger } from './write-ledger.ts';

const MAX_TAGS = 1000;

/** Changes dist-tags: `npm dist-tag` and its likes. */
export class DistTagWrites {
  readonly #ledger: WriteLedger;

  constructor(ledger: WriteLedger) {
    this.#ledger = ledger;
  }

  /**
   * `PUT` or `POST /-/package/:pkg/dist-tags/:tag`.
   * @param version the body: a bare JSON string.
   * @throws ProxyError `invalid`, `not-found`, `forbidden`.
   */
  async set(ref: PackageRef, tag: string, version: unknown, call: WriteCall): Promise<WriteAnswer> {
    return this.#set(ref, [[tag, version]], call);
  }

  /** `POST /-/package/:pkg/dist-tags`: a map of tags to versions. @throws ProxyError `invalid`, `not-found`, `forbidden`. */
  async merge(ref: PackageRef, tags: unknown, call: WriteCall): Promise<WriteAnswer> {
    if (typeof tags !== 'object' || tags === null || Array.isArray(tags)) {
      throw new ProxyError('invalid', 'The body must be a JSON object of dist-tags and versions.');
    }
    return this.#set(ref, Object.entries(tags), call);
  }

  /** `DELETE /-/package/:pkg/dist-tags/:tag`. @throws ProxyError `not-found`, `forbidden`, also for `latest`. */
  async remove(ref: PackageRef, tag: string, call: WriteCall): Promise<WriteAnswer> {
    const state = await this.#read(ref, call);
    if (tag === 'latest') {
      throw new ProxyError('forbidden', 'The dist-tag latest cannot be removed: clients need it. Point it at another version instead.');
    }
    if (!distTagsOf(state).has(tag)) {
      throw new ProxyError('not-found', `${ref.name} has no dist-tag ${quoted(tag)}.`);
    }
    await this.#ledger.record(ref, [{ key: distTagKey(tag), value: null }], call);
    return done('dist-tag removed', { name: ref.name });
  }

  async #set(ref: PackageRef, tags: readonly (readonly [string, unknown])[], call: WriteCall): Promise<WriteAnswer> {
    if (tags.length > MAX_TAGS) {
      throw new ProxyError('invalid', `At most ${MAX_TAGS} dist-tags can be set at once.`);
    }
    const state = await this.#read(ref, call);
    const current = distTagsOf(state);
    const changes: Change[] = [];
    for (const [tag, given] of tags) {
      checkDistTag(tag);
      const version = knownVersion(ref, state, given);
      if (current.get(tag) !== version) {
        changes.push({ key: distTagKey(tag), value: version });
      }
    }
    if (changes.length > 0) {
      await this.#ledger.record(ref, changes, call);
    }
    return done('dist-tag set', { name: ref.name, status: 201 });
  }

  async #read(ref: PackageRef, call: WriteCall): Promise<Fold> {
    const state = await beforeWriting(() => this.#ledger.fold(ref, { fresh: true, signal: call.signal }));
    checkEditable({ name: ref.name, state });
    return state;
  }
}

function knownVersion(ref: PackageRef, state: Fold, given: unknown): string {
  if (typeof given !== 'string') {
    throw new ProxyError('invalid', 'The version that a dist-tag is to point at must be a JSON string, such as "1.2.3".');
  }
  const version = cleanVersion(given);
  if (version === null || !hasVersion(state, version)) {
    throw new ProxyError('invalid', `${ref.name} has no version ${quoted(given)} that a dist-tag could point at.`);
  }
  return version;
}
