import type { Download, DownloadRequest, Downloads, SpooledFile } from '@oci-package-proxy/upstream';

import { withDeadline } from '../deadline.ts';
import type { Holders } from '../ingest-port.ts';
import type { PeerSource } from '../ingest-use-case.ts';
import { patientSource } from './patient-source.ts';

/** What a read may wait for the others, in milliseconds; after that it goes on as if alone. */
const BUDGET_MS = 200;

/**
 * Lets the processes of a cluster fetch a file from each other, so that upstream is asked once: who claims the file first
 * goes upstream, the others follow its spool as it grows and go upstream only when it dies. DESIGN §4, "Read, missed".
 */
export class WithHolders implements Downloads {
  readonly #inner: Downloads;
  readonly #holders: Holders;
  readonly #peer: PeerSource;

  constructor(inner: Downloads, holders: Holders, peer: PeerSource) {
    this.#inner = inner;
    this.#holders = holders;
    this.#peer = peer;
  }

  async open(request: DownloadRequest, signal?: AbortSignal): Promise<Download> {
    if (this.#inner.find(request.key) !== null) {
      return this.#inner.open(request, signal);
    }
    const holder = await this.#soon(this.#holders.claim(request.key), null);
    const source = holder === null ? null : await this.#soon(this.#peer(holder, request.key), null);
    const sources = source === null ? request.sources : [patientSource(source), ...request.sources];
    const onVerified = async (file: SpooledFile): Promise<void> => this.#verified(request, file, holder);
    return this.#watched(request.key, holder, this.#inner.open({ ...request, sources, onVerified }, signal));
  }

  find(key: string): Download | null {
    return this.#inner.find(key);
  }

  async withFile<T>(key: string, work: (file: SpooledFile) => Promise<T>): Promise<T | null> {
    return this.#inner.withFile(key, work);
  }

  forget(key: string): void {
    this.#inner.forget(key);
  }

  async close(): Promise<void> {
    await this.#inner.close();
  }

  /** The lease must be kept before the job can be done, which removes it. */
  async #verified(request: DownloadRequest, file: SpooledFile, holder: string | null): Promise<void> {
    // Somebody else's lease may have ended meanwhile, with its process: then the file is known here.
    if (holder === null || (await this.#soon(this.#holders.claim(request.key), holder)) === null) {
      await this.#soon(this.#holders.keep(request.key), undefined);
    }
    await request.onVerified?.(file);
  }

  async #watched(key: string, holder: string | null, opening: Promise<Download>): Promise<Download> {
    try {
      const download = await opening;
      download.finished.catch(() => this.#release(key, holder));
      return download;
    } catch (error) {
      // One reader that left does not end what the others follow.
      if (this.#inner.find(key) === null) {
        this.#release(key, holder);
      }
      throw error;
    }
  }

  #release(key: string, holder: string | null): void {
    if (holder === null) {
      this.#soon(this.#holders.release(key), undefined).catch(() => undefined);
    }
  }

  async #soon<T>(answer: Promise<T>, otherwise: T): Promise<T> {
    return withDeadline(answer, BUDGET_MS, () => otherwise).catch(() => otherwise);
  }
}
