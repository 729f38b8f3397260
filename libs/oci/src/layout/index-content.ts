import { readdir } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';

import { isTag } from '../model/grammar.ts';
import { INDEX_MEDIA_TYPE } from '../model/manifest.ts';
import { isMissing } from './failure.ts';
import type { LayoutFolder } from './layout-folder.ts';
import { ReferenceCache } from './reference-cache.ts';

/** Few: other work waits for the same threads. */
const READS_AT_ONCE = 16;
/** Below this many tags a list is read faster than it is worth remembering. */
const WORTH_KEEPING = 256;

/** Builds what `index.json` of one repository is to hold from the files under `refs/`. */
export class IndexContent {
  readonly #folder: LayoutFolder;
  readonly #references: ReferenceCache;

  /** @param settledMs how much later a change of a file is sure to show in its times. */
  constructor(folder: LayoutFolder, settledMs: number) {
    this.#folder = folder;
    this.#references = new ReferenceCache(settledMs);
  }

  /** Whether so much is remembered that a glance costs much less than a look at every tag. */
  get warm(): boolean {
    return this.#references.size >= WORTH_KEEPING;
  }

  /** This process changed `tag`. */
  forget(tag: string): void {
    this.#references.forget(tag);
  }

  /** Nothing is likely to change soon: frees what is quickly read again. */
  settle(): void {
    if (!this.warm) {
      this.#references.keep([]);
    }
  }

  /**
   * @param options `glance`: believe what is remembered: that shows every new tag and what this process changed, but not what another
   * one replaced. `clockNs`: a time that the file system's clock has passed.
   */
  async bytes(options: { readonly glance: boolean; readonly clockNs: bigint }): Promise<Buffer> {
    const tags = (await readdir(this.#folder.refs)).filter(isTag).toSorted();
    this.#references.keep(tags);
    const manifests: object[] = [];
    let unknown: string[] = [];
    const read = async (): Promise<void> => {
      const descriptors = await Promise.all(unknown.map((tag) => this.#descriptor(tag, options.clockNs)));
      manifests.push(...descriptors.filter((descriptor) => descriptor !== null));
      unknown = [];
      await turn();
    };
    for (const tag of tags) {
      const known = options.glance ? this.#references.remembered(tag) : null;
      if (known !== null) {
        manifests.push(described(tag, known));
        continue;
      }
      unknown.push(tag);
      if (unknown.length >= READS_AT_ONCE) {
        await read();
      }
    }
    await read();
    return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX_MEDIA_TYPE, manifests }));
  }

  async #descriptor(tag: string, clockNs: bigint): Promise<object | null> {
    try {
      const reference = await this.#references.get(tag, this.#folder.ref(tag), clockNs);
      return reference === null ? null : described(tag, reference);
    } catch (error) {
      if (isMissing(error)) {
        return null;
      }
      throw error;
    }
  }
}

function described(tag: string, reference: object): object {
  return { ...reference, annotations: { 'org.opencontainers.image.ref.name': tag } };
}
