import { buffer } from 'node:stream/consumers';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

import { pack } from 'tar-stream';

/** A member of a zip that a spec makes. */
export interface SampleMember {
  readonly name: string | Buffer;
  readonly content?: string | Buffer;
  /** Whole mode with the type bits; 0644 of a file where it is not said. */
  readonly mode?: number;
  /** What made it: 3 for Unix, 0 for DOS. */
  readonly host?: number;
  readonly stored?: boolean;
  /** What the central directory declares, where it lies. */
  readonly declared?: { readonly size?: number; readonly packedSize?: number; readonly crc?: number; readonly method?: number; readonly flags?: number; readonly offset?: number };
}

/** Mode of a program. */
export const PROGRAM = 0o100755;
/** Mode of a symbolic link. */
export const LINK = 0o120777;

/** A zip with these members; `zip64` writes every size and offset of the directory in 64 bits. */
export function zipOf(members: readonly SampleMember[], { zip64 = false }: { readonly zip64?: boolean } = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const member of members) {
    const content = Buffer.from(member.content ?? '');
    const stored = member.stored ?? content.length === 0;
    const packed = stored ? content : deflateRawSync(content);
    const head = { ...headOf(member, content), method: member.declared?.method ?? (stored ? 0 : 8) };
    const local = localHeader({ ...head, packedSize: packed.length, size: content.length });
    locals.push(local, packed);
    centrals.push(centralHeader({ ...head, packedSize: member.declared?.packedSize ?? packed.length, size: member.declared?.size ?? content.length, offset: member.declared?.offset ?? offset, zip64 }));
    offset += local.length + packed.length;
  }
  const directory = Buffer.concat(centrals);
  return Buffer.concat([...locals, directory, directoryEnd({ count: members.length, size: directory.length, offset, zip64 })]);
}

interface Head {
  readonly name: Buffer;
  readonly flags: number;
  readonly crc: number;
  readonly host: number;
  readonly mode: number;
  readonly method: number;
  readonly packedSize: number;
  readonly size: number;
}

function headOf(member: SampleMember, content: Buffer): Pick<Head, 'name' | 'flags' | 'crc' | 'host' | 'mode'> {
  return {
    name: Buffer.from(member.name as Buffer),
    flags: member.declared?.flags ?? 0x800,
    crc: member.declared?.crc ?? crc32(content),
    host: member.host ?? 3,
    mode: member.mode ?? 0o100644,
  };
}

function localHeader({ name, flags, method, crc, packedSize, size }: Head): Buffer {
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(20, 4);
  local.writeUInt16LE(flags, 6);
  local.writeUInt16LE(method, 8);
  local.writeUInt32LE(crc, 14);
  local.writeUInt32LE(packedSize, 18);
  local.writeUInt32LE(size, 22);
  local.writeUInt16LE(name.length, 26);
  return Buffer.concat([local, name]);
}

function centralHeader({ name, flags, method, crc, host, mode, packedSize, size, offset, zip64 }: Head & { readonly offset: number; readonly zip64: boolean }): Buffer {
  const extra = zip64 ? zip64Extra(size, packedSize, offset) : Buffer.alloc(0);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE((host << 8) | 45, 4);
  central.writeUInt16LE(45, 6);
  central.writeUInt16LE(flags, 8);
  central.writeUInt16LE(method, 10);
  central.writeUInt32LE(crc, 16);
  central.writeUInt32LE(zip64 ? 0xffffffff : packedSize, 20);
  central.writeUInt32LE(zip64 ? 0xffffffff : size, 24);
  central.writeUInt16LE(name.length, 28);
  central.writeUInt16LE(extra.length, 30);
  central.writeUInt32LE(host === 3 ? mode * 2 ** 16 : 0x20, 38);
  central.writeUInt32LE(zip64 ? 0xffffffff : offset, 42);
  return Buffer.concat([central, name, extra]);
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

/** A zip64 archive as it is with a hole of `far` bytes in front: its offsets are so much further on. */
export function shifted(zip: Buffer, far: number): Buffer {
  const moved = Buffer.from(zip);
  const add = (at: number): void => void moved.writeBigUInt64LE(moved.readBigUInt64LE(at) + BigInt(far), at);
  for (let at = moved.indexOf('PK\x01\x02'); at !== -1; at = moved.indexOf('PK\x01\x02', at + 1)) {
    add(at + 46 + moved.readUInt16LE(at + 28) + 20);
  }
  add(moved.indexOf('PK\x06\x06') + 48);
  add(moved.indexOf('PK\x06\x07') + 8);
  return moved;
}

/** A member of a tar that a spec makes. */
export interface SampleTarMember {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: 'file' | 'link' | 'symlink' | 'directory' | 'fifo' | 'character-device';
  readonly linkname?: string;
  readonly mode?: number;
  readonly mtime?: Date;
}

/** A tar with these members. */
export async function tarOf(members: readonly SampleTarMember[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = '', type = 'file', linkname = '', mode = 0o644, mtime = new Date(0) } of members) {
    tar.entry({ name, type, linkname, mode, mtime }, content);
  }
  tar.finalize();
  return buffer(tar as unknown as AsyncIterable<Buffer>);
}

/** A gzipped tar with these members. */
export async function tarballOf(members: readonly SampleTarMember[], level = 6): Promise<Buffer> {
  return gzipSync(await tarOf(members), { level });
}

/** A provider's archive that is fine, whose program says `content`. */
export function providerZipOf(type: string, version: string, content: string | Buffer = '#!/bin/sh\n'): Buffer {
  return zipOf([
    { name: 'LICENSE', content: 'free' },
    { name: `terraform-provider-${type}_v${version}`, content, mode: PROGRAM },
  ]);
}
