import type { Fold, LastStates, LedgerReader } from '@oci-package-proxy/storage';

import type { UpstreamVersions } from '../documents/upstream-provider.ts';
import { yankWarnings } from '../documents/warnings.ts';
import type { Decoded } from '../upstream/decoded-documents.ts';
import { isUpstreamFailure } from '../upstream/upstream-failure.ts';
import { withPatience } from '../upstream/upstream-patience.ts';
import type { UpstreamProviders } from '../upstream/upstream-providers.ts';
import { heldVersions } from './held-provider.ts';
import type { LastState } from './last-state.ts';
import type { OutdatedStates } from './outdated-states.ts';
import { type AskedPlace, isAsked, type ProviderPlace } from './provider-places.ts';
import type { ProviderVersions, ReadCall } from './read-port.ts';
import { shownVersions } from './version-marks.ts';

/** What {@link PulledVersions} needs. */
export interface PulledVersionsOptions {
  readonly ledger: Pick<LedgerReader, 'fold'>;
  readonly providers: Pick<UpstreamProviders, 'versions'>;
  readonly states: LastStates<LastState>;
  readonly outdated: Pick<OutdatedStates, 'check'>;
  /** As of `withPatience`. */
  readonly patienceMs: number;
}

interface Shown {
  readonly fold: Fold;
  readonly versions: ProviderVersions;
}

/**
 * The versions of providers that are pulled through: those that upstream lists now, or listed last. While it cannot be asked at all, those
 * that are held, without what it had taken back when it was asked last. What is held and no longer listed is not listed: upstream has
 * taken it back, and a broken version must not be the newest one for ever. Who names it exactly still has it.
 */
export class PulledVersions {
  readonly #options: PulledVersionsOptions;
  /** Lists of upstream's as they are shown now: both they and folds are handed out again as long as nothing changes. */
  readonly #shown = new WeakMap<UpstreamVersions, Shown>();

  constructor(options: PulledVersionsOptions) {
    this.#options = options;
  }

  /** `ProviderReader.versions` of what is not published here. */
  async of(place: ProviderPlace, call: ReadCall = {}): Promise<ProviderVersions | null> {
    if (!isAsked(place)) {
      return this.#held(place, [], call);
    }
    const { providers, patienceMs } = this.#options;
    const { host } = place.upstream;
    try {
      const list = await withPatience({ ...call, patienceMs, upstream: host }, async (patient) => providers.versions(place, patient));
      return list === null ? null : this.#listed(place, list);
    } catch (error) {
      const notice = `${host} cannot be reached now: only versions that were kept here are listed.`;
      const held = isUpstreamFailure(error) ? await this.#heldAfresh(place, [notice], call) : null;
      if (held === null) {
        throw error;
      }
      return held;
    }
  }

  #listed(place: AskedPlace, { value, stale, confirmedAt }: Decoded<UpstreamVersions>): ProviderVersions {
    if (!stale) {
      void this.#options.outdated.check(place, value);
    }
    const shown = this.#shownOf(value, place.fold);
    const notice = `${place.upstream.host} cannot be reached now: this is what it listed at ${new Date(confirmedAt).toISOString()}.`;
    return stale ? { ...shown, warnings: [notice, ...shown.warnings] } : shown;
  }

  #shownOf(list: UpstreamVersions, fold: Fold): ProviderVersions {
    const known = this.#shown.get(list);
    if (known?.fold === fold) {
      return known.versions;
    }
    const { versions, yanks } = shownVersions(list.versions, fold);
    const shown = { versions, warnings: [...yankWarnings(yanks), ...list.warnings] };
    this.#shown.set(list, { fold, versions: shown });
    return shown;
  }

  async #heldAfresh(place: ProviderPlace, notices: readonly string[], call: ReadCall): Promise<ProviderVersions | null> {
    const fold = await this.#options.ledger.fold(place.ref, { fresh: true, signal: call.signal });
    return this.#held({ ...place, fold }, notices, call);
  }

  /** Null when nothing is held. */
  async #held({ ref, fold }: ProviderPlace, notices: readonly string[], { signal }: ReadCall): Promise<ProviderVersions | null> {
    const held = heldVersions(fold);
    if (held.length === 0) {
      return null;
    }
    const { withdrawn, warnings } = await this.#options.states.of(ref, fold, signal);
    const { versions, yanks } = shownVersions(held.filter(({ version }) => !withdrawn.has(version)), fold);
    return { versions, warnings: [...notices, ...yankWarnings(yanks), ...warnings] };
  }
}
