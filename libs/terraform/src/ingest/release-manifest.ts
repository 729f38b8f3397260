import { createHash } from 'node:crypto';

import { MAX_PROVIDER_MANIFEST_BYTES } from '../archives/archive-limits.ts';
import { parseProviderFilename } from '../archives/provider-filename.ts';
import type { TerraformUpstream } from '../config/hosts.ts';
import type { DescribedPackage } from '../upstream/provider-releases.ts';
import { asUpstreamFailure, isUpstreamFailure } from '../upstream/upstream-failure.ts';

/**
 * `…_manifest.json` of a release, which registries say nothing of: looked for beside SHA256SUMS, which have to name it. Null where there is
 * none, or none that is what they say: nobody needs it to install.
 */
export async function releaseManifest({ documents }: Pick<TerraformUpstream, 'documents'>, { found, release }: Pick<DescribedPackage, 'found' | 'release'>, signal: AbortSignal): Promise<Buffer | null> {
  const [filename, sha256] = [...release.sums.files].find(([name]) => parseProviderFilename(name)?.kind === 'manifest') ?? [];
  const url = filename === undefined ? null : besides(found.sumsUrl, filename);
  if (url === null) {
    return null;
  }
  try {
    const document = await documents.get({ url, accept: 'application/json, */*;q=0.5', signal });
    const isIt = document !== null && document.bytes.length <= MAX_PROVIDER_MANIFEST_BYTES && createHash('sha256').update(document.bytes).digest('hex') === sha256;
    return isIt ? document.bytes : null;
  } catch (error) {
    if (!isUpstreamFailure(asUpstreamFailure(error))) {
      throw error;
    }
    return null;
  }
}

/** Null where SHA256SUMS are not in a place of their own name: what they are beside cannot be guessed then. */
function besides(sumsUrl: string, filename: string): string | null {
  const url = new URL(sumsUrl);
  return url.search === '' && url.pathname.endsWith('SHA256SUMS') ? new URL(encodeURIComponent(filename), url).href : null;
}
