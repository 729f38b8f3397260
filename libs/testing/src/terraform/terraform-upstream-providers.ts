import type { ServerResponse } from 'node:http';

import type { ProviderRelease } from './provider-release.ts';
import { type Exchange, sendJson, sendReleaseFile } from './terraform-upstream-bytes.ts';
import type { UpstreamProvider, UpstreamView } from './terraform-upstream-model.ts';

/** Answers `versions` and `download` of `providers.v1`. @returns whether the path is one of them. */
export function sendProvider({ upstream, links }: UpstreamView, path: string, response: ServerResponse): boolean {
  const [, key = '', rest = ''] = /^\/v1\/providers\/([^/]+\/[^/]+)\/(.+)$/.exec(path) ?? [];
  const provider = upstream.providers.get(key);
  if (provider === undefined) {
    return false;
  }
  if (rest === 'versions') {
    sendJson(response, versionsDocument(provider));
    return true;
  }
  const [, version, os, arch] = /^([^/]+)\/download\/([^/]+)\/([^/]+)$/.exec(rest) ?? [];
  const release = provider.releases.find((one) => one.version === version);
  const archive = release?.archives.find(({ platform }) => platform === `${os}_${arch}`);
  if (release === undefined || archive === undefined) {
    return false;
  }
  const base = links === 'relative' ? '../../../../../../../' : `${upstream.filesUrl}/`;
  const at = `${base}downloads/${key}/${release.version}/`;
  sendJson(response, {
    protocols: release.protocols,
    os,
    arch,
    filename: archive.filename,
    download_url: `${at}${archive.filename}`,
    shasums_url: `${at}${release.sums.filename}`,
    shasums_signature_url: `${at}${release.signature?.filename ?? 'none.sig'}`,
    shasum: archive.sha256,
    signing_keys: { gpg_public_keys: provider.keys ?? keysOf(provider, release) },
    ...provider.change,
  });
  return true;
}

/** Sends a file of a release. @returns whether the path is that of one. */
export async function sendDownload({ upstream }: UpstreamView, exchange: Exchange): Promise<boolean> {
  const [, key = '', version, filename] = /^\/downloads\/([^/]+\/[^/]+)\/([^/]+)\/([^/]+)$/.exec(exchange.path) ?? [];
  const release = upstream.providers.get(key)?.releases.find((one) => one.version === version);
  const file = release?.files.find((one) => one.filename === filename);
  if (file !== undefined) {
    await sendReleaseFile(file, exchange);
    return true;
  }
  const [, moduleKey = '', moduleVersion] = /^\/module-archives\/([^/]+\/[^/]+\/[^/]+)\/([^/]+)\/[^/]+$/.exec(exchange.path) ?? [];
  const at = upstream.modules.get(moduleKey)?.versions.find((one) => one.version === moduleVersion)?.at;
  if (at === undefined || !('archive' in at)) {
    return false;
  }
  await sendReleaseFile(at.archive, exchange);
  return true;
}

function versionsDocument(provider: UpstreamProvider): Readonly<Record<string, unknown>> {
  return {
    id: `${provider.namespace}/${provider.type}`,
    versions: provider.releases.map(({ version, protocols, archives }) => ({ version, protocols, platforms: archives.map(({ platform }) => ({ os: platform.split('_')[0], arch: platform.split('_')[1] })) })),
    warnings: provider.warnings ?? null,
  };
}

function keysOf(provider: UpstreamProvider, { key }: ProviderRelease): readonly Readonly<Record<string, string>>[] {
  return key === null ? [] : [{ key_id: key.keyId, ascii_armor: key.publicKey, trust_signature: provider.trustSignature ?? '', source: provider.source ?? '', source_url: '' }];
}
