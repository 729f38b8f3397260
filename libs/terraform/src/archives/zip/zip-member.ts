import { isUtf8 } from 'node:buffer';

import { type Entry, getFileNameLowLevel } from 'yauzl';

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 0x1;
const UNIX = 3;
const DARWIN = 19;
const TYPE_BITS = 0o170000;
const PERMISSION_BITS = 0o7777;
const TYPES: Readonly<Record<number, ZipMember['type']>> = { 0: 'file', 0o100000: 'file', 0o040000: 'directory', 0o120000: 'link' };

/** A member of a zip archive, as its central directory says. */
export interface ZipMember {
  /** Raw bytes of the name: what Go takes for the name, whatever the flags say. */
  readonly rawName: Buffer;
  /** For people: what the flags and extra fields make of it; backslashes are left as they are. */
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'special';
  /** Permission bits; null where the archive was made without them: on Windows, that is. */
  readonly mode: number | null;
  /** Bytes, unpacked. */
  readonly size: number;
  /** Bytes in the archive. */
  readonly packedSize: number;
  readonly crc32: number;
  readonly deflated: boolean;
  /** What keeps it from being read: encryption or another method than deflate. */
  readonly unreadable: string | null;
  /** Where its local header begins. */
  readonly offset: number;
}

/** Takes over what is needed of an entry, so that the rest of it can go. */
export function zipMember(entry: Entry): ZipMember {
  const unix = [UNIX, DARWIN].includes(entry.versionMadeBy >>> 8);
  const bits = entry.externalFileAttributes >>> 16;
  const rawName = Buffer.from(entry.fileNameRaw);
  return {
    rawName,
    name: nameOf(entry),
    type: rawName.at(-1) === 0x2f ? 'directory' : typeOf(unix ? bits : 0),
    mode: unix ? bits & PERMISSION_BITS : null,
    size: entry.uncompressedSize,
    packedSize: entry.compressedSize,
    crc32: entry.crc32,
    deflated: entry.compressionMethod === DEFLATED,
    unreadable: unreadable(entry),
    offset: entry.relativeOffsetOfLocalHeader,
  };
}

function nameOf(entry: Entry): string {
  // Many tools write UTF-8 and do not say so.
  return isUtf8(entry.fileNameRaw) ? entry.fileNameRaw.toString('utf8') : getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, true);
}

function typeOf(bits: number): ZipMember['type'] {
  return TYPES[bits & TYPE_BITS] ?? 'special';
}

function unreadable({ generalPurposeBitFlag, compressionMethod }: Entry): string | null {
  if ((generalPurposeBitFlag & ENCRYPTED) !== 0) {
    return 'is encrypted';
  }
  return compressionMethod === STORED || compressionMethod === DEFLATED ? null : 'is compressed by another method than deflate';
}
