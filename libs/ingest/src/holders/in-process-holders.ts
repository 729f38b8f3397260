import { randomUUID } from 'node:crypto';

import type { Holders } from '../ingest-port.ts';

/** What {@link InProcessHolders} share. */
export interface HolderTable {
  /** Holder by file. */
  readonly leases: Map<string, string>;
  /** URL by holder. */
  readonly urls: Map<string, string>;
}

/** {@link Holders} of a process that is alone. */
export class InProcessHolders implements Holders {
  readonly id = randomUUID();
  readonly #table: HolderTable;

  /** @param options `table`: shared by several in one process, `url`: how this one is found by them. Neither is needed when it is alone. */
  constructor(options: { readonly table?: HolderTable; readonly url?: string } = {}) {
    this.#table = options.table ?? { leases: new Map(), urls: new Map() };
    if (options.url !== undefined) {
      this.#table.urls.set(this.id, options.url);
    }
  }

  async claim(key: string): Promise<string | null> {
    const holder = this.#table.leases.get(key) ?? this.id;
    this.#table.leases.set(key, holder);
    return holder === this.id ? null : holder;
  }

  async keep(_key: string): Promise<void> {
    // A claim in memory ends with its release only.
  }

  async release(key: string): Promise<void> {
    this.#table.leases.delete(key);
  }

  async holderOf(key: string): Promise<string | null> {
    return this.#table.leases.get(key) ?? null;
  }

  async urlOf(holder: string): Promise<string | null> {
    return this.#table.urls.get(holder) ?? null;
  }

  async close(): Promise<void> {
    this.#table.urls.delete(this.id);
    for (const [key, holder] of this.#table.leases) {
      if (holder === this.id) {
        this.#table.leases.delete(key);
      }
    }
  }
}
