import { isProxyError, ProxyError } from '@oci-package-proxy/errors';
import { type DownloadSource, type SourceBody, upstreamSource } from '@oci-package-proxy/upstream';

import { providerText } from '../model/address.ts';
import { platformText } from '../model/provider.ts';
import type { WantedPackage } from './provider-releases.ts';
import type { UpstreamProviders, UpstreamSubject } from './upstream-providers.ts';

/** Which archive is to be fetched, and who knows where it is. */
export interface ArchiveSourceOptions extends WantedPackage {
  readonly providers: Pick<UpstreamProviders, 'package'>;
  readonly subject: UpstreamSubject;
  /** Lower-case hex. */
  readonly sha256: string;
}

/**
 * The archive of a platform at upstream. Where it is is found out when it is fetched, and once more when it is not there, or not for us,
 * any more: the links of some registries end.
 */
export function archiveSource(options: ArchiveSourceOptions): DownloadSource {
  return {
    name: 'upstream',
    open: async (at, signal) => {
      const url = await locate(options, { signal, fresh: false });
      const first = url === null ? null : await openAt(options, url, { at, signal });
      if (first !== null && first !== 'denied') {
        return first;
      }
      const now = await locate(options, { signal, fresh: true });
      const second = now === null || now === url ? first : await openAt(options, now, { at, signal });
      if (second === 'denied') {
        throw new ProxyError('upstream-denied', `${textOf(options)}: upstream refuses to give it to us. Check the credential for the host that its files are at.`);
      }
      return second;
    },
  };
}

async function openAt({ subject: { upstream } }: ArchiveSourceOptions, url: string, { at, signal }: { readonly at: Parameters<DownloadSource['open']>[0]; readonly signal: AbortSignal }): Promise<SourceBody | 'denied' | null> {
  try {
    return await upstreamSource({ upstream: upstream.http, url }).open(at, signal);
  } catch (error) {
    if (!isProxyError(error, 'upstream-denied')) {
      throw error;
    }
    return 'denied';
  }
}

/** Null when upstream does not have it any more. @throws ProxyError `upstream-unavailable` too for other bytes than the wanted ones. */
async function locate(options: ArchiveSourceOptions, call: { readonly signal: AbortSignal; readonly fresh: boolean }): Promise<string | null> {
  const { providers, subject, sha256 } = options;
  const found = await providers.package(subject, options, call);
  if (found === null || found.value.sha256 === sha256) {
    return found?.value.archiveUrl ?? null;
  }
  if (!call.fresh) {
    return locate(options, { ...call, fresh: true });
  }
  throw new ProxyError('upstream-unavailable', `${textOf(options)}: upstream now announces other bytes than those that are wanted. Run init again.`);
}

function textOf({ subject: { address }, version, platform }: ArchiveSourceOptions): string {
  return `${providerText(address)} ${version} for ${platformText(platform)}`;
}
