import { ProxyError } from '@oci-package-proxy/errors';

import { parseFilename, type SourceDistribution, type WheelDistribution } from '../names/filename.ts';
import { canonicalVersion } from '../names/version.ts';
import { shown } from './archive/archive-failure.ts';

// What every file system can hold.
const MAX_BYTES = 255;
const EXTENSIONS = ['.whl', '.tar.gz', '.zip'];

/**
 * Sees that a name can be that of a file of an index, before the file itself is read.
 * @throws ProxyError `invalid`.
 */
export function checkFilename(filename: string): void {
  const told = shown(JSON.stringify(filename));
  if (filename === '' || filename.startsWith('.') || /[/\\]/.test(filename) || /\p{C}/u.test(filename) || Buffer.byteLength(filename, 'utf8') > MAX_BYTES) {
    throw new ProxyError('invalid', `${told} cannot be the name of a file: it must have at most ${MAX_BYTES} bytes, no slashes, backslashes or control characters, and not begin with a period.`);
  }
  if (!EXTENSIONS.some((extension) => filename.endsWith(extension))) {
    throw new ProxyError('invalid', `${told} is of no kind that can be uploaded: wheels end in .whl, and source distributions in .tar.gz or .zip. Eggs and installers are no longer taken; build a wheel.`);
  }
}

/**
 * What a filename says, where it agrees with what else was sent.
 * @param said `name` is normalized.
 * @throws ProxyError `invalid` when it says nothing, or something else.
 */
export function agreedDistribution(filename: string, said: { readonly name: string; readonly version: string; readonly filetype: string | null }): WheelDistribution | SourceDistribution {
  checkFilename(filename);
  const isWheel = filename.endsWith('.whl');
  checkFiletype(filename, said.filetype, isWheel ? 'bdist_wheel' : 'sdist');
  const distribution = parseFilename(filename, said.name);
  if (distribution === null || distribution.kind !== (isWheel ? 'wheel' : 'sdist')) {
    const form = isWheel ? '<name>-<version>-<python>-<abi>-<platform>.whl' : '<name>-<version>.tar.gz';
    throw new ProxyError('invalid', `${shown(filename)} is not named as ${isWheel ? 'a wheel' : 'a source distribution'} is: ${form}. Build it again with a current build tool.`);
  }
  if (distribution.name !== said.name) {
    throw new ProxyError('invalid', `${shown(filename)} is named as a file of ${distribution.name}, and is uploaded to ${said.name}.`);
  }
  if (canonicalVersion(distribution.version) !== canonicalVersion(said.version)) {
    throw new ProxyError('invalid', `${shown(filename)} is named as a file of version ${shown(distribution.version)}, and is uploaded as ${said.version}.`);
  }
  return distribution as WheelDistribution | SourceDistribution;
}

function checkFiletype(filename: string, said: string | null, expected: 'bdist_wheel' | 'sdist'): void {
  if (said !== null && said !== 'bdist_wheel' && said !== 'sdist') {
    throw new ProxyError('invalid', `Files of the type ${shown(said)} are no longer taken: upload wheels (bdist_wheel) and source distributions (sdist).`);
  }
  if (said !== null && said !== expected) {
    throw new ProxyError('invalid', `${shown(filename)} is named as a file of the type ${expected}, and is uploaded as ${said}.`);
  }
}
