import type { ClientProxy } from '@nestjs/microservices';
import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { lastValueFrom, timeout } from 'rxjs';

import type { IngestJob, IngestQueue } from './ingest-port.ts';
import { ingestPattern } from './job/pattern.ts';

const WITHIN_MS = 2_000;

/** An {@link IngestQueue} over any ingest client of Nest's. */
export class EmittingIngestQueue implements IngestQueue {
  readonly #client: Pick<ClientProxy, 'emit'>;

  constructor(client: Pick<ClientProxy, 'emit'>) {
    this.#client = client;
  }

  async enqueue(job: IngestJob): Promise<void> {
    try {
      // Nest sends at once and drops a failure that nobody waits for.
      await lastValueFrom(this.#client.emit(ingestPattern(job.ecosystem), job).pipe(timeout(WITHIN_MS)), { defaultValue: undefined });
    } catch (error) {
      if (isProxyError(error, 'queue-unavailable')) {
        throw error;
      }
      throw new ProxyError('queue-unavailable', `ingest queue: could not take ${job.file} of ${job.package}`, { cause: error });
    }
  }
}
