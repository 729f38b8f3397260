import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { archiveFilename, manifestFilename, parseProviderFilename, signatureFilename, sumsFilename } from './provider-filename.ts';

describe('parseProviderFilename', () => {
  it.each([
    ['terraform-provider-demo_1.0.0_linux_amd64.zip', 'demo', '1.0.0', 'linux', 'amd64'],
    ['terraform-provider-google-beta_6.0.0-rc.1_darwin_arm64.zip', 'google-beta', '6.0.0-rc.1', 'darwin', 'arm64'],
    ['terraform-provider-3d-2_1.0.0+build.5_windows_386.zip', '3d-2', '1.0.0+build.5', 'windows', '386'],
    ['terraform-provider-demo_v1.0.0_linux_amd64.zip', 'demo', 'v1.0.0', 'linux', 'amd64'],
    ['terraform-provider-überraschung_1.0.0_linux_amd64.zip', 'überraschung', '1.0.0', 'linux', 'amd64'],
  ])('reads %s', (filename, type, version, os, arch) => {
    expect(parseProviderFilename(filename)).toEqual({ kind: 'archive', type, version, platform: { os, arch } });
  });

  it.each([
    ['terraform-provider-demo_1.0.0_SHA256SUMS', { kind: 'sums', type: 'demo', version: '1.0.0' }],
    ['terraform-provider-demo_1.0.0-rc.1+x_SHA256SUMS.sig', { kind: 'signature', type: 'demo', version: '1.0.0-rc.1+x' }],
    ['terraform-provider-demo_1.0.0_SHA256SUMS.72D7468F.sig', { kind: 'signature', type: 'demo', version: '1.0.0' }],
    ['terraform-provider-demo_1.0.0_SHA256SUMS.34365d9472d7468f.sig', { kind: 'signature', type: 'demo', version: '1.0.0' }],
    ['terraform-provider-demo_1.0.0_SHA256SUMS.asc', { kind: 'signature', type: 'demo', version: '1.0.0' }],
    ['terraform-provider-demo_1.0.0_manifest.json', { kind: 'manifest', type: 'demo', version: '1.0.0' }],
    ['SHA256SUMS', { kind: 'sums', type: null, version: null }],
    ['SHA256SUMS.sig', { kind: 'signature', type: null, version: null }],
    ['SHA256SUMS.72D7468F.sig', { kind: 'signature', type: null, version: null }],
  ])('reads %s', (filename, expected) => {
    expect(parseProviderFilename(filename)).toEqual(expected);
  });

  it.each([
    '',
    'README.md',
    'terraform-provider-demo.zip',
    'terraform-provider-demo_1.0.0.zip',
    'terraform-provider-demo_1.0.0_linux.zip',
    'terraform-provider-demo_1.0.0_linux_amd64.tar.gz',
    'terraform-provider-demo_1.0.0_linux_amd64.zip.sig',
    'terraform-provider-demo_1.0.0_Linux_amd64.zip',
    'terraform-provider-demo_1.0.0_linux_amd64_v1.zip',
    'terraform-provider-_1.0.0_linux_amd64.zip',
    'terraform-provider-de_mo_1.0.0_linux_amd64.zip',
    'dist/terraform-provider-demo_1.0.0_linux_amd64.zip',
    'terraform-provider-demo_1.0.0_linux_amd64.zip\n',
    'terraform-provider-demo_../x_linux_amd64.zip',
    'terraform-provider-demo_1.0.0_SHA256SUMS.txt',
    'terraform-provider-demo_1.0.0_SHA256SUMS.key.sig',
    'sha256sums',
    'SHA256SUMS.md5',
    `terraform-provider-${'x'.repeat(600)}_1.0.0_linux_amd64.zip`,
  ])('is null for %j', (filename) => {
    expect(parseProviderFilename(filename)).toBeNull();
  });

  it('reads back every name that is made', () => {
    const type = fc.stringMatching(/^[a-z0-9]{1,10}(?:-[a-z0-9]{1,10}){0,2}$/);
    const version = fc.stringMatching(/^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?:-[0-9A-Za-z-]{1,5}(?:\.[0-9a-z]{1,3})?)?(?:\+[0-9A-Za-z.-]{1,6})?$/);
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(type, version, part, part, (name, number, os, arch) => {
        expect(parseProviderFilename(archiveFilename(name, number, { os, arch }))).toEqual({ kind: 'archive', type: name, version: number, platform: { os, arch } });
        expect(parseProviderFilename(sumsFilename(name, number))).toEqual({ kind: 'sums', type: name, version: number });
        expect(parseProviderFilename(signatureFilename(name, number))).toEqual({ kind: 'signature', type: name, version: number });
        expect(parseProviderFilename(manifestFilename(name, number))).toEqual({ kind: 'manifest', type: name, version: number });
      }),
    );
  });
});
