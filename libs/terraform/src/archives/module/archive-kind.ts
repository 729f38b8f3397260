import { open } from 'node:fs/promises';

import type { ArchiveFault } from '../archive-failure.ts';

/** Formats that modules are taken in. */
export type ArchiveKind = 'zip' | 'tar.gz';

const HOW = 'pack the module as a zip or a tar.gz';
const TAR_MAGIC = { bytes: 'ustar', at: 257 } as const;
const TAKEN: Readonly<Record<string, ArchiveKind>> = { '1f8b': 'tar.gz', '504b0304': 'zip', '504b0506': 'zip' };
const REFUSED: Readonly<Record<string, string>> = {
  fd377a585a00: 'compressed with xz (tar.xz)',
  '425a68': 'compressed with bzip2 (tar.bz2)',
  '526172211a07': 'a rar archive',
  '377abcaf271c': 'a 7z archive',
  '28b52ffd': 'compressed with zstd (tar.zst)',
  '4c5a4950': 'compressed with lzip (tar.lz)',
  '5d0000': 'compressed with lzma (tar.lzma)',
  '04224d18': 'compressed with lz4 (tar.lz4)',
  '1f9d': 'compressed with compress (tar.Z)',
  '504b0708': 'a part of a zip that was split',
};

/** What an archive is by its first bytes, whatever its name says. @throws ProxyError `unprocessable`, which says what it is instead. */
export async function archiveKind(path: string, fault: ArchiveFault): Promise<ArchiveKind> {
  const start = await firstBytes(path);
  const hex = start.subarray(0, 8).toString('hex');
  for (const [magic, kind] of Object.entries(TAKEN)) {
    if (hex.startsWith(magic)) {
      return kind;
    }
  }
  throw fault(`it is ${refusal(start, hex)}: ${HOW}`);
}

function refusal(start: Buffer, hex: string): string {
  if (start.length === 0) {
    return 'empty';
  }
  if (start.toString('latin1', TAR_MAGIC.at, TAR_MAGIC.at + TAR_MAGIC.bytes.length) === TAR_MAGIC.bytes) {
    return 'a tar that is not compressed (compress it with gzip)';
  }
  const known = Object.entries(REFUSED).find(([magic]) => hex.startsWith(magic));
  return known?.[1] ?? 'neither a zip nor a tar.gz';
}

async function firstBytes(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
