import { readdir, rm } from 'node:fs/promises';

import { temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, describe, expect, it } from 'vitest';

import { upstreamSetting, type UpstreamSetting } from './upstream-setting.ts';

const directories: string[] = [];

afterEach(async () => {
  for (const directory of directories.splice(0)) {
    await rm(directory, { recursive: true, force: true });
  }
});

async function setting(change: { standalone?: boolean; admin?: boolean; given?: string; fallback?: UpstreamSetting['fallback']; dataDir?: string }): Promise<{ url: string | null; kept: string[]; dataDir: string }> {
  const dataDir = change.dataDir ?? (await temporaryDirectory('upstream-setting'));
  directories.push(dataDir);
  const config = { standalone: change.standalone ?? false, admin: change.admin ?? false, dataDir, publicUrl: null, host: '127.0.0.1', port: 8080, tls: null };
  const url = await upstreamSetting({ config, variable: 'ACME_UPSTREAM_URL', given: change.given, what: 'the registry of acme', fallback: change.fallback ?? (async () => Promise.resolve('https://index.example.com')) });
  return { url, kept: await readdir(dataDir), dataDir };
}

describe('upstreamSetting', () => {
  it('takes what is given, and off for none', async () => {
    expect((await setting({ given: 'https://other.example.com' })).url).toBe('https://other.example.com');
    expect((await setting({ given: 'off', standalone: true })).url).toBeNull();
  });

  it('has to be told where nothing can be found out', async () => {
    await expect(setting({})).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('ACME_UPSTREAM_URL') as string });
  });

  it('keeps what the standalone app found at its first start', async () => {
    const first = await setting({ standalone: true });
    const again = await setting({ standalone: true, dataDir: first.dataDir, fallback: async () => Promise.resolve('https://changed.example.com') });

    expect(first).toMatchObject({ url: 'https://index.example.com', kept: ['acme-upstream-url'] });
    expect(again.url).toBe('https://index.example.com');
  });

  it('keeps nothing while the machine knows of none, and nothing for a command', async () => {
    expect(await setting({ standalone: true, fallback: async () => Promise.resolve(null) })).toMatchObject({ url: null, kept: [] });
    expect(await setting({ admin: true })).toMatchObject({ url: null, kept: [] });
  });

  it('neither takes nor keeps an address of this very process', async () => {
    await expect(setting({ standalone: true, fallback: async () => Promise.resolve('http://localhost:8080/acme') })).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('ACME_UPSTREAM_URL') as string });

    expect(await readdir(directories[0] ?? '')).toEqual([]);
  });

  it('does not hide what the fallback fails with', async () => {
    await expect(setting({ standalone: true, fallback: async () => Promise.reject(new Error('broken')) })).rejects.toThrow('broken');
  });
});
