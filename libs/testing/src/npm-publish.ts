import { createHash, randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** What `npm publish` sends for one version, made without npm so that a test can send many, or send it wrong. */
export interface NpmPublishBody {
  readonly name: string;
  readonly version: string;
  readonly 'dist-tags': Readonly<Record<string, string>>;
  readonly versions: Record<string, { name: string; version: string; dist: { integrity: string; shasum: string; tarball: string } }>;
  readonly _attachments: Record<string, { content_type: string; data: string; length: number }>;
}

/** A publish of `name`@`version` whose tarball holds a package.json and `bytes` of noise (other bytes at every call). */
export function npmPublishBody(name: string, version: string, options: { readonly bytes?: number; readonly tag?: string } = {}): NpmPublishBody {
  const tarball = packageTarball({ name, version }, options.bytes ?? 64);
  const filename = `${name}-${version}.tgz`;
  return {
    name,
    version,
    'dist-tags': { [options.tag ?? 'latest']: version },
    versions: {
      [version]: {
        name,
        version,
        dist: {
          integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
          shasum: createHash('sha1').update(tarball).digest('hex'),
          tarball: `http://registry.example.com/${name}/-/${filename}`,
        },
      },
    },
    _attachments: { [filename]: { content_type: 'application/octet-stream', data: tarball.toString('base64'), length: tarball.length } },
  };
}

/** A gzipped tar of `package/package.json` and, with `noiseBytes`, of an incompressible file. */
export function packageTarball(manifest: { readonly name: string; readonly version: string } & Readonly<Record<string, unknown>>, noiseBytes = 0): Buffer {
  const files = [tarEntry('package/package.json', Buffer.from(JSON.stringify(manifest)))];
  if (noiseBytes > 0) {
    files.push(tarEntry('package/noise.bin', randomBytes(noiseBytes)));
  }
  return gzipSync(Buffer.concat([...files, Buffer.alloc(1024)]), { level: 1 });
}

function tarEntry(path: string, content: Buffer): Buffer {
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([tarHeader(path, content.length), content, padding]);
}

/** The header of a file of `size` bytes in a ustar archive: https://www.gnu.org/software/tar/manual/html_node/Standard.html */
export function tarHeader(path: string, size: number): Buffer {
  const header = Buffer.alloc(512);
  header.write(path, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
