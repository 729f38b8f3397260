import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';
import { extract, type Header } from 'tar-stream';

import { archiveFailure, badArchive } from './archive-failure.ts';
import { checkUnpackedSize } from './unpacked-size.ts';

const CHUNK_BYTES = 64 * 1024;
const MAX_ENTRIES = 500_000;
// Tars of before there was any magic are fine.
const EXTRACT_OPTIONS = { highWaterMark: CHUNK_BYTES, allowUnknownFormat: true };

/** A member of a tar. */
export interface TarMember extends AsyncIterable<unknown> {
  readonly header: Header;
  resume(): unknown;
}

/**
 * Reads a gzipped tar to its end, one member after another, and keeps nothing.
 * @param visit may read the member; what it leaves is passed over.
 * @throws ProxyError `invalid` when it is no gzipped tar to its very end, has over 500 000 members or unpacks to too much; `storage-unavailable`; `aborted`; whatever `visit` does.
 */
export async function visitTarMembers(path: string, visit: (member: TarMember) => Promise<void>, signal?: AbortSignal): Promise<void> {
  try {
    const { size } = await stat(path);
    const members = extract(EXTRACT_OPTIONS);
    const [piped, visited] = await Promise.allSettled([
      pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), createGunzip({ chunkSize: CHUNK_BYTES }), unpackedLimit(size), members, { signal }),
      visitAll(members, visit),
    ]);
    throwFirst(piped, visited);
  } catch (error) {
    throw archiveFailure(error);
  }
}

/** When a visit fails, the pipeline fails of it, and says only that it was cut off; and the other way round. */
function throwFirst(piped: PromiseSettledResult<unknown>, visited: PromiseSettledResult<unknown>): void {
  const failures = [visited, piped].filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
  const [first, last] = [failures.at(0), failures.at(-1)];
  if (failures.length > 0) {
    throw first instanceof ProxyError ? first : last;
  }
}

async function visitAll(members: AsyncIterable<TarMember>, visit: (member: TarMember) => Promise<void>): Promise<void> {
  let count = 0;
  for await (const member of members) {
    count += 1;
    if (count > MAX_ENTRIES) {
      throw badArchive(`it has more than ${MAX_ENTRIES} members`);
    }
    await visit(member);
    member.resume();
  }
  if (count === 0) {
    throw badArchive('it has no members');
  }
}

function unpackedLimit(size: number): Transform {
  let unpacked = 0;
  return new Transform({
    highWaterMark: CHUNK_BYTES,
    transform(chunk: Buffer, _encoding, done: TransformCallback): void {
      unpacked += chunk.length;
      try {
        checkUnpackedSize({ size, unpacked });
        done(null, chunk);
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
