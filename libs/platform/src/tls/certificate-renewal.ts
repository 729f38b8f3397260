import type { Logger } from '../logging/logger.ts';
import type { TlsPair } from '../http/app-servers.ts';

const LOOK_EVERY_MS = 3_600_000;

/** What {@link renewCertificate} needs. */
export interface CertificateRenewalOptions {
  /** Reads the certificate, or makes a new one when it is time. */
  readonly read: () => Promise<TlsPair | null>;
  /** What the listener has now. */
  readonly current: TlsPair;
  /** Gives new connections the new certificate. */
  readonly replace: (pair: TlsPair) => void;
  readonly logger: Logger;
  /** Milliseconds between two looks; default an hour. */
  readonly everyMs?: number;
}

/**
 * Looks again and again whether the certificate of a running listener is a new one: ours is made anew before it ends, an
 * operator's files are replaced by whoever renews them. A pair that cannot be used is left alone until the next look.
 * @returns a function that ends it.
 */
export function renewCertificate({ read, current, replace, logger, everyMs = LOOK_EVERY_MS }: CertificateRenewalOptions): () => void {
  let known = current;
  const look = async (): Promise<void> => {
    const pair = await read();
    if (pair === null || (pair.cert === known.cert && pair.key === known.key)) {
      return;
    }
    replace(pair);
    known = pair;
    logger.info('certificate replaced');
  };
  const timer = setInterval(() => {
    look().catch((err: unknown) => logger.warn({ err }, 'certificate cannot be renewed; the one of before stays'));
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
