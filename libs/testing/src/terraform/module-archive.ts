import { gzipSync } from 'node:zlib';

import { tarHeader } from '../npm-publish.ts';
import { zipFile } from '../pypi/zip-file.ts';
import { smallFile, type SmallReleaseFile } from './provider-release.ts';

/** What is in an archive of a module. */
export interface ModuleArchiveOptions {
  /** By path. */
  readonly files: Readonly<Record<string, string | Buffer>>;
  /** `zip` when absent. */
  readonly format?: 'zip' | 'tar.gz';
  /** Paths whose files may be run. */
  readonly programs?: readonly string[];
  /** Symbolic links: where to, by path; written to tar.gz and zip as tools of Unix do. */
  readonly links?: Readonly<Record<string, string>>;
  /** A directory around everything, as forges make it; a comment with the commit stands before it there (tar.gz). */
  readonly wrapper?: string;
}

/** An archive as people upload it, or as a forge makes it. */
export function moduleArchive(options: ModuleArchiveOptions): SmallReleaseFile {
  const { format = 'zip', wrapper } = options;
  const prefix = wrapper === undefined ? '' : `${wrapper}/`;
  const entries = [
    ...(wrapper === undefined ? [] : [{ path: prefix, content: Buffer.alloc(0), mode: 0o40755 }]),
    ...Object.entries(options.files).map(([path, content]) => ({ path: `${prefix}${path}`, content: Buffer.from(content), mode: options.programs?.includes(path) === true ? 0o100755 : 0o100644 })),
    ...Object.entries(options.links ?? {}).map(([path, target]) => ({ path: `${prefix}${path}`, content: Buffer.from(target), mode: 0o120777 })),
  ];
  if (format === 'zip') {
    return smallFile('module.zip', zipFile(entries));
  }
  const comment = wrapper === undefined ? [] : [tarPart({ path: 'pax_global_header', content: Buffer.from(`52 comment=${'0'.repeat(40)}\n`), type: 'g', mode: 0o666 })];
  const parts = entries.map(({ path, content, mode }) => tarPart(tarEntryOf(path, content, mode)));
  return smallFile('module.tar.gz', gzipSync(Buffer.concat([...comment, ...parts, Buffer.alloc(1024)])));
}

interface TarEntry {
  readonly path: string;
  readonly content: Buffer;
  readonly type: string;
  readonly mode: number;
  readonly link?: string;
}

function tarEntryOf(path: string, content: Buffer, mode: number): TarEntry {
  if (path.endsWith('/')) {
    return { path, content, type: '5', mode };
  }
  return mode === 0o120777 ? { path, content: Buffer.alloc(0), type: '2', mode, link: content.toString() } : { path, content, type: '0', mode };
}

function tarPart({ path, content, type, mode, link }: TarEntry): Buffer {
  const header = tarHeader(path, content.length);
  header.write(`${(mode & 0o7777).toString(8).padStart(7, '0')}\0`, 100);
  header.write(type, 156);
  header.write(link ?? '', 157);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}
