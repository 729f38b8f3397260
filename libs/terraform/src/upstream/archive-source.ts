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
 * The archive of a platform at upstream. Where it is is found out when it is fetched, and once more when it is not there any more: the
 * links of some registries end.
 */
export function archiveSource(options: ArchiveSourceOptions): DownloadSource {
  return {
    name: 'upstream',
    open: async (at, signal) => {
      const url = await locate(options, signal);
      const body = url === null ? null : await openAt(options, { url, at, signal });
      return body === null || body === 'denied' ? openAgain(options, { before: url, denied: body, at, signal }) : body;
    },
  };
}

type At = Parameters<DownloadSource['open']>[0];

async function openAt({ subject: { upstream } }: ArchiveSourceOptions, { url, at, signal }: { readonly url: string; readonly at: At; readonly signal: AbortSignal }): Promise<SourceBody | 'denied' | null> {
  try {
    return await upstreamSource({ upstream: upstream.http, url }).open(at, signal);
  } catch (error) {
    if (!isProxyError(error, 'upstream-denied')) {
      throw error;
    }
    return 'denied';
  }
}

async function openAgain(options: ArchiveSourceOptions, { before, denied, at, signal }: { readonly before: string | null; readonly denied: 'denied' | null; readonly at: At; readonly signal: AbortSignal }): Promise<SourceBody | null> {
  const url = await locate(options, signal, true);
  const body = url === null || url === before ? denied : await openAt(options, { url, at, signal });
  if (body === 'denied') {
    throw new ProxyError('upstream-denied', `${textOf(options)}: upstream refuses to give it to us. Check the credential for the host that its files are at.`);
  }
  return body;
}

/** Null when upstream does not have it any more. @throws ProxyError `upstream-unavailable` too for other bytes than the wanted ones. */
async function locate({ providers, subject, version, platform, sha256, ...options }: ArchiveSourceOptions, signal: AbortSignal, fresh = false): Promise<string | null> {
  const found = await providers.package(subject, { version, platform }, { signal, fresh });
  if (found === null || found.value.sha256 === sha256) {
    return found?.value.archiveUrl ?? null;
  }
  if (!fresh) {
    return locate({ providers, subject, version, platform, sha256, ...options }, signal, true);
  }
  throw new ProxyError('upstream-unavailable', `${textOf({ subject, version, platform })}: upstream now announces other bytes than those that were promised. Run init again.`);
}

function textOf({ subject: { address }, version, platform }: Pick<ArchiveSourceOptions, 'subject' | 'version' | 'platform'>): string {
  return `${providerText(address)} ${version} for ${platformText(platform)}`;
}
