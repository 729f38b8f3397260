import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { UpstreamPackage } from '../documents/upstream-provider.ts';
import type { ProviderArchive } from '../model/provider.ts';
import { archivesInSums, withDescribed, withHeld } from './version-archives.ts';

const OF = { address: { host: 'registry.example.com', namespace: 'acme', type: 'demo' }, version: '1.0.0' };
const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const STEM = 'terraform-provider-demo_1.0.0';
const LINUX = { os: 'linux', arch: 'amd64' };

function filenames(files: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries([...archivesInSums(new Map(Object.entries(files)), OF)].map(([platform, { filename }]) => [platform, filename]));
}

describe('archives in SHA256SUMS', () => {
  it.each([
    ['archives alone', { [`${STEM}_linux_amd64.zip`]: A, [`${STEM}_manifest.json`]: B, [`${STEM}_darwin_arm64.zip.sbom`]: B, 'README.zip': B }, { linux_amd64: `${STEM}_linux_amd64.zip` }],
    ['those of other names', { 'Demo_v1_linux_arm.zip': A }, { linux_arm: 'Demo_v1_linux_arm.zip' }],
    ['the right one of two, first', { [`${STEM}_linux_amd64.zip`]: A, 'tools_linux_amd64.zip': B }, { linux_amd64: `${STEM}_linux_amd64.zip` }],
    ['the right one of two, last', { 'tools_linux_amd64.zip': B, [`${STEM}_linux_amd64.zip`]: A }, { linux_amd64: `${STEM}_linux_amd64.zip` }],
    ['the one of its version', { 'terraform-provider-demo_0.9.0_linux_amd64.zip': B, [`${STEM}_linux_amd64.zip`]: A }, { linux_amd64: `${STEM}_linux_amd64.zip` }],
    ['the one of its type, however it is written', { 'terraform-provider-other_1.0.0_linux_amd64.zip': B, 'terraform-provider-Demo_1.0.0_linux_amd64.zip': A }, { linux_amd64: 'terraform-provider-Demo_1.0.0_linux_amd64.zip' }],
  ])('are %s', (_, files, expected) => {
    expect(filenames(files)).toEqual(expected);
  });

  it('are each once, with the digest of their line', () => {
    const part = fc.stringMatching(/^[a-z][a-z0-9]{0,6}$/);
    const platforms = fc.uniqueArray(fc.record({ os: part, arch: part }), { selector: ({ os, arch }) => `${os}_${arch}`, maxLength: 20 });
    fc.assert(
      fc.property(platforms, (all) => {
        const files = new Map(all.map(({ os, arch }, index) => [`${STEM}_${os}_${arch}.zip`, index.toString(16).padStart(64, '0')]));

        const archives = [...archivesInSums(files, OF).values()];

        expect(archives.map(({ platform }) => platform)).toEqual(all);
        expect(archives.map(({ sha256 }) => sha256)).toEqual([...files.values()]);
      }),
    );
  });
});

describe('what upstream describes', () => {
  const sums = archivesInSums(new Map([[`${STEM}_linux_amd64.zip`, A], [`${STEM}_darwin_arm64.zip`, B]]), OF);
  const found: UpstreamPackage = { platform: LINUX, protocols: [], filename: 'odd.zip', sha256: A, archiveUrl: 'x', sumsUrl: 'x', signatureUrl: 'x', keys: [], all: null };

  it('is called what it is called', () => {
    expect(withDescribed(sums, found).get('linux_amd64')).toEqual({ platform: LINUX, filename: 'odd.zip', sha256: A, size: null, h1: null, h1OfZip: null });
  });

  it.each([
    ['the signed archive', [`zh:${B}`, 'h1:x='], 7, { size: 7, h1: 'h1:x=' }],
    ['the signed archive, without more', [`zh:${B}`], null, { size: null, h1: null }],
    ['another archive', [`zh:${A}`, 'h1:x='], 7, { size: null, h1: null }],
    ['two archives', [`zh:${B}`, `zh:${A}`, 'h1:x='], 7, { size: null, h1: null }],
    ['no archive', ['h1:x='], 7, { size: null, h1: null }],
  ] as const)('of another platform counts where it is %s', (_, hashes, size, expected) => {
    const all = [{ platform: { os: 'darwin', arch: 'arm64' }, hashes, size }, { platform: { os: 'plan9', arch: 'arm' }, hashes, size }];

    const described = withDescribed(sums, { ...found, all });

    expect(described.get('darwin_arm64')).toMatchObject({ sha256: B, ...expected });
    expect(described.has('plan9_arm')).toBe(false);
  });
});

describe('what is held', () => {
  const sums = archivesInSums(new Map([[`${STEM}_linux_amd64.zip`, A]]), OF);

  function held(archive: Partial<ProviderArchive>): Parameters<typeof withHeld>[1][number] {
    const whole = { platform: LINUX, filename: 'x.zip', sha256: A, size: 3, h1: 'h1:x=', h1OfZip: null, ...archive };
    return { document: { version: '1.0.0', protocols: [], keys: [], archive: whole } } as unknown as Parameters<typeof withHeld>[1][number];
  }

  it.each([
    ['the same', {}, []],
    ['other bytes', { sha256: B }, [{ platform: LINUX, stored: B, announced: A }]],
    ['not announced', { platform: { os: 'plan9', arch: 'arm' }, sha256: B }, []],
  ])('is laid over what is announced: %s', (_, archive, pinned) => {
    const one = held(archive);

    const laid = withHeld(sums, [one]);

    expect(laid.pinned).toEqual(pinned);
    expect([...laid.archives.values()]).toContainEqual(one.document.archive);
  });
});
