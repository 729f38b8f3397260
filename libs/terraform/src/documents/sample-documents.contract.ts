import fc from 'fast-check';

import type { FileClaim } from '../links/file-claim.ts';
import { type Platform, platformText, type SigningKey } from '../model/provider.ts';
import type { ArchiveHashes, ProviderPackage } from '../read/read-port.ts';
import { versions } from '../versions/sample-versions.contract.ts';

/** Bytes of a JSON document, as upstream would send it. */
export function upstreamDocument(value: unknown, url = 'https://registry.example.com/v1/providers/acme/demo/versions'): { readonly bytes: Buffer; readonly url: string } {
  return { bytes: Buffer.from(JSON.stringify(value)), url };
}

/** What may come from upstream: no JSON, JSON of any shape, and JSON that looks right until one looks into it. @param keys of the objects. */
export function hostileDocuments(keys: readonly string[]): fc.Arbitrary<{ readonly bytes: Buffer; readonly url: string }> {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, '', '1.0.0', 'v1', 'linux', 'linux_amd64', 'zh:00', 'a'.repeat(64), -1, 5.5, '../x', 'http://[', '\ud800', '__proto__'),
      fc.string(),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...keys), fc.string()), tie('value'), { maxKeys: 8 }),
    ),
  }));
  const bytes = fc.oneof(
    value.map((body) => Buffer.from(JSON.stringify(body))),
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array().map((raw) => Buffer.from(raw)),
  );
  return fc.record({ bytes, url: fc.constant('https://registry.example.com/v1/x') });
}

const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'));
const platforms = fc.record<Platform>({ os: fc.constantFrom('linux', 'darwin', 'windows', 'freebsd'), arch: fc.constantFrom('amd64', 'arm64', '386', 'arm') });
const keys = fc.record<SigningKey>({ keyId: fc.string(), asciiArmor: fc.string(), trustSignature: fc.string(), source: fc.string(), sourceUrl: fc.string() });

/** A platform of a provider version, in all states of knowledge. */
export const providerPackages: fc.Arbitrary<ProviderPackage> = fc
  .record({
    version: versions,
    platform: platforms,
    sha256: hex,
    keys: fc.array(keys, { maxLength: 2 }),
    protocols: fc.subarray(['5.0', '5.1', '6.0']),
    all: fc.option(fc.uniqueArray(fc.record({ platform: platforms, sha256: hex, size: fc.option(fc.nat()), h1: fc.option(fc.constant('h1:abc=')) }), { maxLength: 4, selector: ({ platform }) => platformText(platform) })),
    listsItself: fc.boolean(),
  })
  .map(({ version, platform, sha256, keys: signingKeys, protocols, all, listsItself }) => {
    const claim = (kind: FileClaim['kind'], filename: string): FileClaim => ({ kind, package: 'providers/example.com/acme/demo', version, platform, sha256, filename });
    const listed = all?.map((entry): ArchiveHashes => {
      const own = listsItself && platformText(entry.platform) === platformText(platform);
      return { platform: entry.platform, size: entry.size, hashes: [`zh:${own ? sha256 : entry.sha256}`, ...(entry.h1 === null ? [] : [entry.h1])] };
    });
    return {
      version,
      protocols,
      platform,
      archive: claim('provider-archive', `terraform-provider-demo_${version}_${platformText(platform)}.zip`),
      sums: claim('sums', `terraform-provider-demo_${version}_SHA256SUMS`),
      signature: claim('signature', `terraform-provider-demo_${version}_SHA256SUMS.sig`),
      keys: signingKeys,
      all: listed ?? null,
    };
  });
