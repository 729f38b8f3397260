import { createHash } from 'node:crypto';
import { posix } from 'node:path';

import type { Platform } from '../model/provider.ts';
import { MAX_PROVIDER_FILES, MAX_PROVIDER_RATIO, MAX_PROVIDER_UNPACKED_BYTES, PROVIDER_RATIO_FREE_BYTES } from './archive-limits.ts';
import { directoryHash, EMPTY_SHA256 } from './directory-hash.ts';
import { archiveFilename } from './provider-filename.ts';
import { FlatArchive } from './provider-layout.ts';
import type { ZipMember } from './zip/zip-member.ts';
import { withZip, type ZipReader } from './zip/zip-reader.ts';

/** The hashes of a provider's archive, over what it unpacks to. */
export interface ZipHashes {
  /** `h1:` over the files alone, as lock files have it. */
  readonly h1: string;
  /** `h1:` over files and directory entries, as archives of mirrors are compared. */
  readonly h1OfZip: string;
}

/** Whose archive one is, for {@link inspectProviderZip}. */
export interface InspectedProvider {
  readonly type: string;
  readonly version: string;
  readonly platform: Platform;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Sees that an archive is one that every client installs from everywhere: a flat zip without directory entries, links, encryption or
 * two files of one name, whole by its checksums, no bomb, with a program that clients find and can start. Read piece by piece.
 * @returns its hashes, and what was noticed that is no error.
 * @throws ProxyError `unprocessable`, which names the file and what to do; `aborted`; `storage-unavailable`.
 */
export async function inspectProviderZip(path: string, { type, version, platform, signal }: InspectedProvider): Promise<ZipHashes & { readonly warnings: string[] }> {
  return withZip(path, { subject: archiveFilename(type, version, platform), signal }, async (zip) => {
    const layout = new FlatArchive({ type, platform, fault: zip.fault });
    const members = await membersOf(zip);
    for (const member of members) {
      layout.meet(member);
    }
    const warnings = layout.finish();
    return { ...(await hashesOf(zip, members)), warnings };
  });
}

/**
 * The hashes of an archive that somebody else published, whatever it looks like inside. Files that are unpacked over each other count
 * as clients count them.
 * @throws ProxyError `unprocessable` for what is no whole zip, or what only a bomb would hold; `aborted`; `storage-unavailable`.
 */
export async function zipHashes(path: string, signal?: AbortSignal): Promise<ZipHashes> {
  return withZip(path, { subject: 'The archive', signal }, async (zip) => hashesOf(zip, await membersOf(zip)));
}

async function membersOf(zip: ZipReader): Promise<ZipMember[]> {
  if (zip.count > MAX_PROVIDER_FILES) {
    throw zip.fault(`it holds ${zip.count} files, and ${MAX_PROVIDER_FILES} are allowed`);
  }
  const members: ZipMember[] = [];
  let unpacked = 0;
  for await (const member of zip.members()) {
    unpacked += member.size;
    checkUnpacked(zip, unpacked);
    members.push(member);
  }
  if (members.length === 0) {
    throw zip.fault('it is empty');
  }
  return members;
}

function checkUnpacked(zip: ZipReader, unpacked: number): void {
  if (unpacked > MAX_PROVIDER_UNPACKED_BYTES) {
    throw zip.fault(`it unpacks to more than the ${MAX_PROVIDER_UNPACKED_BYTES} bytes that are allowed`);
  }
  if (unpacked > PROVIDER_RATIO_FREE_BYTES && unpacked > zip.size * MAX_PROVIDER_RATIO) {
    throw zip.fault(`it unpacks to more than ${MAX_PROVIDER_RATIO} times its ${zip.size} bytes`);
  }
}

async function hashesOf(zip: ZipReader, members: readonly ZipMember[]): Promise<ZipHashes> {
  const byName = new Map<string, string>();
  const unpacked = new Map<string, { readonly name: Buffer; readonly sha256: string }>();
  for (const member of members) {
    if (member.rawName.includes(0x0a)) {
      throw zip.fault('the name of a file holds a line feed, and terraform cannot make a hash of it');
    }
    const sha256 = isDirectoryName(member) ? EMPTY_SHA256 : await sha256Of(zip, member);
    // Go opens the last one of a name, for each of them.
    byName.set(keyOf(member.rawName), sha256);
    if (member.type !== 'directory') {
      const name = posix.normalize(`/${keyOf(member.rawName)}`).slice(1);
      unpacked.set(name, { name: Buffer.from(name, 'latin1'), sha256 });
    }
  }
  const all = members.map(({ rawName }) => ({ name: rawName, sha256: byName.get(keyOf(rawName)) ?? EMPTY_SHA256 }));
  return { h1: directoryHash(unpacked.values()), h1OfZip: directoryHash(all) };
}

/** Go says a directory by the name alone here, and by the mode where it unpacks. */
function isDirectoryName({ rawName }: ZipMember): boolean {
  return rawName.at(-1) === 0x2f;
}

function keyOf(name: Buffer): string {
  return name.toString('latin1');
}

async function sha256Of(zip: ZipReader, member: ZipMember): Promise<string> {
  const hash = createHash('sha256');
  await zip.read(member, (piece) => hash.update(piece));
  return hash.digest('hex');
}
