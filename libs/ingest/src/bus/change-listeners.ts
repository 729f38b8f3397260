import type { ChangeListener, PackageChange } from '../ingest-port.ts';
import type { IngestLogger } from '../logger.ts';

/** Who listens to a bus. What one of them throws does not keep it from the others. */
export class ChangeListeners {
  readonly #listeners = new Set<ChangeListener>();
  readonly #logger: IngestLogger;

  constructor(logger: IngestLogger) {
    this.#logger = logger;
  }

  /** @returns how to remove it. */
  add(listener: ChangeListener): () => void {
    // A listener that is there twice hears everything twice and can leave once.
    const own: ChangeListener = { changed: (change) => listener.changed(change), connection: (connected) => listener.connection(connected) };
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  changed(change: PackageChange): void {
    this.#each((listener) => listener.changed(change));
  }

  connection(connected: boolean): void {
    this.#each((listener) => listener.connection(connected));
  }

  clear(): void {
    this.#listeners.clear();
  }

  #each(tell: (listener: ChangeListener) => void): void {
    for (const listener of [...this.#listeners]) {
      try {
        tell(listener);
      } catch (err) {
        this.#logger.error({ err }, 'package.changed: a listener failed');
      }
    }
  }
}
