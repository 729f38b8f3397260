import { ProxyError } from '@oci-package-proxy/errors';

import { manifestFilename } from '../archives/provider-filename.ts';
import { parseSums } from '../archives/sha256-sums.ts';
import type { ReleaseFile, ReleaseFiles } from './release-files.ts';
import { isOf, type ReleaseName, releaseName, type ReleaseTarget } from './release-name.ts';
import { shown } from '../archives/archive-failure.ts';
import { listed } from './listed-names.ts';

/** SHA256SUMS of a release that came without: the same for the same files. */
export function madeSums({ archives, manifest }: ReleaseFiles, target: ReleaseTarget): Buffer {
  const lines = archives.map(({ name, sha256 }) => ({ filename: name.filename, sha256 }));
  if (manifest !== null) {
    lines.push({ filename: manifestFilename(target.type, target.version), sha256: manifest.sha256 });
  }
  lines.sort((one, other) => (one.filename < other.filename ? -1 : 1));
  return Buffer.from(lines.map(({ filename, sha256 }) => `${sha256}  ${filename}\n`).join(''), 'utf8');
}

/**
 * Sees that SHA256SUMS is of exactly these archives.
 * @returns what is no error, and worth knowing.
 * @throws ProxyError `unprocessable` for what it does not name, names with another hash, or names and was not sent; for lines that
 * clients cannot read.
 */
export function checkSums(bytes: Buffer, files: ReleaseFiles, target: ReleaseTarget): readonly string[] {
  const sums = parseSums(bytes);
  for (const { name, sha256 } of files.archives) {
    const said = sums.get(name.filename);
    if (said === undefined) {
      throw new ProxyError('unprocessable', `SHA256SUMS has no line for ${shown(name.filename)}, so clients would refuse it. Make SHA256SUMS of all archives, sign it again and publish again.`);
    }
    checkHash(name.filename, said, sha256);
  }
  const named = [...sums.keys()].flatMap((filename) => releaseName(filename, { bare: true }) ?? []);
  const sent = new Set(files.archives.map(({ name }) => name.filename));
  const missing = named.filter((name) => name.kind === 'archive' && isOf(name, target) && !sent.has(name.filename));
  if (missing.length > 0) {
    throw new ProxyError('unprocessable', `SHA256SUMS names archives that were not sent: ${listed(missing.map(({ filename }) => filename))}. A version is published whole: send them too.`);
  }
  const strangers = named.filter((name) => name.kind === 'archive' && !isOf(name, target)).map(({ filename }) => filename);
  const warnings = strangers.length === 0 ? [] : [`SHA256SUMS also names archives of other releases: ${listed(strangers)}.`];
  return [...warnings, ...manifestWarnings(files.manifest, sums, named.filter((name) => name.kind === 'manifest' && isOf(name, target)))];
}

function manifestWarnings(manifest: ReleaseFile | null, sums: ReadonlyMap<string, string>, [named]: readonly ReleaseName[]): readonly string[] {
  if (manifest === null) {
    return named === undefined ? [] : [`SHA256SUMS names ${shown(named.filename)}, which was not sent.`];
  }
  if (named === undefined) {
    return [`${shown(manifest.name.filename)} is not named in SHA256SUMS, so the signature says nothing of it. Other registries refuse such a release.`];
  }
  checkHash(manifest.name.filename, sums.get(named.filename) ?? '', manifest.sha256);
  return [];
}

function checkHash(filename: string, said: string, sha256: string): void {
  if (said.toLowerCase() !== sha256) {
    throw new ProxyError('unprocessable', `${shown(filename)} has the sha256 ${sha256}, and SHA256SUMS says ${shown(said)}: one of the two was changed. Build the release again and publish it whole.`);
  }
}
