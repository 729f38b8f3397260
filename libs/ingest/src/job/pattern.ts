import { ProxyError } from '@oci-package-proxy/errors';

const PATTERN = /^ingest\.([a-z0-9][a-z0-9-]{0,62})$/;

/** The message pattern of an ecosystem's jobs. */
export function ingestPattern(ecosystem: string): string {
  return `ingest.${ecosystem}`;
}

/** The ecosystem of a pattern, or null when it is none of ours. */
export function ecosystemOf(pattern: unknown): string | null {
  return typeof pattern === 'string' ? (PATTERN.exec(pattern)?.[1] ?? null) : null;
}

/** The BullMQ queue of an ecosystem's jobs. It may hold no colon. */
export function queueName(ecosystem: string): string {
  return `ingest-${ecosystem}`;
}

/**
 * The ecosystem that a message is to be sent to.
 * @throws ProxyError `unsupported` when the pattern is none of ours.
 */
export function targetOf(pattern: unknown): string {
  const ecosystem = ecosystemOf(pattern);
  if (ecosystem === null) {
    throw new ProxyError('unsupported', 'ingest queue: only patterns of the form ingest.<ecosystem> can be sent');
  }
  return ecosystem;
}
