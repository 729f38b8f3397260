import { randomUUID } from 'node:crypto';

import type { Holders } from '../ingest-port.ts';

/** What several {@link InProcessHolders} share. */
export interface HolderTable {
  /** Holder by file. */
  readonly leases: Map<string, string>;
  /** URL by holder. */
  readonly urls: Map<string, string>;
}

/** {@link Holders} of a process that is alone: it always is the holder, and nobody asks. */
export class InProcessHolders implements Holders {
  readonly id = randomUUID();
  readonly #table: HolderTable | null;

  /** @param options `table`: shared by several in one process; `url`: how they find this one. A process that is alone needs neither. */
  constructor(options: { readonly table?: HolderTable; readonly url?: string } = {}) {
    this.#table = options.table ?? null;
    if (options.url !== undefined) {
      this.#table?.urls.set(this.id, options.url);
    }
  }

  async claim(key: string): Promise<string | null> {
    const holder = this.#table?.leases.get(key) ?? this.id;
    this.#table?.leases.set(key, holder);
    return holder === this.id ? null : holder;
  }

  async keep(_key: string): Promise<void> {
    // A claim in memory does not run out.
  }

  async release(key: string): Promise<void> {
    if (this.#table?.leases.get(key) === this.id) {
      this.#table.leases.delete(key);
    }
  }

  async stored(key: string): Promise<void> {
    this.#table?.leases.delete(key);
  }

  async holderOf(key: string): Promise<string | null> {
    return this.#table?.leases.get(key) ?? null;
  }

  async urlOf(holder: string): Promise<string | null> {
    return this.#table?.urls.get(holder) ?? null;
  }

  async close(): Promise<void> {
    this.#table?.urls.delete(this.id);
    for (const key of [...(this.#table?.leases.keys() ?? [])]) {
      await this.release(key);
    }
  }
}
