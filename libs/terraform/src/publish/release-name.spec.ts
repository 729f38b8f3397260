import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isOf, releaseName, sentName, slotOf } from './release-name.ts';

const LINUX = { os: 'linux', arch: 'amd64' };

describe('releaseName', () => {
  it.each([
    ['terraform-provider-demo_1.0.0_linux_amd64.zip', { kind: 'archive', type: 'demo', version: '1.0.0', platform: LINUX }, 'linux_amd64'],
    ['terraform-provider-demo-x_1.0.0-rc.1+b_linux_amd64.zip', { kind: 'archive', type: 'demo-x', version: '1.0.0-rc.1+b', platform: LINUX }, 'linux_amd64'],
    ['terraform-provider-demo_1.0.0_SHA256SUMS', { kind: 'sums', type: 'demo', version: '1.0.0', platform: null }, 'sums'],
    ['terraform-provider-demo_1.0.0_SHA256SUMS.sig', { kind: 'signature', type: 'demo', version: '1.0.0', platform: null }, 'signature'],
    ['terraform-provider-demo_1.0.0_SHA256SUMS.asc', { kind: 'signature', type: 'demo', version: '1.0.0', platform: null }, 'signature'],
    ['terraform-provider-demo_1.0.0_manifest.json', { kind: 'manifest', type: 'demo', version: '1.0.0', platform: null }, 'manifest'],
    ['SHA256SUMS', { kind: 'sums', type: null, version: null, platform: null }, 'sums'],
    ['SHA256SUMS.sig', { kind: 'signature', type: null, version: null, platform: null }, 'signature'],
    ['terraform-registry-manifest.json', { kind: 'manifest', type: null, version: null, platform: null }, 'manifest'],
  ])('%s', (filename, expected, slot) => {
    const name = releaseName(filename, { bare: false });

    expect(name).toEqual({ filename, ...expected });
    expect(name && slotOf(name)).toBe(slot);
  });

  it('takes names without terraform-provider- where that is said', () => {
    expect(releaseName('demo_1.0.0_linux_amd64.zip', { bare: false })).toBeNull();
    expect(releaseName('demo_1.0.0_linux_amd64.zip', { bare: true })).toEqual({ filename: 'demo_1.0.0_linux_amd64.zip', kind: 'archive', type: 'demo', version: '1.0.0', platform: LINUX });
  });
});

it('sentName never takes what could leave a directory or hide on a terminal', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('.', '/', '\\', '\0', '\u001b', '\u202e', 'terraform-provider-demo_1.0.0_', 'SHA256SUMS', 'linux_amd64.zip', 'a'), maxLength: 6 }), fc.boolean(), (filename, bare) => {
      try {
        expect(sentName(filename, { bare }).filename).toMatch(/^[A-Za-z0-9][A-Za-z0-9._+-]*$/);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid' });
        expect((error as Error).message).not.toMatch(/[\0\u001b\u202e]/);
      }
    }),
  );
});

it.each([
  ['terraform-provider-demo_1.0.0_SHA256SUMS', true],
  ['SHA256SUMS', true],
  ['terraform-provider-demo_1.0.1_SHA256SUMS', false],
  ['terraform-provider-other_1.0.0_SHA256SUMS', false],
])('%s is of demo 1.0.0: %s', (filename, expected) => {
  const name = releaseName(filename, { bare: false });

  expect(name && isOf(name, { type: 'demo', version: '1.0.0' })).toBe(expected);
});
