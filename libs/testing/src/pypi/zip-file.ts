import { crc32, deflateRawSync } from 'node:zlib';

/** One file of a zip that is made in memory. */
export interface ZipEntry {
  /** A slash at its end makes it a directory. */
  readonly path: string;
  readonly content: Buffer;
  /** Type and permissions as `stat` has them; those of a plain file when absent. */
  readonly mode?: number;
}

/** A place in a zip, as its central directory names it. */
export interface ZipRecord {
  readonly path: string;
  /** 0: stored, 8: deflated. */
  readonly method: 0 | 8;
  readonly crc: number;
  /** Bytes in the zip and bytes of the file. */
  readonly packed: number;
  readonly size: number;
  /** Where its local header begins. */
  readonly offset: number;
  readonly mode?: number;
}

const FULL = 0xffffffff;
/** 1980-01-01 00:00, so that the same content makes the same bytes. */
const DATE = 0x0021;
const UTF8_NAMES = 0x0800;

/** A whole zip of small files: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3). */
export function zipFile(entries: readonly ZipEntry[], method: 'stored' | 'deflated' = 'deflated'): Buffer {
  const parts: Buffer[] = [];
  const records: ZipRecord[] = [];
  let offset = 0;
  for (const { path, content, mode } of entries) {
    const data = method === 'deflated' ? deflateRawSync(content) : content;
    const record: ZipRecord = { path, method: method === 'deflated' ? 8 : 0, crc: crc32(content), packed: data.length, size: content.length, offset, ...(mode !== undefined && { mode }) };
    const header = localHeader(record);
    parts.push(header, data);
    records.push(record);
    offset += header.length + data.length;
  }
  return Buffer.concat([...parts, centralDirectory(records, offset)]);
}

/** What stands before a file's bytes; with `zip64`, its sizes stand in 64 bits (4.5.3). */
export function localHeader(record: Omit<ZipRecord, 'offset'>, zip64 = false): Buffer {
  const name = Buffer.from(record.path);
  const extra = zip64 ? zip64Extra([record.size, record.packed]) : Buffer.alloc(0);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(zip64 ? 45 : 20, 4);
  header.writeUInt16LE(UTF8_NAMES, 6);
  header.writeUInt16LE(record.method, 8);
  header.writeUInt16LE(DATE, 12);
  header.writeUInt32LE(record.crc, 14);
  header.writeUInt32LE(zip64 ? FULL : record.packed, 18);
  header.writeUInt32LE(zip64 ? FULL : record.size, 22);
  header.writeUInt16LE(name.length, 26);
  header.writeUInt16LE(extra.length, 28);
  return Buffer.concat([header, name, extra]);
}

/** What ends a zip whose directory begins at `start`; with `zip64`, all sizes and places stand in 64 bits (4.3.14). */
export function centralDirectory(records: readonly ZipRecord[], start: number, zip64 = false): Buffer {
  const entries = Buffer.concat(records.map((record) => centralHeader(record, zip64)));
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : records.length, 8);
  end.writeUInt16LE(zip64 ? 0xffff : records.length, 10);
  end.writeUInt32LE(zip64 ? FULL : entries.length, 12);
  end.writeUInt32LE(zip64 ? FULL : start, 16);
  return Buffer.concat([entries, ...(zip64 ? [zip64End(records.length, entries.length, start)] : []), end]);
}

function centralHeader(record: ZipRecord, zip64: boolean): Buffer {
  const name = Buffer.from(record.path);
  const extra = zip64 ? zip64Extra([record.size, record.packed, record.offset]) : Buffer.alloc(0);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  // Made on Unix, where the upper half of the attributes is the file's mode.
  header.writeUInt16LE((3 << 8) | (zip64 ? 45 : 20), 4);
  header.writeUInt16LE(zip64 ? 45 : 20, 6);
  header.writeUInt16LE(UTF8_NAMES, 8);
  header.writeUInt16LE(record.method, 10);
  header.writeUInt16LE(DATE, 14);
  header.writeUInt32LE(record.crc, 16);
  header.writeUInt32LE(zip64 ? FULL : record.packed, 20);
  header.writeUInt32LE(zip64 ? FULL : record.size, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE(((record.mode ?? 0o100644) << 16) >>> 0, 38);
  header.writeUInt32LE(zip64 ? FULL : record.offset, 42);
  return Buffer.concat([header, name, extra]);
}

function zip64Extra(numbers: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * numbers.length);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(8 * numbers.length, 2);
  numbers.forEach((number, index) => extra.writeBigUInt64LE(BigInt(number), 4 + 8 * index));
  return extra;
}

function zip64End(count: number, bytes: number, start: number): Buffer {
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE((3 << 8) | 45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(bytes), 40);
  record.writeBigUInt64LE(BigInt(start), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(start + bytes), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator]);
}
