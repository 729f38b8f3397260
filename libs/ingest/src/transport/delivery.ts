import type { MessageHandler } from '@nestjs/microservices';
import { ProxyError } from '@oci-package-proxy/errors';
import { isObservable, lastValueFrom } from 'rxjs';

import { ecosystemOf, ingestPattern } from '../job/pattern.ts';
import type { IngestContext } from './ingest-context.ts';

/**
 * Calls the handler of a job and waits until it is done. Nest hands a failure back as a stream that fails and drops it
 * when nobody subscribes, so every transport must deliver through here.
 * @throws whatever the handler failed with; ProxyError `unsupported` when there is no handler.
 */
export async function deliver(handler: MessageHandler | null, data: unknown, context: IngestContext): Promise<void> {
  if (handler === null) {
    throw new ProxyError('unsupported', `ingest job: nobody handles ${context.pattern} here`);
  }
  const result: unknown = await handler(data, context);
  if (isObservable(result)) {
    await lastValueFrom(result, { defaultValue: undefined });
  }
}

/**
 * The ecosystems that a server takes jobs of: those with a handler, of which only `configured` when it is given.
 * @throws ProxyError `config` when a configured one has no handler, or any has two: both would run again when one fails.
 */
export function handledEcosystems(handlers: ReadonlyMap<string, MessageHandler>, configured: readonly string[] | null): readonly string[] {
  const handled = [...handlers.keys()].map(ecosystemOf).filter((ecosystem) => ecosystem !== null);
  const taken = configured === null ? handled : [...new Set(configured)];
  for (const ecosystem of taken) {
    const handler = handlers.get(ingestPattern(ecosystem));
    if (handler === undefined) {
      throw new ProxyError('config', `ingest: nothing here handles the jobs of ecosystem ${ecosystem}; there is ${handled.join(', ') || 'none'}`);
    }
    if (handler.next !== undefined) {
      throw new ProxyError('config', `ingest: ecosystem ${ecosystem} has more than one handler`);
    }
  }
  return taken;
}
