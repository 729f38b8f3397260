import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';

/** A member of an archive that a spec makes. */
export interface SampleMember {
  readonly name: string;
  readonly content: string | Buffer;
  /** A symbolic link to `content`. */
  readonly link?: boolean;
  readonly deflate?: boolean;
  /** What the central directory declares, where it lies. */
  readonly declared?: { readonly size?: number; readonly packedSize?: number; readonly crc?: number; readonly method?: number; readonly flags?: number };
}

/** A zip with these members; `zip64` writes every size and offset of the directory in 64 bits. */
export function zipOf(members: readonly SampleMember[], { zip64 = false }: { readonly zip64?: boolean } = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const content = Buffer.from(member.content);
    const packed = member.deflate === true ? deflateRawSync(content) : content;
    const name = Buffer.from(member.name, 'utf8');
    const method = member.declared?.method ?? (member.deflate === true ? 8 : 0);
    const crc = member.declared?.crc ?? crc32(content);
    const size = member.declared?.size ?? content.length;
    const packedSize = member.declared?.packedSize ?? packed.length;
    const flags = member.declared?.flags ?? 0x800;
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt16LE(flags, 6);
    local.writeUInt16LE(method, 8);
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(packed.length, 18);
    local.writeUInt32LE(content.length, 22);
    local.writeUInt16LE(name.length, 26);
    locals.push(local, name, packed);
    const extra = zip64 ? zip64Extra(size, packedSize, offset) : Buffer.alloc(0);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE((3 << 8) | 45, 4);
    central.writeUInt16LE(45, 6);
    central.writeUInt16LE(flags, 8);
    central.writeUInt16LE(method, 10);
    central.writeUInt32LE(crc, 16);
    central.writeUInt32LE(zip64 ? 0xffffffff : packedSize, 20);
    central.writeUInt32LE(zip64 ? 0xffffffff : size, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt16LE(extra.length, 30);
    central.writeUInt32LE((member.link === true ? 0o120777 : 0o100644) * 2 ** 16, 38);
    central.writeUInt32LE(zip64 ? 0xffffffff : offset, 42);
    centrals.push(central, name, extra);
    offset += local.length + name.length + packed.length;
  }
  return Buffer.concat([...locals, ...centrals, directoryEnd({ count: members.length, size: Buffer.concat(centrals).length, offset, zip64 })]);
}

function zip64Extra(size: number, packedSize: number, offset: number): Buffer {
  const extra = Buffer.alloc(28);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(24, 2);
  extra.writeBigUInt64LE(BigInt(size), 4);
  extra.writeBigUInt64LE(BigInt(packedSize), 12);
  extra.writeBigUInt64LE(BigInt(offset), 20);
  return extra;
}

function directoryEnd({ count, size, offset, zip64 }: { count: number; size: number; offset: number; zip64: boolean }): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(zip64 ? 0xffff : count, 8);
  end.writeUInt16LE(zip64 ? 0xffff : count, 10);
  end.writeUInt32LE(zip64 ? 0xffffffff : size, 12);
  end.writeUInt32LE(zip64 ? 0xffffffff : offset, 16);
  if (!zip64) {
    return end;
  }
  const record = Buffer.alloc(56);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeUInt16LE(45, 12);
  record.writeUInt16LE(45, 14);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(size), 40);
  record.writeBigUInt64LE(BigInt(offset), 48);
  const locator = Buffer.alloc(20);
  locator.writeUInt32LE(0x07064b50, 0);
  locator.writeBigUInt64LE(BigInt(offset + size), 8);
  locator.writeUInt32LE(1, 16);
  return Buffer.concat([record, locator, end]);
}

/** A member of a tar that a spec makes. */
export interface SampleTarMember {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: 'file' | 'link' | 'symlink' | 'directory' | 'fifo' | 'character-device';
  readonly linkname?: string;
}

/** A gzipped tar with these members. */
export async function tarballOf(members: readonly SampleTarMember[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = '', type = 'file', linkname = '' } of members) {
    tar.entry({ name, type, linkname, mtime: new Date(0) }, content);
  }
  tar.finalize();
  return gzipSync(await buffer(tar as unknown as AsyncIterable<Buffer>));
}

/** Core metadata that says only what it must. */
export function metadataOf(name: string, version: string, more = ''): string {
  return `Metadata-Version: 2.4\nName: ${name}\nVersion: ${version}\n${more}`;
}

/** Members of a wheel's `.dist-info`. */
export function distInfo(folder: string, metadata: string): SampleMember[] {
  return [
    { name: `${folder}.dist-info/METADATA`, content: metadata, deflate: true },
    { name: `${folder}.dist-info/WHEEL`, content: 'Wheel-Version: 1.0\nGenerator: sample\nRoot-Is-Purelib: true\nTag: py3-none-any\n' },
    { name: `${folder}.dist-info/RECORD`, content: '' },
  ];
}

/** A wheel of a project, whose bytes differ by `code`. */
export function wheelOf(name: string, version: string, { code = 'x = 1\n', more = '' }: { readonly code?: string | Buffer; readonly more?: string } = {}): Buffer {
  const folder = `${name.replaceAll(/[-_.]+/g, '_').toLowerCase()}-${version}`;
  return zipOf([{ name: `${folder.split('-')[0]}/__init__.py`, content: code, deflate: true }, ...distInfo(folder, metadataOf(name, version, more))]);
}

/** A source distribution of a project. */
export function sdistOf(name: string, version: string, { code = 'x = 1\n' }: { readonly code?: string } = {}): Promise<Buffer> {
  const top = `${name.replaceAll(/[-_.]+/g, '_').toLowerCase()}-${version}`;
  return tarballOf([
    { name: `${top}/`, type: 'directory' },
    { name: `${top}/PKG-INFO`, content: metadataOf(name, version) },
    { name: `${top}/setup.py`, content: code },
  ]);
}

/** Lower-case hex. */
export function sha256Of(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
