import type { Entry } from 'yauzl';

import { ProxyError } from '@oci-package-proxy/errors';

import { badArchive, shown } from './archive-failure.ts';
import { type DistInfo, DistInfos, type NamedVersion } from './dist-info.ts';
import { memberPath } from './member-path.ts';
import { checkZipLink } from './sdist-metadata.ts';
import { checkUnpackedSize } from './unpacked-size.ts';
import { MAX_METADATA_BYTES } from './wheel-metadata.ts';
import { withZip, type ZipArchive } from './zip-archive.ts';

const NEEDED = ['METADATA', 'WHEEL', 'RECORD'] as const;

/**
 * Sees that a wheel is one that installers can take: a whole zip with no name or link that leads out of it and no bomb, and one
 * `.dist-info` that has METADATA, WHEEL and RECORD, each once. Only the central directory and METADATA are read.
 * https://packaging.python.org/en/latest/specifications/binary-distribution-format/
 * @param wheel its name is normalized.
 * @returns METADATA, byte for byte.
 * @throws ProxyError `invalid` for what is no such zip, `unprocessable` for what is no such wheel; `aborted`; `storage-unavailable`.
 */
export async function checkWheel(path: string, wheel: NamedVersion, signal?: AbortSignal): Promise<Buffer> {
  return withZip(path, async (zip) => {
    const infos = new DistInfos();
    let unpacked = 0;
    for await (const entry of zip.entries()) {
      signal?.throwIfAborted();
      unpacked += entry.uncompressedSize;
      await checkMember(zip, entry, unpacked);
      infos.meet(entry);
    }
    return zip.read(metadataEntry(infos, wheel), MAX_METADATA_BYTES);
  });
}

async function checkMember(zip: ZipArchive, entry: Entry, unpacked: number): Promise<void> {
  checkUnpackedSize({ size: zip.size, unpacked });
  memberPath(entry.fileName);
  await checkZipLink(zip, entry);
}

function metadataEntry(infos: DistInfos, wheel: NamedVersion): Entry {
  const { folder, members, repeated } = onlyInfo(infos, wheel);
  const missing = NEEDED.filter((member) => !members.has(member));
  const metadata = members.get('METADATA');
  if (missing.length > 0 || metadata === undefined) {
    throw new ProxyError('unprocessable', `The wheel has no ${missing.join(' and no ')} in ${shown(folder)}.dist-info, and nobody can install it. Build it again and upload it again.`);
  }
  if (repeated.size > 0) {
    throw badArchive(`${shown(folder)}.dist-info has ${[...repeated].join(' and ')} more than once`);
  }
  return metadata;
}

function onlyInfo(infos: DistInfos, wheel: NamedVersion): DistInfo {
  const all = infos.all();
  const info = infos.of(wheel);
  if (info === null || all.length > 1) {
    const found = all.length === 0 ? 'none' : all.map(({ folder }) => `${folder}.dist-info`).join(', ');
    throw new ProxyError('unprocessable', `The wheel must have one .dist-info directory, that of ${wheel.name} ${wheel.version}; it has ${shown(found)}. Build it again and upload it again.`);
  }
  return info;
}
