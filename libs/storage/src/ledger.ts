import { randomInt } from 'node:crypto';

import type { BlobBody, ByteRange, Descriptor, Registry } from '@oci-package-proxy/oci';

import { Aliases } from './aliases.ts';
import { Catalogue } from './catalogue.ts';
import { Changes } from './changes.ts';
import { Deletions } from './deletions.ts';
import { DerivedIndexes } from './derived-indexes.ts';
import { EventRecorder } from './event-recorder.ts';
import { FactReader } from './fact-reader.ts';
import type { Fact, NewFact } from './fact.ts';
import type { Fold } from './fold.ts';
import { Ingester } from './ingesting.ts';
import type { Change, DerivedIndex, DerivedOutcome, FoldCall, IngestOutcome, LedgerCall, LedgerPort, PublishOutcome } from './ledger-port.ts';
import { Origins } from './origin.ts';
import { isStorageAway } from './outage.ts';
import { PackageFolds } from './package-folds.ts';
import { PackageMutex } from './package-mutex.ts';
import type { ChangeSink, JsonValue, LedgerLogger, Origin, PackageRef } from './package-ref.ts';
import { Publisher } from './publishing.ts';
import { Snapshots } from './snapshot.ts';
import { UpstreamStates } from './upstream-state.ts';

const FOLD_BYTES = 256 * 1024 * 1024;

/** What a {@link Ledger} needs. */
export interface LedgerOptions {
  readonly registry: Registry;
  /** Is told of every change before it is acknowledged. */
  readonly changes?: ChangeSink;
  /** Nothing is logged without one. */
  readonly logger?: LedgerLogger;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** A number from 0 to 1, 1 excluded. */
  readonly random?: () => number;
  /** How many bytes of folds are kept in memory, roughly. Default 256 MiB. */
  readonly foldBytes?: number;
  /** Whether repository names have one level below the prefix. Default false. */
  readonly flat?: boolean;
  /**
   * Told of every answer that is older than it should be because storage cannot be asked, with the time of its list in milliseconds since
   * the epoch, in the context of whoever gets the answer. Must not throw.
   */
  readonly onOld?: (ref: PackageRef, asOf: number) => void;
}

/** The package ledger over an OCI registry: `docs/decisions/20261124-facts-and-events.md`. */
export class Ledger implements LedgerPort {
  readonly #folds: PackageFolds;
  readonly #snapshots: Snapshots;
  readonly #origins: Origins;
  readonly #catalogue: Catalogue;
  readonly #changes: Changes;
  readonly #facts: FactReader;
  readonly #publisher: Publisher;
  readonly #recorder: EventRecorder;
  readonly #deletions: Deletions;
  readonly #ingester: Ingester;
  readonly #upstream: UpstreamStates;
  readonly #derived: DerivedIndexes;

  constructor({ registry, changes: sink, logger = SILENT, clock = Date.now, random = secureRandom, foldBytes = FOLD_BYTES, flat = false, onOld }: LedgerOptions) {
    const mutex = new PackageMutex();
    this.#snapshots = new Snapshots({ registry, logger, clock });
    this.#folds = new PackageFolds({ registry, snapshots: this.#snapshots, logger, clock, foldBytes, onOld });
    this.#origins = new Origins(registry, random);
    this.#catalogue = new Catalogue(registry, flat);
    const changes = new Changes({ folds: this.#folds, sink, logger });
    this.#changes = changes;
    this.#facts = new FactReader({ registry, folds: this.#folds, logger });
    const aliases = new Aliases(logger);
    this.#publisher = new Publisher({ registry, folds: this.#folds, origins: this.#origins, catalogue: this.#catalogue, changes, aliases, mutex, random });
    this.#recorder = new EventRecorder({ registry, folds: this.#folds, changes, mutex, clock, random });
    this.#deletions = new Deletions({ registry, changes, aliases, mutex, logger, clock });
    this.#ingester = new Ingester({ registry, folds: this.#folds, origins: this.#origins, catalogue: this.#catalogue, changes, logger });
    this.#upstream = new UpstreamStates({ registry, origins: this.#origins, logger, clock });
    this.#derived = new DerivedIndexes({ registry, folds: this.#folds, origins: this.#origins, mutex, logger, random });
  }

  async fold(ref: PackageRef, call?: FoldCall): Promise<Fold> {
    return (await this.#folds.get(ref, call)).fold;
  }

  async fact(ref: PackageRef, tag: string, call?: LedgerCall): Promise<Fact | null> {
    return this.#facts.read(ref, tag, call);
  }

  async origin(ref: PackageRef, call?: LedgerCall): Promise<Origin | null> {
    try {
      return await this.#origins.read(ref, call);
    } catch (error) {
      const known = isStorageAway(error) ? this.#folds.old(ref)?.fold.origin : null;
      if (known === null || known === undefined) {
        throw error;
      }
      return known;
    }
  }

  async open(ref: PackageRef, layer: Pick<Descriptor, 'digest' | 'size'>, call?: LedgerCall & { readonly range?: ByteRange }): Promise<BlobBody | null> {
    return this.#facts.open(ref, layer, call);
  }

  async upstreamState(ref: PackageRef, call?: LedgerCall): Promise<JsonValue | null> {
    return this.#upstream.read(ref, call);
  }

  packages(ecosystem: string, call?: LedgerCall): AsyncIterable<string> {
    return this.#catalogue.names(ecosystem, call);
  }

  invalidate(ref: Pick<PackageRef, 'repository'>): void {
    this.#folds.invalidate(ref);
  }

  invalidateAll(how: { readonly connected: boolean }): void {
    this.#folds.invalidateAll(how);
  }

  async publish(ref: PackageRef, fact: NewFact, call: LedgerCall & { readonly by: string }): Promise<PublishOutcome> {
    return this.#publisher.publish(ref, fact, call);
  }

  async record(ref: PackageRef, changes: readonly Change[], call: LedgerCall & { readonly by: string }): Promise<void> {
    return this.#recorder.record(ref, changes, call);
  }

  async delete(ref: PackageRef, tags: readonly string[], call: LedgerCall & { readonly by: string }): Promise<readonly string[]> {
    return this.#deletions.delete(ref, tags, call);
  }

  async ingest(ref: PackageRef, fact: NewFact, call?: LedgerCall): Promise<IngestOutcome> {
    return this.#ingester.ingest(ref, fact, call);
  }

  async writeUpstreamState(ref: PackageRef, state: JsonValue, call?: LedgerCall): Promise<void> {
    return this.#upstream.write(ref, state, call);
  }

  async writeDerived(ref: PackageRef, derive: (fold: Fold) => readonly DerivedIndex[], call?: LedgerCall): Promise<DerivedOutcome> {
    return this.#derived.write(ref, derive, call);
  }

  async refreshSnapshot(ref: PackageRef, call?: LedgerCall): Promise<boolean> {
    const { entries } = await this.#folds.get(ref, { ...call, fresh: true });
    return this.#snapshots.refresh(ref, entries, call);
  }

  async decideOrigin(ref: PackageRef, wanted: Origin, call?: LedgerCall): Promise<Origin> {
    return this.#changes.around(ref, () => this.#origins.decide(ref, wanted, call));
  }
}

const SILENT: LedgerLogger = { warn: () => undefined };

function secureRandom(): number {
  return randomInt(2 ** 48 - 1) / 2 ** 48;
}
