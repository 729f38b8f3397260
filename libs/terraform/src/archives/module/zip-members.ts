import { shown } from '../archive-failure.ts';
import type { ZipMember } from '../zip/zip-member.ts';
import { withZip, type ZipReader } from '../zip/zip-reader.ts';
import { isDropped, type MemberReading, memberPath, type MemberVisit, type ModuleLimits, moduleTooLarge } from './module-member.ts';

const MAX_TARGET_BYTES = 4096;
const EXECUTABLE_BITS = 0o111;

/**
 * Visits what a zip holds and a module keeps.
 * @throws ProxyError `unprocessable` for what is no whole zip, or cannot be unpacked safely; `too-large`; `aborted`; `storage-unavailable`; whatever `visit` does.
 */
export async function visitZip(path: string, reading: MemberReading, visit: MemberVisit): Promise<void> {
  await withZip(path, reading, async (zip) => {
    for (const { path: memberName, member } of await keptMembers(zip, reading.limits)) {
      const isLink = member.type === 'link';
      await visit({
        path: memberName,
        kind: kindOf(zip, member),
        executable: ((member.mode ?? 0) & EXECUTABLE_BITS) !== 0,
        size: member.size,
        target: isLink ? await targetOf(zip, member) : '',
        read: async (take) => zip.read(member, take),
      });
    }
  });
}

async function keptMembers(zip: ZipReader, limits: ModuleLimits): Promise<{ readonly path: string; readonly member: ZipMember }[]> {
  const kept: { readonly path: string; readonly member: ZipMember }[] = [];
  let unpacked = 0;
  for await (const member of zip.members()) {
    // Tools on Windows have written backslashes for slashes.
    const path = memberPath(member.name.replaceAll('\\', '/'), zip.fault);
    if (path === '' || isDropped(path)) {
      continue;
    }
    unpacked += member.size;
    if (unpacked > limits.bytes || kept.length === limits.files) {
      throw moduleTooLarge(limits);
    }
    kept.push({ path, member });
  }
  return kept;
}

function kindOf(zip: ZipReader, { name, type }: ZipMember): 'file' | 'directory' | 'link' {
  if (type === 'special') {
    throw zip.fault(`its member ${shown(name)} is neither a file nor a directory: leave it out`);
  }
  return type;
}

async function targetOf(zip: ZipReader, member: ZipMember): Promise<string> {
  if (member.size > MAX_TARGET_BYTES) {
    throw zip.fault(`its link ${shown(member.name)} has a target of ${member.size} bytes`);
  }
  const pieces: Buffer[] = [];
  await zip.read(member, (piece) => pieces.push(piece));
  return Buffer.concat(pieces).toString('utf8');
}
