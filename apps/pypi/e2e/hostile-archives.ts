import { gzipSync } from 'node:zlib';

import { coreMetadata, type PackageFile, sdistFile, tarHeader, wheelFile } from '@oci-package-proxy/testing';

import { withBytes } from './raw-upload.ts';

/** A member of a tar that no build tool would write. */
export interface TarMember {
  readonly path: string;
  readonly content?: string;
  /** 0: file, 1: hard link, 2: symbolic link, 3: character device, 6: fifo. */
  readonly type?: '0' | '1' | '2' | '3' | '6';
  readonly target?: string;
}

const CENTRAL_HEADER = 0x02014b50;
const LINK_MODE = 0o120777;

/** A source distribution 1.0 with these members beside its PKG-INFO. */
export function sdistWith(name: string, members: readonly TarMember[], metadata: Buffer = coreMetadata({ name, version: '1.0' })): PackageFile {
  const plain = sdistFile({ name, version: '1.0' });
  const root = plain.filename.slice(0, -'.tar.gz'.length);
  const tar = [{ path: `${root}/PKG-INFO`, content: metadata.toString('latin1') }, ...members].map((member) => tarEntry(member));
  return withBytes(plain, gzipSync(Buffer.concat([...tar, Buffer.alloc(1024)])));
}

/** A wheel 1.0 with a symbolic link to `target`. */
export function wheelWithLink(name: string, target: string): PackageFile {
  const path = 'link-of-the-test';
  const wheel = wheelFile({ name, version: '1.0', files: { [path]: target }, method: 'stored' });
  const bytes = Buffer.from(wheel.bytes);
  // The last place where the path stands besides RECORD's line is the central directory.
  for (let at = bytes.indexOf(path); at !== -1; at = bytes.indexOf(path, at + 1)) {
    if (at >= 46 && bytes.readUInt32LE(at - 46) === CENTRAL_HEADER) {
      bytes.writeUInt32LE(LINK_MODE * 2 ** 16, at - 46 + 38);
    }
  }
  return withBytes(wheel, bytes);
}

function tarEntry({ path, content = '', type = '0', target = '' }: TarMember): Buffer {
  const bytes = Buffer.from(content, 'latin1');
  const header = tarHeader(path, bytes.length);
  header.write(type, 156);
  header.write(target, 157);
  header.write('        ', 148);
  header.write(`${header.reduce((total, byte) => total + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
