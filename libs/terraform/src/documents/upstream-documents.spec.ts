import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { canonicalVersion } from '../versions/version.ts';
import { providerPackageDocument } from './provider-documents.ts';
import { hostileDocuments, providerPackages, upstreamDocument } from './sample-documents.contract.ts';
import { decodeDiscovery } from './upstream-discovery.ts';
import { decodeModuleVersions } from './upstream-module.ts';
import { decodeProviderPackage, decodeProviderVersions } from './upstream-provider.ts';

const SHA256 = 'ab'.repeat(32);
const URL_OF_PACKAGE = 'https://registry.example.com/v1/providers/acme/demo/1.0.0/download/linux/amd64';
const PACKAGE = {
  protocols: ['5.0'],
  os: 'linux',
  arch: 'amd64',
  filename: 'terraform-provider-demo_1.0.0_linux_amd64.zip',
  download_url: 'https://releases.example.com/demo.zip?token=a',
  shasum: SHA256.toUpperCase(),
  shasums_url: '../../../../SHA256SUMS',
  shasums_signature_url: '/SHA256SUMS.sig',
  signing_keys: { gpg_public_keys: [{ key_id: '34365D9472D7468F', ascii_armor: '-----BEGIN', trust_signature: 'trust', source: 'Acme', source_url: 'https://acme.example.com' }] },
};

describe('decodeDiscovery', () => {
  it.each([
    [{ 'providers.v1': '/v1/providers/', 'modules.v1': '/v1/modules/', 'login.v1': {} }, 'https://example.com/v1/providers/', 'https://example.com/v1/modules/'],
    [{ 'providers.v1': 'https://cdn.example.net/providers' }, 'https://cdn.example.net/providers/', null],
    [{ 'modules.v1': 'http://plain.example.com:8080/m/?x=y#z' }, null, 'http://plain.example.com:8080/m/'],
    [{ 'providers.v1': 'ftp://example.com/', 'modules.v1': ['/v1/'] }, null, null],
    [{ 'providers.v1': '', 'modules.v1': 'http://[' }, null, null],
    [{ 'providers.v2': '/v2/' }, null, null],
    [[], null, null],
    [null, null, null],
  ])('of %j', (body, providers, modules) => {
    expect(decodeDiscovery(upstreamDocument(body, 'https://example.com/.well-known/terraform.json'))).toEqual({ providers, modules });
  });
});

describe('decodeProviderVersions', () => {
  it('takes what clients can take', () => {
    const document = upstreamDocument({
      id: 'acme/demo',
      versions: [
        { version: '1.0.0', protocols: ['4.0', '5.0', 'six', 7], platforms: [{ os: 'linux', arch: 'amd64' }, { os: 'linux', arch: 'amd64' }, { os: 'Windows NT', arch: 'amd64' }, null] },
        { version: '1.0' },
        { version: '2' },
        { version: 'v3.0.0' },
        { version: 'latest' },
        { version: 4 },
        'x',
      ],
      warnings: ['Use\nother', 5],
    });

    expect(decodeProviderVersions(document)).toEqual({
      versions: [
        { version: '1.0.0', protocols: ['4.0', '5.0'], platforms: [{ os: 'linux', arch: 'amd64' }] },
        { version: '2.0.0', protocols: [], platforms: [] },
      ],
      warnings: ['Use other'],
    });
  });

  it.each([[{ versions: null, warnings: null }], [{ versions: [] }]])('takes an empty list: %j', (body) => {
    expect(decodeProviderVersions(upstreamDocument(body))).toEqual({ versions: [], warnings: [] });
  });

  it.each([[{}], [{ versions: {} }], [{ errors: ['Not Found'] }], ['text'], [[]], [null]])('is null for %j', (body) => {
    expect(decodeProviderVersions(upstreamDocument(body))).toBeNull();
  });

  it('passes over a byte order mark', () => {
    expect(decodeProviderVersions({ bytes: Buffer.from('\ufeff{"versions":[]}') })).toEqual({ versions: [], warnings: [] });
  });

  it('has an end', () => {
    const versions = Array.from({ length: 30_000 }, (_, index) => ({ version: `1.0.${index}`, protocols: Array.from({ length: 100 }, () => '5.0') }));

    const decoded = decodeProviderVersions(upstreamDocument({ versions }));

    expect(decoded?.versions).toHaveLength(20_000);
    expect(decoded?.versions[0]?.protocols.length).toBeLessThanOrEqual(20);
  });
});

