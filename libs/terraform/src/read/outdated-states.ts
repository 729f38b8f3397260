import type { LastStates } from '@oci-package-proxy/storage';

import { providerText } from '../model/address.ts';
import type { HeldPackage } from './held-provider.ts';
import { heldByVersion } from './held-provider.ts';
import { type LastState, withdrawnVersions } from './last-state.ts';
import type { AskedPlace } from './provider-places.ts';
import type { PulledArchives } from './pulled-archives.ts';
import type { UpstreamVersions } from '../documents/upstream-provider.ts';

/** What {@link OutdatedStates} needs. */
export interface OutdatedStatesOptions {
  readonly states: LastStates<LastState>;
  readonly pulled: Pick<PulledArchives, 'handInStored'>;
  readonly logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/**
 * Sees that the last state of an upstream has what it took back after it was stored: a broken version that was forgotten with upstream
 * away would be handed out as the newest one. The worker writes the state with any job of the provider.
 */
export class OutdatedStates {
  readonly #options: OutdatedStatesOptions;

  constructor(options: OutdatedStatesOptions) {
    this.#options = options;
  }

  /** Hands in a job where the last state lacks something. Never throws; nobody needs to wait for it. */
  async check({ address, ref, fold }: AskedPlace, list: UpstreamVersions): Promise<void> {
    const { states, pulled, logger } = this.#options;
    const withdrawn = withdrawnVersions(list, fold);
    const held = heldByVersion(fold).get(withdrawn[0] ?? '')?.[0];
    if (held === undefined) {
      return;
    }
    try {
      const said = await states.of(ref, fold);
      if (!withdrawn.every((version) => said.withdrawn.has(version))) {
        await pulled.handInStored(storedArchive(ref.name, held));
      }
    } catch (err) {
      logger.warn({ package: providerText(address), err }, 'whether the last state of upstream is outdated could not be seen');
    }
  }
}

function storedArchive(name: string, { document: { version, archive } }: HeldPackage): Parameters<PulledArchives['handInStored']>[0] {
  return { package: name, version, platform: archive.platform, sha256: archive.sha256 };
}
