import { ProxyError } from '@oci-package-proxy/errors';

import type { PublishRequest } from './publish-request.ts';
import { readTarball, type TarballContent } from './tarball-content.ts';
import { cleanVersion } from './version-name.ts';

/**
 * Sees that a tarball is what its manifest says: clients show the one and run the other.
 * @param limits `unpackedBytes`: the most that it may unpack to.
 * @throws ProxyError `unprocessable`, `too-large`.
 */
export async function checkTarball(
  name: string,
  { version, tarball }: PublishRequest,
  limits: { readonly unpackedBytes: number; readonly signal?: AbortSignal | undefined },
): Promise<TarballContent> {
  const content = await readTarball(tarball.path, limits);
  if (content.manifests.length === 0) {
    throw new ProxyError('unprocessable', 'The tarball has no package/package.json.');
  }
  for (const text of content.manifests) {
    const manifest = parseManifest(text);
    if (manifest['name'] !== name || typeof manifest['version'] !== 'string' || cleanVersion(manifest['version']) !== version) {
      const said = JSON.stringify({ name: manifest['name'], version: manifest['version'] }).slice(0, 300);
      throw new ProxyError('unprocessable', `The package.json in the tarball says ${said}, and ${name} ${version} is being published.`);
    }
  }
  return content;
}

function parseManifest(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    if (typeof value === 'object' && value !== null) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Said below.
  }
  throw new ProxyError('unprocessable', 'The package.json in the tarball is not a JSON object.');
}