describe('decodeProviderPackage', () => {
  it('resolves the URLs and keeps the keys as they are', () => {
    expect(decodeProviderPackage(upstreamDocument(PACKAGE, URL_OF_PACKAGE))).toEqual({
      platform: { os: 'linux', arch: 'amd64' },
      protocols: ['5.0'],
      filename: 'terraform-provider-demo_1.0.0_linux_amd64.zip',
      sha256: SHA256,
      archiveUrl: 'https://releases.example.com/demo.zip?token=a',
      sumsUrl: 'https://registry.example.com/v1/providers/acme/SHA256SUMS',
      signatureUrl: 'https://registry.example.com/SHA256SUMS.sig',
      keys: [{ keyId: '34365D9472D7468F', asciiArmor: '-----BEGIN', trustSignature: 'trust', source: 'Acme', sourceUrl: 'https://acme.example.com' }],
      all: null,
    });
  });

  it('keeps what upstream says of all platforms', () => {
    const packages = {
      linux_amd64: { hashes: [`zh:${SHA256}`, 'h1:abc=', 'h2:new', 'nonsense', ' x', 5], package_size: 12 },
      darwin_arm64: { hashes: null, package_size: -1 },
      linux_amd64_v2: { hashes: ['zh:00'] },
      Windows: {},
      'a b_c': {},
    };

    expect(decodeProviderPackage(upstreamDocument({ ...PACKAGE, packages }, URL_OF_PACKAGE))?.all).toEqual([
      { platform: { os: 'linux', arch: 'amd64' }, hashes: [`zh:${SHA256}`, 'h1:abc=', 'h2:new'], size: 12 },
      { platform: { os: 'darwin', arch: 'arm64' }, hashes: [], size: null },
    ]);
  });

  it.each([[undefined], [null], [{}], [{ gpg_public_keys: null }], [{ gpg_public_keys: [] }], ['keys']])('takes one without keys: %j', (signing_keys) => {
    expect(decodeProviderPackage(upstreamDocument({ ...PACKAGE, signing_keys }, URL_OF_PACKAGE))?.keys).toEqual([]);
  });

  it('does not hand on the user that its own URL names', () => {
    const decoded = decodeProviderPackage(upstreamDocument(PACKAGE, URL_OF_PACKAGE.replace('https://', 'https://user:secret@')));

    expect(JSON.stringify(decoded)).not.toContain('secret');
  });

  it.each([
    [{ os: '' }],
    [{ os: 'linux_x' }],
    [{ arch: 64 }],
    [{ filename: '' }],
    [{ filename: '..' }],
    [{ filename: '../demo.zip' }],
    [{ filename: 'my demo.zip' }],
    [{ filename: 'demo\u0000.zip' }],
    [{ shasum: 'ab' }],
    [{ shasum: `${'zz'.repeat(32)}` }],
    [{ shasum: null }],
    [{ download_url: '' }],
    [{ download_url: 'git::https://example.com/x' }],
    [{ shasums_url: null }],
    [{ shasums_signature_url: 'file:///etc/passwd' }],
  ])('is null with %j', (part) => {
    expect(decodeProviderPackage(upstreamDocument({ ...PACKAGE, ...part }, URL_OF_PACKAGE))).toBeNull();
  });

  it('reads what is written here', () => {
    fc.assert(
      fc.property(providerPackages, (found) => {
        const decoded = decodeProviderPackage(upstreamDocument(providerPackageDocument(found, ({ kind }) => `./${kind}`), URL_OF_PACKAGE));

        expect(decoded).toMatchObject({ platform: found.platform, protocols: found.protocols, filename: found.archive.filename, sha256: found.archive.sha256, keys: found.keys });
        expect(decoded?.all === null || JSON.stringify(decoded?.all) === JSON.stringify(found.all?.map(({ platform, hashes, size }) => ({ platform, hashes, size: size === 0 ? null : size })))).toBe(true);
      }),
    );
  });
});

describe('decodeModuleVersions', () => {
  it.each([
    [{ modules: [{ source: 'a/b/c', versions: [{ version: '1.0.0' }, { version: 'v1.1' }, { version: '1.0' }, { version: 'main' }, {}, null] }] }, ['1.0.0', '1.1.0']],
    [{ modules: [{ versions: [] }] }, []],
    [{ modules: [{}] }, []],
    [{ modules: [] }, null],
    [{ modules: {} }, null],
    [{ versions: [{ version: '1.0.0' }] }, null],
    [null, null],
  ])('of %j is %j', (body, expected) => {
    expect(decodeModuleVersions(upstreamDocument(body))).toEqual(expected);
  });
});

describe('whatever upstream sends', () => {
  const keys = ['versions', 'version', 'modules', 'protocols', 'platforms', 'os', 'arch', 'warnings', 'filename', 'shasum', 'download_url', 'shasums_url', 'shasums_signature_url', 'signing_keys', 'gpg_public_keys', 'packages', 'hashes', 'package_size', 'providers.v1', 'modules.v1', '__proto__', 'linux_amd64'];

  it('is read without failing, and what comes out is sound', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(hostileDocuments(keys), (document) => {
        const { providers, modules } = decodeDiscovery(document);

        expect([providers, modules].every((base) => base === null || /^https?:\/\/.*\/$/.test(base))).toBe(true);
        expect(decodeProviderVersions(document)?.versions.every(({ version }) => canonicalVersion(version) === version) ?? true).toBe(true);
        expect(decodeModuleVersions(document)?.every((version) => canonicalVersion(version) === version) ?? true).toBe(true);
        expect(/^[0-9a-f]{64}$/.test(decodeProviderPackage(document)?.sha256 ?? SHA256)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('is read in no time', () => {
    const deep = Buffer.from(`{"versions":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    const started = performance.now();

    decodeProviderVersions({ bytes: deep });
    decodeModuleVersions({ bytes: deep });

    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
