import { describe, expect, it } from 'vitest';

import type { FileClaim } from '../links/file-claim.ts';
import { mirrorIndexDocument, mirrorVersionDocument } from './mirror-documents.ts';

describe('mirrorIndexDocument', () => {
  it('has an empty object for every version', () => {
    const versions = ['1.0.0', '1.10.0', '1.2.0-rc.1+b'].map((version) => ({ version, protocols: [], platforms: [] }));

    expect(JSON.stringify(mirrorIndexDocument({ versions }))).toBe('{"versions":{"1.10.0":{},"1.2.0-rc.1+b":{},"1.0.0":{}}}');
  });
});

describe('mirrorVersionDocument', () => {
  it('has the URL and the hashes of every platform', () => {
    const archives = ['amd64', 'arm64'].map((arch) => {
      const platform = { os: 'linux', arch };
      const archive: FileClaim = { kind: 'provider-archive', package: 'providers/example.com/acme/demo', version: '1.0.0', platform, sha256: '00'.repeat(32), filename: `${arch}.zip` };
      return { platform, archive, size: null, hashes: arch === 'amd64' ? ['zh:00', 'h1:a='] : [] };
    });

    expect(mirrorVersionDocument(archives, ({ filename }) => `../files/t/${filename}`)).toEqual({
      archives: { linux_amd64: { url: '../files/t/amd64.zip', hashes: ['zh:00', 'h1:a='] }, linux_arm64: { url: '../files/t/arm64.zip' } },
    });
  });
});
