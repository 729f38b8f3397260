import { setTimeout as pause } from 'node:timers/promises';

import type { DownloadSource, SourceBody } from '@oci-package-proxy/upstream';

const WAITS_MS = [20, 60, 150];

/**
 * Asks a process again that has only just claimed a file: between its claim and the beginning of its download lie some
 * milliseconds, in which it says that it does not have it.
 */
export function patientSource(source: DownloadSource): DownloadSource {
  return { name: source.name, open: async (at, signal) => askAgain(source, at, signal) };
}

async function askAgain(source: DownloadSource, at: Parameters<DownloadSource['open']>[0], signal: AbortSignal): Promise<SourceBody | null> {
  let body = await source.open(at, signal);
  for (const waitMs of at.offset === 0 ? WAITS_MS : []) {
    if (body !== null || signal.aborted) {
      return body;
    }
    await pause(waitMs);
    body = await source.open(at, signal);
  }
  return body;
}
