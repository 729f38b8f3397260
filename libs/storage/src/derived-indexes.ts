import { setTimeout as delay } from 'node:timers/promises';

import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { INDEX_MEDIA_TYPE, isTagDeleter, type ManifestBytes, manifestBytes, type Registry, type Repository } from '@oci-package-proxy/oci';

import { DerivedChildren } from './derived-children.ts';
import { isDerivedIndex } from './fact-decoding.ts';
import type { Fold } from './fold.ts';
import type { DerivedIndex, DerivedOutcome, LedgerCall } from './ledger-port.ts';
import type { Origins } from './origin.ts';
import type { PackageFolds } from './package-folds.ts';
import type { PackageMutex } from './package-mutex.ts';
import type { LedgerLogger, PackageRef } from './package-ref.ts';
import { kindOf } from './tags.ts';
import { ANNOTATIONS } from './vendor.ts';

const ATTEMPTS = 8;
const BACK_OFF_MS = 20;

/** What {@link DerivedIndexes} needs. */
export interface DerivedIndexesOptions {
  readonly registry: Registry;
  readonly folds: PackageFolds;
  readonly origins: Origins;
  readonly mutex: PackageMutex;
  readonly logger: LedgerLogger;
  /** A number from 0 to 1, 1 excluded. */
  readonly random: () => number;
}

type DerivedStep = 'same' | 'changed' | 'refused';

interface DerivedWork {
  readonly repository: Repository;
  readonly ref: PackageRef;
  readonly call: LedgerCall;
  /** Tags that the registry does not let us rewrite. */
  readonly refused: Set<string>;
}

/** Indexes made of facts, for readers that know nothing of us. They are rewritten when the facts change. */
export class DerivedIndexes {
  readonly #options: DerivedIndexesOptions;
  readonly #children: DerivedChildren;
  readonly #complained = new Set<string>();

  constructor(options: DerivedIndexesOptions) {
    this.#options = options;
    this.#children = new DerivedChildren(options.logger);
  }

  /** `LedgerIngester.writeDerived` */
  async write(ref: PackageRef, derive: (fold: Fold) => readonly DerivedIndex[], call: LedgerCall = {}): Promise<DerivedOutcome> {
    const { registry, origins, mutex } = this.#options;
    if ((await origins.read(ref, call)) === 'published') {
      throw new ProxyError('conflict', `${ref.name} is published here: its versions are what their tags say.`);
    }
    const work = { repository: registry.repository(ref.repository), ref, call, refused: new Set<string>() };
    return mutex.run(ref.repository, () => this.#write(work, derive), call.signal);
  }

  async #write(work: DerivedWork, derive: (fold: Fold) => readonly DerivedIndex[]): Promise<DerivedOutcome> {
    const { folds, random } = this.#options;
    let changed = false;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      // Rivals in step could go on for ever.
      await (attempt < 2 ? undefined : delay(random() * BACK_OFF_MS * 2 ** attempt, undefined, { signal: work.call.signal }));
      const { fold } = await folds.get(work.ref, { fresh: true, signal: work.call.signal });
      if (!(await this.#step(work, fold, derive(fold)))) {
        return outcomeOf(changed, work.refused);
      }
      changed = true;
    }
    throw new ProxyError('storage-unavailable', `The derived indexes of ${work.ref.repository} were rewritten ${ATTEMPTS} times and are not what its versions come to. Try again; if it stays, its tag lists lag behind its writes.`);
  }

  /** Whether anything had to be written: then what is there now may be made of an older list than another's. */
  async #step(work: DerivedWork, fold: Fold, indexes: readonly DerivedIndex[]): Promise<boolean> {
    let changed = false;
    for (const index of indexes) {
      checkIndex(fold, index);
      const step = work.refused.has(index.tag) ? 'refused' : await this.#replace(work, fold, index);
      if (step === 'refused') {
        work.refused.add(index.tag);
      }
      changed ||= step === 'changed';
    }
    return changed;
  }

  async #replace(work: DerivedWork, fold: Fold, index: DerivedIndex): Promise<DerivedStep> {
    const { repository, ref, call } = work;
    const standing = await repository.statManifest(index.tag, { signal: call.signal });
    if (standing === null && index.entries.length === 0) {
      return 'same';
    }
    const wanted = await this.#encode(work, fold, index);
    if (standing === wanted.digest) {
      return 'same';
    }
    if (standing !== null && !(await this.#isOurs(work, index.tag))) {
      this.#complain(ref, { tag: index.tag, digest: standing }, 'the tag of a derived index holds something that is not ours; it stays');
      return 'refused';
    }
    if (index.entries.length === 0 && isTagDeleter(repository) && (await repository.deleteTag(index.tag, { signal: call.signal }))) {
      return 'changed';
    }
    return this.#put(work, index.tag, wanted);
  }

  async #put({ repository, ref, call }: DerivedWork, tag: string, wanted: ManifestBytes): Promise<DerivedStep> {
    try {
      await repository.writeManifest(wanted, { tag, signal: call.signal });
      return 'changed';
    } catch (error) {
      if (isProxyError(error, 'unprocessable')) {
        // A version was deleted since the list was made.
        this.#children.forget();
        return 'changed';
      }
      const immutable = isProxyError(error, 'conflict') || isProxyError(error, 'storage-denied') || isProxyError(error, 'unsupported');
      if (!immutable || (await repository.statManifest(tag, { signal: call.signal })) === null) {
        throw error;
      }
      this.#complain(ref, { tag, err: error }, 'the registry does not let tags be rewritten; readers that know nothing of us may see less than there is');
      return 'refused';
    }
  }

  async #encode({ repository, ref, call }: DerivedWork, fold: Fold, { tag, artifactType, entries }: DerivedIndex): Promise<ManifestBytes> {
    return manifestBytes({
      schemaVersion: 2,
      mediaType: INDEX_MEDIA_TYPE,
      artifactType,
      manifests: await this.#children.of(repository, { ref, fold, entries, signal: call.signal }),
      annotations: { [ANNOTATIONS.tag]: tag, [ANNOTATIONS.ecosystem]: ref.ecosystem, [ANNOTATIONS.package]: ref.name, [ANNOTATIONS.derived]: 'index' },
    });
  }

  async #isOurs({ repository, ref, call }: DerivedWork, tag: string): Promise<boolean> {
    const stored = await repository.readManifest(tag, { signal: call.signal });
    return stored === null || isDerivedIndex(ref, tag, stored);
  }

  #complain({ repository }: PackageRef, fields: Readonly<Record<string, unknown>>, message: string): void {
    const key = `${repository} ${message}`;
    if (!this.#complained.has(key)) {
      this.#complained.add(key);
      this.#options.logger.warn({ repository, ...fields }, message);
    }
  }
}

function checkIndex({ facts }: Fold, { tag, entries }: DerivedIndex): void {
  const unknown = entries.find(({ fact }) => !facts.has(fact));
  if (kindOf(tag) !== 'fact' || facts.has(tag) || unknown !== undefined) {
    throw new ProxyError('internal', `The tag ${tag} cannot be one of a derived index${unknown === undefined ? '' : `: there is no fact ${unknown.fact}`}.`);
  }
}

function outcomeOf(changed: boolean, refused: ReadonlySet<string>): DerivedOutcome {
  if (refused.size > 0) {
    return 'unsupported';
  }
  return changed ? 'written' : 'unchanged';
}
