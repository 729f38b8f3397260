import { DistInfos, type NamedVersion } from './dist-info.ts';
import { withZip } from './zip-archive.ts';

/** The largest METADATA or PKG-INFO that is read, in bytes. */
export const MAX_METADATA_BYTES: number = 16 * 2 ** 20;

/**
 * METADATA of a wheel, byte for byte: of the one `.dist-info` that fits the wheel's name (by canonical name, whatever its spelling).
 * Memory holds no more than that, however large the wheel is.
 * @param wheel its name is normalized.
 * @returns null where no such directory has a METADATA, or several do.
 * @throws ProxyError `invalid` for what is no zip, or whose METADATA is damaged or over {@link MAX_METADATA_BYTES}.
 */
export async function readWheelMetadata(path: string, wheel: NamedVersion): Promise<Buffer | null> {
  return withZip(path, async (zip) => {
    const infos = new DistInfos();
    for await (const entry of zip.entries()) {
      infos.meet(entry);
    }
    const info = infos.of(wheel);
    const entry = info?.members.get('METADATA');
    return info === null || entry === undefined || info.repeated.has('METADATA') ? null : zip.read(entry, MAX_METADATA_BYTES);
  });
}
