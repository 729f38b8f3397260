const MAX_LENGTH = 200;

/**
 * A text as reason phrase of a status line: RFC 9112 §4. Some clients print nothing else of a failure. What cannot stand there is
 * left out or replaced.
 */
export function reasonPhrase(text: string): string {
  const printable = text.normalize('NFKD').replaceAll(/\p{M}+/gu, '').replaceAll(/[^\x20-\x7e]+/g, ' ').replaceAll(/ {2,}/g, ' ').trim();
  return printable.length <= MAX_LENGTH ? printable : `${printable.slice(0, MAX_LENGTH - 3)}...`;
}
