import { Readable } from 'node:stream';

import type { ReleaseFile } from '../upstream/release-files.ts';
import type { ServedFile } from './read-port.ts';

/** A small file that is in memory, as it is served. */
export function servedBytes({ bytes, sha256 }: ReleaseFile, how: Pick<ServedFile, 'cache' | 'contentType'>): ServedFile {
  const file: ServedFile = {
    ...how,
    etag: `sha256:${sha256}`,
    size: bytes.length,
    start: async () => Promise.resolve(file),
    open: async (range) => Promise.resolve(Readable.from([range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)], { objectMode: false })),
  };
  return file;
}
