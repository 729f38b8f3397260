import { ProxyError } from '@oci-package-proxy/errors';

// What is wrong is said after it, and must still be within the 200 characters that a status line holds.
const MAX_SHOWN = 100;
const MAX_REASON = 300;

/** A text that somebody sent, fit for an error text: short, on one line, with nothing that a terminal would obey. */
export function shown(text: string, maxCharacters = MAX_SHOWN): string {
  const plain = text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return plain.length > maxCharacters ? `${plain.slice(0, maxCharacters)}…` : plain;
}

/** What is thrown for an archive that is none, is damaged, or would do harm. */
export function badArchive(why: string, cause?: unknown): ProxyError {
  return new ProxyError('invalid', `The file is not an archive that can be taken: ${shown(why, MAX_REASON)}. Build it again and upload it again.`, { cause });
}

/** Makes a {@link badArchive} of what a library throws; what the disk or we ourselves say stays what it is. */
export function archiveFailure(error: unknown): unknown {
  if (error instanceof ProxyError) {
    return error;
  }
  if (error instanceof Error && 'syscall' in error) {
    return new ProxyError('storage-unavailable', 'Checking the file: the temporary directory of this server cannot be read. Try again later.', { cause: error });
  }
  if (error instanceof Error && error.name === 'AbortError') {
    return new ProxyError('aborted', 'Checking the file: aborted.', { cause: error });
  }
  return badArchive(error instanceof Error ? error.message.replace(/\.$/, '') : String(error), error);
}
