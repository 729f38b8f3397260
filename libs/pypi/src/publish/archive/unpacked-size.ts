import { badArchive } from './archive-failure.ts';

const SMALL_BYTES = 64 * 2 ** 20;
const MAX_RATIO = 50;

/**
 * Refuses what unpacks to more than 50 times its size, once that is over 64 MiB: the public index does the same.
 * @param archive both in bytes; `unpacked` may be what is known of it so far.
 * @throws ProxyError `invalid`.
 */
export function checkUnpackedSize(archive: { readonly size: number; readonly unpacked: number }): void {
  if (archive.unpacked > SMALL_BYTES && archive.unpacked > archive.size * MAX_RATIO) {
    throw badArchive(`it unpacks to more than ${MAX_RATIO} times its ${archive.size} bytes`);
  }
}
