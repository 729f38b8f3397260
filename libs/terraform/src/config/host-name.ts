import { domainToASCII } from 'node:url';

const NAME = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
// What is written after a host is not to be lost silently.
const GIVEN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const HOST = /^(.*?)(?::([0-9]{1,5}))?$/s;
const MAX_LENGTH = 253;

/**
 * A host as addresses of providers and modules compare it: ASCII (IDNA), lower-case, with a port where that is not 443. Null for
 * what is none.
 */
export function hostName(text: string): string | null {
  const [, given = '', port] = HOST.exec(text.trim()) ?? [];
  const name = GIVEN.test(given) ? domainToASCII(given) : '';
  const number = port === undefined ? 443 : Number(port);
  if (name.length > MAX_LENGTH || !NAME.test(name) || number < 1 || number > 65_535) {
    return null;
  }
  return number === 443 ? name : `${name}:${number}`;
}

/** The host of a URL as its addresses name it: the port is left out where it is the scheme's own. */
export function hostOfUrl(url: string): string {
  return new URL(url).host.toLowerCase();
}
