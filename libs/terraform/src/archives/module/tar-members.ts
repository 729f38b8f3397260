import { createReadStream } from 'node:fs';
import { Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

import { ProxyError } from '@oci-package-proxy/errors';
import { extract, type Header } from 'tar-stream';

import { type ArchiveFault, archiveFailure, archiveFault, shown } from '../archive-failure.ts';
import { isDropped, type MemberReading, memberPath, type MemberVisit, type ModuleLimits, type ModuleMember, moduleTooLarge } from './module-member.ts';

const CHUNK_BYTES = 64 * 1024;
// Headers, long names and padding of one member.
const OVERHEAD_BYTES = 2048;
const EXECUTABLE_BITS = 0o111;
// Tars of before there was any magic are fine.
const EXTRACT_OPTIONS = { highWaterMark: CHUNK_BYTES, allowUnknownFormat: true };
const KINDS: Readonly<Partial<Record<Header['type'], ModuleMember['kind']>>> = { file: 'file', 'contiguous-file': 'file', directory: 'directory', symlink: 'link' };

interface TarMember extends AsyncIterable<unknown> {
  readonly header: Header;
  resume(): unknown;
}

/**
 * Visits what a gzipped tar holds and a module keeps, reading it to its end.
 * @throws ProxyError `unprocessable` for what is no whole tar, or cannot be unpacked safely; `too-large`; `aborted`; `storage-unavailable`; whatever `visit` does.
 */
export async function visitTar(path: string, { subject, limits, signal }: MemberReading, visit: MemberVisit): Promise<void> {
  const fault = archiveFault(subject);
  try {
    const members = extract(EXTRACT_OPTIONS);
    const [piped, visited] = await Promise.allSettled([
      pipeline(createReadStream(path, { highWaterMark: CHUNK_BYTES }), createGunzip({ chunkSize: CHUNK_BYTES }), limited(limits), members, { signal }),
      visitAll(members, fault, visit),
    ]);
    throwFirst(piped, visited);
  } catch (error) {
    throw archiveFailure(error, fault, signal);
  }
}

/** When a visit fails, the pipeline fails of it, and says only that it was cut off; and the other way round. */
function throwFirst(piped: PromiseSettledResult<unknown>, visited: PromiseSettledResult<unknown>): void {
  const failures = [visited, piped].filter((result) => result.status === 'rejected').map(({ reason }) => reason as unknown);
  if (failures.length > 0) {
    throw failures.find((failure) => failure instanceof ProxyError) ?? failures.at(-1);
  }
}

async function visitAll(members: AsyncIterable<TarMember>, fault: ArchiveFault, visit: MemberVisit): Promise<void> {
  for await (const member of members) {
    const path = memberPath(member.header.name, fault);
    if (path !== '' && !isDropped(path)) {
      await visit(moduleMember(path, member, fault));
    }
    member.resume();
  }
}

function moduleMember(path: string, member: TarMember, fault: ArchiveFault): ModuleMember {
  const { name, type, mode, size, linkname } = member.header;
  const kind = KINDS[type];
  if (kind === undefined) {
    throw fault(`its member ${shown(name)} is ${type === 'link' ? 'a hard link: pack with tar --hard-dereference' : 'neither a file nor a directory: leave it out'}`);
  }
  return {
    path,
    kind,
    executable: (mode & EXECUTABLE_BITS) !== 0,
    size,
    target: kind === 'link' ? linkname : '',
    read: async (take) => {
      for await (const piece of member) {
        await take(piece as Buffer);
      }
    },
  };
}

/** Counts what is unpacked, of members that are left out too. */
function limited(limits: ModuleLimits): Transform {
  const most = limits.bytes + limits.files * OVERHEAD_BYTES;
  let unpacked = 0;
  return new Transform({
    highWaterMark: CHUNK_BYTES,
    transform(chunk: Buffer, _encoding, done: TransformCallback): void {
      unpacked += chunk.length;
      if (unpacked > most) {
        done(moduleTooLarge(limits));
      } else {
        done(null, chunk);
      }
    },
  });
}
