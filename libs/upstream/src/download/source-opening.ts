import { ProxyError, toProxyError } from '@oci-package-proxy/errors';

import { abortedError } from '../abort.ts';
import type { DownloadSource, SourceBody } from './download-port.ts';

/** How a source is opened. */
export interface SourceOpening {
  readonly stallMs: number;
  readonly subject: string;
  readonly signal: AbortSignal;
  /** Whether to wait for as long as the source itself does: there is no other to go to. */
  readonly patient: boolean;
}

/**
 * Opens a source. One that does not answer in time is left for the next; what it says later is let go.
 * @returns null when it does not have the file, a ProxyError when it fails.
 * @throws ProxyError `aborted`.
 */
export async function openSource(source: DownloadSource, at: Parameters<DownloadSource['open']>[0], options: SourceOpening): Promise<SourceBody | ProxyError | null> {
  const given = new AbortController();
  const signal = AbortSignal.any([options.signal, given.signal]);
  const gone = Promise.withResolvers<ProxyError>();
  const onAbort = (): void => gone.resolve(abortedError(options.subject, options.signal));
  options.signal.addEventListener('abort', onAbort, { once: true });
  const timer = options.patient ? undefined : setTimeout(() => gone.resolve(tooSlow(source, options)), options.stallMs);
  const opening = attempt(source, at, signal);
  try {
    const outcome = await Promise.race([opening, gone.promise]);
    if (outcome instanceof ProxyError) {
      given.abort(outcome);
      letGo(opening);
    }
    if (options.signal.aborted) {
      letGo(opening);
      throw abortedError(options.subject, options.signal);
    }
    return outcome;
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', onAbort);
  }
}

async function attempt(source: DownloadSource, at: Parameters<DownloadSource['open']>[0], signal: AbortSignal): Promise<SourceBody | ProxyError | null> {
  try {
    return await source.open(at, signal);
  } catch (error) {
    return toProxyError(error, `opening ${source.name}`);
  }
}

function letGo(opening: Promise<SourceBody | ProxyError | null>): void {
  void opening.then((late) => {
    if (late !== null && !(late instanceof ProxyError)) {
      late.stream.on('error', () => undefined).destroy();
    }
  });
}

function tooSlow(source: DownloadSource, { subject, stallMs }: SourceOpening): ProxyError {
  return new ProxyError('upstream-unavailable', `The ${subject}: ${source.name} did not answer within ${stallMs} ms`);
}
