import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';

import { LRUCache } from 'lru-cache';

import { ProxyError } from '@oci-package-proxy/errors';
import type { ByteRange } from '@oci-package-proxy/oci';

import type { NormalizedModule } from '../archives/module-archive.ts';
import { moduleText } from '../model/address.ts';
import { normalizePulled } from './pulled-archive.ts';
import { downloadRequest, type PulledModule, type PulledModules } from './pulled-modules.ts';
import { SharedFlights } from './shared-flights.ts';

/** How long (ms) an archive is kept for the next one who asks: it is stored in a moment. */
const KEPT_MS = 60_000;
const MAX_KEPT = 32;
const MAX_KEPT_BYTES = 2 ** 30;
/** Between its making and our opening of it an archive may have to go. */
const TRIES = 3;

/** What {@link NormalizedModules} needs. */
export interface NormalizedModulesOptions {
  readonly pulled: Pick<PulledModules, 'withArchive'>;
  /** Where the archives go; it must exist. */
  readonly directory: string;
}

/** Archives made of what upstream has, in temporary files: each is made once for all who want it, and goes after a while. */
export class NormalizedModules {
  readonly #options: NormalizedModulesOptions;
  readonly #flights = new SharedFlights<NormalizedModule>();
  readonly #kept = new LRUCache<string, NormalizedModule>({
    max: MAX_KEPT,
    maxSize: MAX_KEPT_BYTES,
    sizeCalculation: ({ size }) => Math.min(MAX_KEPT_BYTES, size),
    ttl: KEPT_MS,
    ttlAutopurge: true,
    // Whoever has opened it reads on.
    dispose: ({ path }) => void rm(path, { force: true }).catch(() => undefined),
  });

  constructor(options: NormalizedModulesOptions) {
    this.#options = options;
  }

  /** The archive, fetched and made where it is not there. @throws ProxyError as `PulledModules.withArchive` and `normalizePulled`. */
  async get(wanted: PulledModule, signal?: AbortSignal): Promise<NormalizedModule> {
    const { key, subject } = downloadRequest(wanted);
    return this.#kept.get(key) ?? this.#flights.join(key, async () => this.#make(key, wanted), { signal, subject });
  }

  /** Its bytes, or exactly `range` of them. @throws ProxyError as {@link get}. */
  async open(wanted: PulledModule, range: ByteRange | undefined, signal: AbortSignal): Promise<{ readonly module: NormalizedModule; readonly stream: Readable }> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const module = await this.get(wanted, signal);
      const stream = await streamOf(module.path, range, signal);
      if (stream !== null) {
        return { module, stream };
      }
      this.#kept.delete(downloadRequest(wanted).key);
    }
    throw new ProxyError('internal', `${downloadRequest(wanted).subject}: somebody else removes files from the temporary directory of this server`);
  }

  async #make(key: string, wanted: PulledModule): Promise<NormalizedModule> {
    const { pulled, directory } = this.#options;
    const { address, version, location } = wanted;
    const target = join(directory, `module-${randomUUID()}`);
    const module = await pulled.withArchive(wanted, async (file) => normalizePulled({ file, location, subject: `${moduleText(address)} ${version}`, target }));
    this.#kept.set(key, module);
    return module;
  }
}

/** Null when the file is gone. */
async function streamOf(path: string, range: ByteRange | undefined, signal: AbortSignal): Promise<Readable | null> {
  const handle = await open(path, 'r').catch(() => null);
  if (handle === null) {
    return null;
  }
  const stream = handle.createReadStream(range === undefined ? {} : { start: range.start, end: range.end });
  // It may be given up before whoever asked for it listens, and an error that nobody hears of would end the process.
  stream.on('error', () => undefined);
  return addAbortSignal(signal, stream);
}
