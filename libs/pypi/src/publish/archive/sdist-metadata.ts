import { open } from 'node:fs/promises';
import { posix } from 'node:path';

import type { Entry as ZipMember } from 'yauzl';

import { archiveFailure, badArchive, shown } from './archive-failure.ts';
import type { NamedVersion } from './dist-info.ts';
import { checkLink, memberPath } from './member-path.ts';
import { PkgInfo } from './pkg-info.ts';
import { type TarMember, visitTarMembers } from './tar-members.ts';
import { checkUnpackedSize } from './unpacked-size.ts';
import { MAX_METADATA_BYTES } from './wheel-metadata.ts';
import { isLink, withZip, type ZipArchive } from './zip-archive.ts';

const MAX_LINK_BYTES = 4096;
const KINDS = {
  gzip: ['1f8b'],
  zip: ['504b0304', '504b0506'],
  // bzip2, xz, lzip, lzma, zstd and compress: nothing that is uploaded today.
  other: ['425a68', 'fd377a585a00', '4c5a4950', '5d0000', '28b52ffd', '1f9d'],
} as const;

/**
 * PKG-INFO of a source distribution, byte for byte, of any size. The archive, a gzipped tar or a zip, is read to its end and
 * checked: whole, with no name or link that leads out of it, and no bomb.
 * @param sdist its name is normalized.
 * @returns null where it has none (as before there were any), or is compressed in a way that is not read here.
 * @throws ProxyError `invalid` for any other archive; `aborted`; `storage-unavailable`.
 */
export async function readSdistMetadata(path: string, sdist: NamedVersion, signal?: AbortSignal): Promise<Buffer | null> {
  const kind = await archiveKind(path);
  if (kind === 'other') {
    return null;
  }
  const found = new PkgInfo(sdist);
  if (kind === 'gzip') {
    await visitTarMembers(path, (member) => visitTarMember(member, found), signal);
    return found.bytes();
  }
  return withZip(path, async (zip) => {
    await visitZipMembers(zip, found, signal);
    return found.bytes();
  });
}

/** By its first bytes, whatever its name says. @throws ProxyError `invalid` for none. */
export async function archiveKind(path: string): Promise<keyof typeof KINDS> {
  const start = await firstBytes(path);
  for (const kind of ['gzip', 'zip', 'other'] as const) {
    if (KINDS[kind].some((magic) => start.startsWith(magic))) {
      return kind;
    }
  }
  throw badArchive('it is neither a gzipped tar nor a zip');
}

async function firstBytes(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(8), 0, 8, 0);
      return buffer.subarray(0, bytesRead).toString('hex');
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw archiveFailure(error);
  }
}

async function visitTarMember(member: TarMember, found: PkgInfo): Promise<void> {
  const { name, type, size, linkname } = member.header;
  const path = memberPath(name);
  if (type === 'symlink' || type === 'link') {
    checkLink({ name, target: linkname, from: type === 'link' ? '' : posix.dirname(path) });
    return;
  }
  if (type === 'character-device' || type === 'block-device' || type === 'fifo') {
    throw badArchive(`its member ${shown(name)} is neither a file nor a directory`);
  }
  if (type === 'directory' || !found.wants(path)) {
    return;
  }
  if (size > MAX_METADATA_BYTES) {
    throw badArchive(`${shown(name)} is larger than the ${MAX_METADATA_BYTES} bytes that are allowed`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of member) {
    chunks.push(chunk as Buffer);
  }
  found.take(path, Buffer.concat(chunks));
}

async function visitZipMembers(zip: ZipArchive, found: PkgInfo, signal: AbortSignal | undefined): Promise<void> {
  let unpacked = 0;
  for await (const entry of zip.entries()) {
    signal?.throwIfAborted();
    unpacked += entry.uncompressedSize;
    checkUnpackedSize({ size: zip.size, unpacked });
    const path = memberPath(entry.fileName);
    await checkZipLink(zip, entry);
    if (found.wants(path)) {
      found.take(path, await zip.read(entry, MAX_METADATA_BYTES));
    }
  }
}

/** Sees that a member of a zip is no link that leads out of it. @throws ProxyError `invalid`. */
export async function checkZipLink(zip: ZipArchive, entry: ZipMember): Promise<void> {
  if (isLink(entry)) {
    const target = (await zip.read(entry, MAX_LINK_BYTES)).toString('utf8');
    checkLink({ name: entry.fileName, target, from: posix.dirname(memberPath(entry.fileName)) });
  }
}
