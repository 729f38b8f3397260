import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/**
 * Makes every outbound TLS connection of this process trust the machine's certificate authorities besides Node's own: a
 * company's CA is installed there, and its other tools follow it.
 * @param more PEM certificates that are trusted as well.
 */
export function trustSystemAuthorities(more: readonly string[] = []): void {
  setDefaultCACertificates([...new Set([...getCACertificates('default'), ...getCACertificates('system'), ...more])]);
}
