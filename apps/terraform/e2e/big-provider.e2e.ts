import { readdir, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { bigArchive, type ProviderRelease, providerRelease, rootModule, signingKey, startTerraformUpstream, temporaryDirectory, type TerraformUpstream, type TestKey } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { lockedProviders } from './lock-file.ts';
import { OWN_PLATFORM } from './own-platform.ts';
import { UPSTREAM_HOST, upstreamConfigFile } from './terraform-config-file.ts';
import { programPath } from './terraform-programs.ts';
import { startTerraformStandalone, type TerraformStandalone } from './terraform-standalone.ts';

const MIB = 2 ** 20;
/** What a file of any size may cost more than a small one. */
const GROWTH = 64 * MIB;

interface Measured {
  /** Peak resident bytes, and time in ms. */
  readonly peak: number;
  readonly ms: number;
}

describe('a provider of 700 MB', () => {
  let directory: string;
  let upstream: TerraformUpstream;
  let proxy: TerraformStandalone;
  let key: TestKey;
  const made = new Map<string, ProviderRelease>();

  beforeAll(async () => {
    directory = await temporaryDirectory('terraform-big');
    upstream = await startTerraformUpstream();
    key = await signingKey();
    proxy = await startTerraformStandalone({ CONFIG_FILE: await upstreamConfigFile(directory, upstream) });
    expect((await proxy.addKey('acme', key.publicKey)).status).toBe(201);
  });
  afterAll(async () => {
    await proxy?.stop();
    await upstream?.close();
    await rm(directory, { recursive: true, force: true });
  });

  /** Made once: its digests cost seconds. */
  async function releaseOf(type: string, bytes: number): Promise<ProviderRelease> {
    const release = made.get(type) ?? (await providerRelease({ type, version: '1.0.0', key, archives: [bigArchive({ type, version: '1.0.0', platform: OWN_PLATFORM, bytes })] }));
    made.set(type, release);
    return release;
  }

  it('goes up and comes down with the memory of a small one, and leaves no temporary file', async () => {
    const [small, big] = [await releaseOf('small', 50 * MIB), await releaseOf('big', 700_000_000)];

    const measured: Record<string, Measured> = {};
    for (const release of [small, big]) {
      measured[`${release.type} up`] = await watched(async () => {
        const answer = await proxy.publishProvider(`acme/${release.type}/1.0.0`, release.files);
        expect(answer.status, answer.text).toBe(201);
      });
      measured[`${release.type} down`] = await watched(async () => downloaded(release, 'providers/v1'));
    }

    report(measured);
    for (const way of ['up', 'down']) {
      expect((measured[`big ${way}`]?.peak ?? Infinity) - (measured[`small ${way}`]?.peak ?? 0)).toBeLessThan(GROWTH);
    }
    expect(await leftFiles()).toEqual([]);
  });

  it('comes through us cold with the memory of a small one', async () => {
    const [small, big] = [await releaseOf('small', 50 * MIB), await releaseOf('big', 700_000_000)];
    upstream.put({ namespace: 'acme', type: 'small', releases: [small] });
    upstream.put({ namespace: 'acme', type: 'big', releases: [big] });

    const measured: Record<string, Measured> = {};
    for (const release of [small, big]) {
      measured[`${release.type} cold`] = await watched(async () => {
        await downloaded(release, `upstream/${UPSTREAM_HOST}/providers/v1`);
        await ingested(release);
      });
    }

    report(measured);
    expect((measured['big cold']?.peak ?? Infinity) - (measured['small cold']?.peak ?? 0)).toBeLessThan(GROWTH);
    expect(upstream.requests.filter((path) => path.endsWith('.zip'))).toHaveLength(2);
    expect(await leftFiles()).toEqual([]);
  });

  it('is installed by terraform, with the hash that was announced', async () => {
    const client = await proxy.client('big', programPath('terraform'));
    const source = `${proxy.host}/acme/big`;
    const cwd = await client.project('big', { 'main.tf': rootModule({ providers: { big: { source } } }) });

    const result = await client.run(['init', '-no-color'], { cwd });

    expect(result.code, result.output).toBe(0);
    expect(lockedProviders(await client.lock(cwd))[source]?.hashes).toContain((await releaseOf('big', 700_000_000)).archives[0]?.h1);
  });

  async function downloaded(release: ProviderRelease, base: string): Promise<void> {
    const url = `${proxy.origin}/terraform/${base}/acme/${release.type}/1.0.0/download/${OWN_PLATFORM.replace('_', '/')}`;
    const document = (await (await fetch(url)).json()) as { download_url: string };
    const hash = createHash('sha256');
    for await (const chunk of (await fetch(new URL(document.download_url, url))).body ?? []) {
      hash.update(chunk as Uint8Array);
    }
    expect(hash.digest('hex')).toBe(release.archives[0]?.sha256);
  }

  /** Waits until the archive is in storage, whose hash of the files is known then. */
  async function ingested(release: ProviderRelease): Promise<void> {
    const url = `${proxy.origin}/terraform/mirror/${UPSTREAM_HOST}/acme/${release.type}/1.0.0.json`;
    const deadline = Date.now() + 120_000;
    while (!(await (await fetch(url)).text()).includes(release.archives[0]?.h1 ?? '?')) {
      expect(Date.now(), 'the archive is stored').toBeLessThan(deadline);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async function leftFiles(): Promise<readonly string[]> {
    const left = await readdir(join(proxy.directory, 'data/uploads'), { recursive: true, withFileTypes: true });
    return left.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  async function watched(work: () => Promise<void>): Promise<Measured> {
    let peak = 0;
    const timer = setInterval(() => void proxy.app.residentBytes().then((now) => (peak = Math.max(peak, now)), () => undefined), 50);
    const started = performance.now();
    await work().finally(() => clearInterval(timer));
    return { peak, ms: performance.now() - started };
  }
});

function report(measured: Readonly<Record<string, Measured>>): void {
  const lines = Object.entries(measured).map(([what, { peak, ms }]) => `  ${what.padEnd(12)} ${(ms / 1000).toFixed(1).padStart(6)} s, peak RSS ${Math.round(peak / MIB)} MiB`);
  process.stdout.write(`\n700 MB provider (small: 50 MiB)\n${lines.join('\n')}\n`);
}
