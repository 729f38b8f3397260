import type { ChangeBus, ChangeListener, PackageChange } from '../ingest-port.ts';
import type { IngestLogger } from '../logger.ts';
import { ChangeListeners } from './change-listeners.ts';

/** The {@link ChangeBus} of a process that is alone: everybody has heard of a change when `announce` returns. */
export class InProcessChangeBus implements ChangeBus {
  readonly #listeners: ChangeListeners;

  constructor(logger: IngestLogger) {
    this.#listeners = new ChangeListeners(logger);
  }

  async announce(change: PackageChange): Promise<void> {
    this.#listeners.changed(change);
  }

  subscribe(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }
}
