import { ProxyError } from '@oci-package-proxy/errors';

const MAX_SHOWN = 100;
const MAX_REASON = 500;

/** Makes the error for an archive that is none, is damaged, or would do harm. @param why without a full stop. */
export type ArchiveFault = (why: string, cause?: unknown) => ProxyError;

/** A text that somebody sent, fit for an error text: short, on one line, with nothing that a terminal would obey. */
export function shown(text: string, maxCharacters: number = MAX_SHOWN): string {
  const plain = text.slice(0, maxCharacters + 1).replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');
  return plain.length > maxCharacters ? `${plain.slice(0, maxCharacters)}…` : plain;
}

/** What an archive's faults are told with. @param subject begins the sentence: the file's name, or "The archive". */
export function archiveFault(subject: string): ArchiveFault {
  return (why, cause) => new ProxyError('unprocessable', `${shown(subject)} cannot be taken: ${shown(why, MAX_REASON)}.`, { cause });
}

/** Makes a fault of what a library throws; what the disk or we ourselves say stays what it is. */
export function archiveFailure(error: unknown, fault: ArchiveFault, signal?: AbortSignal): unknown {
  if (error instanceof ProxyError) {
    return error;
  }
  if (signal?.aborted === true) {
    return new ProxyError('aborted', 'Reading the archive: aborted.', { cause: error });
  }
  if (error instanceof Error && 'syscall' in error) {
    return new ProxyError('storage-unavailable', 'Reading the archive: the temporary directory of this server cannot be read or written. Try again later.', { cause: error });
  }
  return fault(`it is damaged (${error instanceof Error ? error.message.replace(/\.$/, '') : String(error)})`, error);
}
