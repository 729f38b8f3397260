import { bufferBlob, EMPTY_BYTES, type ManifestBytes, type Registry } from '@oci-package-proxy/oci';

import type { Changes } from './changes.ts';
import { encodeEvent } from './event.ts';
import type { Change, LedgerCall } from './ledger-port.ts';
import { confirmListed, putOnce } from './listed-writes.ts';
import { withLostParts } from './lost-parts.ts';
import type { PackageFolds } from './package-folds.ts';
import type { PackageMutex } from './package-mutex.ts';
import type { PackageRef } from './package-ref.ts';
import { eventTag, stampAfter } from './tags.ts';
import { putting, sayingOutcome, type WriteProgress } from './write-outcome.ts';

const OUTCOMES = { nothing: 'Nothing was changed; try again when storage takes writes.', unknown: 'Whether it was changed is not known: do the same again.' };

type RecordCall = LedgerCall & { readonly by: string };

/** What {@link EventRecorder} needs. */
export interface EventRecorderOptions {
  readonly registry: Registry;
  readonly folds: PackageFolds;
  readonly changes: Changes;
  readonly mutex: PackageMutex;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** A number from 0 to 1, 1 excluded. */
  readonly random: () => number;
}

/** Records events. They commute, and so they need neither a lock nor a decision. */
export class EventRecorder {
  readonly #options: EventRecorderOptions;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** `LedgerPublisher.record` */
  async record(ref: PackageRef, changes: readonly Change[], call: RecordCall): Promise<void> {
    if (changes.length === 0) {
      return;
    }
    const { mutex, changes: ours } = this.#options;
    await mutex.run(ref.repository, () => ours.announced(ref, () => sayingOutcome(OUTCOMES, (progress) => this.#record(ref, changes, { ...call, progress }))), call.signal);
  }

  async #record(ref: PackageRef, changes: readonly Change[], { by, signal, progress }: RecordCall & { readonly progress: WriteProgress }): Promise<void> {
    const { registry, folds, clock, random } = this.#options;
    const repository = registry.repository(ref.repository);
    const at = new Date(clock()).toISOString();
    let { sequence } = (await folds.get(ref, { fresh: true, signal })).fold;
    const written = new Map<string, ManifestBytes>();
    for (const { key, value } of changes) {
      const stamp = stampAfter(sequence, random);
      const tag = eventTag(stamp);
      const { manifest, blob } = encodeEvent(tag, { key, value, at, by });
      await withLostParts(`an event of ${ref.name}`, async () => {
        await repository.writeBlob(bufferBlob(EMPTY_BYTES), { signal });
        await repository.writeBlob(blob, { signal });
        await putting(progress, () => putOnce(repository, { tag, manifest, signal }));
      });
      written.set(tag, manifest);
      sequence = stamp.sequence;
    }
    await confirmListed(repository, { written, signal });
  }
}
