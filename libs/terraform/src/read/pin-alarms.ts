import { LRUCache } from 'lru-cache';

import { platformText } from '../model/provider.ts';
import type { UpstreamProviders } from '../upstream/upstream-providers.ts';
import type { HeldPackage } from './held-provider.ts';
import type { AskedPlace } from './provider-places.ts';
import type { PinnedArchive } from './version-archives.ts';

const MAX_ALARMS = 2000;
const MAX_WATCHED = 20_000;
/** How often (ms) upstream is asked whether a stored archive is still what it announces. */
const WATCH_MS = 60 * 60_000;

/** What is told of pinned files. */
export interface AlarmLogger {
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** Tells operators, once for each, of stored archives whose bytes upstream has changed. */
export class PinAlarms {
  readonly #providers: Pick<UpstreamProviders, 'package'>;
  readonly #logger: AlarmLogger;
  readonly #raised = new LRUCache<string, true>({ max: MAX_ALARMS });
  readonly #watched = new LRUCache<string, true>({ max: MAX_WATCHED, ttl: WATCH_MS });

  constructor({ providers, logger }: { readonly providers: Pick<UpstreamProviders, 'package'>; readonly logger: AlarmLogger }) {
    this.#providers = providers;
    this.#logger = logger;
  }

  raise({ ref, upstream }: Pick<AskedPlace, 'ref' | 'upstream'>, version: string, pinned: readonly PinnedArchive[]): void {
    for (const { platform, stored, announced } of pinned) {
      const key = JSON.stringify([ref.name, version, platformText(platform), announced]);
      if (!this.#raised.has(key)) {
        this.#raised.set(key, true);
        this.#logger.error({ package: ref.name, version, platform: platformText(platform), upstream: upstream.host, stored, announced }, 'upstream now shows other bytes for a stored file; the stored ones are served');
      }
    }
  }

  /** Asks upstream, once in a while, for what is answered from what is stored. Never throws; nobody needs to wait for it. */
  async watch(place: AskedPlace, { document: { version, archive } }: HeldPackage): Promise<void> {
    const key = JSON.stringify([place.ref.name, version, platformText(archive.platform)]);
    if (this.#watched.has(key)) {
      return;
    }
    this.#watched.set(key, true);
    try {
      const now = await this.#providers.package(place, { version, platform: archive.platform });
      if (now !== null && now.value.sha256 !== archive.sha256) {
        this.raise(place, version, [{ platform: archive.platform, stored: archive.sha256, announced: now.value.sha256 }]);
      }
    } catch {
      // It is asked the next time.
      this.#watched.delete(key);
    }
  }
}
