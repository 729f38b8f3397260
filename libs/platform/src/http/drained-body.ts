import type { IncomingMessage } from 'node:http';

/**
 * Waits until the sender of a request has sent everything, and drops it: most clients read no answer before, and take a connection
 * that is closed meanwhile for a network failure, so that nobody would learn what is wrong.
 * @param ms how long at most, in milliseconds.
 */
export async function drained(raw: IncomingMessage, ms: number): Promise<void> {
  if (raw.complete || raw.destroyed) {
    return;
  }
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  raw.once('end', over.resolve).once('close', over.resolve).once('error', () => over.resolve());
  raw.resume();
  await over.promise;
  clearTimeout(timer);
}
