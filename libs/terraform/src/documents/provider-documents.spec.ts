import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { platformText } from '../model/provider.ts';
import type { ArchiveHashes, ProviderPackage } from '../read/read-port.ts';
import { lockHashes, mirrorHashes } from './archive-hashes.ts';
import { providerPackageDocument, providerVersionsDocument } from './provider-documents.ts';
import { providerPackages } from './sample-documents.contract.ts';

const SHA256 = 'ab'.repeat(32);
const OTHER = 'cd'.repeat(32);
const LINUX = { os: 'linux', arch: 'amd64' };
const DARWIN = { os: 'darwin', arch: 'arm64' };

function samplePackage(all: readonly ArchiveHashes[] | null): ProviderPackage {
  const claim = { package: 'providers/example.com/acme/demo', version: '1.0.0', platform: LINUX, sha256: SHA256 };
  return {
    version: '1.0.0',
    protocols: ['5.0', '6.0'],
    platform: LINUX,
    archive: { ...claim, kind: 'provider-archive', filename: 'demo.zip' },
    sums: { ...claim, kind: 'sums', filename: 'SHA256SUMS' },
    signature: { ...claim, kind: 'signature', filename: 'SHA256SUMS.sig' },
    keys: [{ keyId: '51852D87348FFC4C', asciiArmor: 'armor', trustSignature: 'trust', source: 'Acme', sourceUrl: 'https://acme.example.com' }],
    all,
  };
}

describe('providerVersionsDocument', () => {
  it('lists the newest version first', () => {
    const platforms = [{ ...LINUX, extra: 1 }];

    const document = providerVersionsDocument({ versions: ['1.0.0', '2.0.0-rc.1', '1.10.0'].map((version) => ({ version, protocols: ['5.0'], platforms })), warnings: [] });

    expect(document).toEqual({ versions: ['2.0.0-rc.1', '1.10.0', '1.0.0'].map((version) => ({ version, protocols: ['5.0'], platforms: [LINUX] })) });
  });

  it('warns where there is something to warn of', () => {
    expect(providerVersionsDocument({ versions: [], warnings: ['Version 1.0.0 was\nyanked.'] })).toEqual({ versions: [], warnings: ['Version 1.0.0 was yanked.'] });
  });
});

describe('providerPackageDocument', () => {
  it('says all that clients check', () => {
    const all = [
      { platform: LINUX, hashes: [`zh:${SHA256}`, 'h1:abc='], size: 12 },
      { platform: DARWIN, hashes: [`zh:${OTHER}`], size: null },
    ];

    expect(providerPackageDocument(samplePackage(all), ({ kind }) => `../files/${kind}`)).toEqual({
      protocols: ['5.0', '6.0'],
      os: 'linux',
      arch: 'amd64',
      filename: 'demo.zip',
      download_url: '../files/provider-archive',
      shasums_url: '../files/sums',
      shasums_signature_url: '../files/signature',
      shasum: SHA256,
      signing_keys: { gpg_public_keys: [{ key_id: '51852D87348FFC4C', ascii_armor: 'armor', trust_signature: 'trust', source: 'Acme', source_url: 'https://acme.example.com' }] },
      packages: { linux_amd64: { hashes: [`zh:${SHA256}`, 'h1:abc='], package_size: 12 }, darwin_arm64: { hashes: [`zh:${OTHER}`] } },
    });
  });

  it.each([
    ['nothing is known', null],
    ['nothing is listed', []],
    ['its own platform is missing', [{ platform: DARWIN, hashes: [`zh:${SHA256}`], size: 12 }]],
    ['its own size is not known', [{ platform: LINUX, hashes: [`zh:${SHA256}`], size: null }]],
    ['its own size is 0', [{ platform: LINUX, hashes: [`zh:${SHA256}`], size: 0 }]],
    ['its own hash is missing', [{ platform: LINUX, hashes: ['h1:abc='], size: 12 }]],
    ['its own hash is another', [{ platform: LINUX, hashes: [`zh:${OTHER}`], size: 12 }]],
    ['another hash is there too', [{ platform: LINUX, hashes: [`zh:${SHA256}`, `zh:${OTHER}`], size: 12 }]],
  ])('leaves out `packages`, which OpenTofu would fail on, where %s', (_, all) => {
    expect(providerPackageDocument(samplePackage(all), () => './x')).not.toHaveProperty('packages');
  });

  it('is never one that OpenTofu refuses', () => {
    fc.assert(
      fc.property(providerPackages, (found) => {
        const document = JSON.parse(JSON.stringify(providerPackageDocument(found, ({ filename }) => `./${filename}`))) as Document;

        expect([document.os, document.arch]).toEqual([found.platform.os, found.platform.arch]);
        expect(document.shasum).toMatch(/^[0-9a-f]{64}$/);
        expect(document.filename).toBe(found.archive.filename);
        if (document.packages !== undefined) {
          const own = document.packages[platformText(found.platform)];

          expect(own?.package_size).toBeGreaterThan(0);
          expect(own?.hashes.filter((hash) => hash.startsWith('zh:'))).toEqual([`zh:${document.shasum}`]);
          expect(Object.keys(document.packages).every((platform) => platform.split('_').length === 2)).toBe(true);
        }
      }),
    );
  });

  it('fails rather than name an archive that nobody can check', () => {
    const found = samplePackage(null);

    expect(() => providerPackageDocument({ ...found, archive: { ...found.archive, sha256: null } }, () => './x')).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});

describe('hashes', () => {
  it.each([
    [{ sha256: SHA256, h1: null, h1OfZip: null }, [`zh:${SHA256}`], [`zh:${SHA256}`]],
    [{ sha256: SHA256, h1: 'h1:a=', h1OfZip: 'h1:a=' }, [`zh:${SHA256}`, 'h1:a='], [`zh:${SHA256}`, 'h1:a=']],
    [{ sha256: SHA256, h1: 'h1:a=', h1OfZip: 'h1:b=' }, [`zh:${SHA256}`, 'h1:a='], [`zh:${SHA256}`, 'h1:b=', 'h1:a=']],
  ])('of %j', (archive, lock, mirror) => {
    expect(lockHashes(archive)).toEqual(lock);
    expect(mirrorHashes(archive)).toEqual(mirror);
  });
});

interface Document {
  readonly os: string;
  readonly arch: string;
  readonly filename: string;
  readonly shasum: string;
  readonly packages?: Readonly<Record<string, { readonly hashes: readonly string[]; readonly package_size?: number }>>;
}
