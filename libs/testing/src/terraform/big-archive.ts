import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

import { noise } from '../pypi/wheel-file.ts';
import { centralDirectory, localHeader, type ZipRecord } from '../pypi/zip-file.ts';
import { dirHash } from './dir-hash.ts';
import { archiveName, programName, type ReleaseArchive } from './provider-release.ts';

const PIECE = 1024 * 1024;

/** What a big archive is of. */
export interface BigArchiveOptions {
  readonly type: string;
  readonly version: string;
  readonly platform: string;
  /** Of its one program, which is stored, not packed. */
  readonly bytes: number;
}

/** An archive that is made while it is read: its size costs neither memory nor disk, and the same options make the same bytes. */
export function bigArchive({ type, version, platform, bytes }: BigArchiveOptions): ReleaseArchive {
  const name = programName(type, version);
  const seed = `${type} ${version} ${platform}`;
  const program = createHash('sha256');
  let crc = 0;
  for (const piece of programPieces(bytes, seed)) {
    crc = crc32(piece, crc);
    program.update(piece);
  }
  const record: ZipRecord = { path: name, method: 0, crc, packed: bytes, size: bytes, offset: 0, mode: 0o100755 };
  const head = localHeader(record);
  const tail = centralDirectory([record], head.length + bytes);
  const pieces = function* (): Iterable<Buffer> {
    yield head;
    yield* programPieces(bytes, seed);
    yield tail;
  };
  const whole = createHash('sha256');
  for (const piece of pieces()) {
    whole.update(piece);
  }
  const h1 = dirHash([{ path: name, sha256: program.digest('hex') }]);
  return { filename: archiveName(type, version, platform), platform, size: head.length + bytes + tail.length, sha256: whole.digest('hex'), h1, h1OfZip: h1, pieces };
}

/** Noise; each piece begins with its place, so that no two are the same. */
function* programPieces(bytes: number, seed: string): Iterable<Buffer> {
  const source = noise(PIECE, seed);
  for (let made = 0; made < bytes; made += PIECE) {
    // A copy: what was handed out before may still be on its way to a socket.
    const piece = Buffer.from(source.subarray(0, Math.min(PIECE, bytes - made)));
    piece.writeBigUInt64LE(BigInt(made));
    yield piece;
  }
}
