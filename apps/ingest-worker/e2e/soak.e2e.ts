import { setTimeout as sleep } from 'node:timers/promises';

import { type NpmUpstream, type PackageFile, type PypiUpstream, seededRandom, startNpmUpstream, startPypiUpstream, wheelFile } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { SoakCluster } from './soak-cluster.ts';
import { runLoad, soakPackages, type SoakTarget } from './soak-load.ts';
import { soakNpm } from './soak-npm.ts';
import { soakPypi } from './soak-pypi.ts';
import { readItem, readListing } from './soak-reads.ts';
import { SoakRecord } from './soak-record.ts';
import { soakTerraform } from './soak-terraform.ts';

/** `npm run test:soak` says for how long; in the ordinary run it is short. */
const SECONDS = Number(process.env['SOAK_SECONDS'] ?? 45);
const SEED = Number(process.env['SOAK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const RATE = Number(process.env['SOAK_RATE'] ?? 0.05);
const CLIENTS = Number(process.env['SOAK_CLIENTS'] ?? 8);
const PULLED = 60;
const RESIDENT_MS = 5_000;
/** Nothing is late for who starts now. */
const AT_THE_END = { countedMs: 0, wrongMs: 0 };

describe(`${SECONDS} s of reads and writes on a registry that fails ${RATE * 100} % of requests, seed ${SEED}`, () => {
  const record = new SoakRecord();
  const wheels: readonly PackageFile[] = Array.from({ length: PULLED }, (_, index) => wheelFile({ name: `pulled-${index}`, version: '1.0', padding: 500 * (index + 1) }));
  let upstreams: { readonly npm: NpmUpstream; readonly pypi: PypiUpstream };
  let cluster: SoakCluster;
  let targets: readonly SoakTarget[];

  beforeAll(async () => {
    upstreams = {
      npm: await startNpmUpstream(Array.from({ length: PULLED }, (_, index) => ({ name: `pulled-${index}`, version: '1.0.0', bytes: 1_000 * (index + 1) }))),
      pypi: await startPypiUpstream(wheels.map((file, index) => ({ name: `pulled-${index}`, files: [{ file }] })), { links: 'relative' }),
    };
    cluster = await SoakCluster.start({ seed: SEED, rate: RATE, environment: { NPM_UPSTREAM_URL: upstreams.npm.url, PYPI_UPSTREAM_URL: upstreams.pypi.url } });
    const apps = await Promise.all([...['npm a', 'npm b', 'pypi', 'terraform'].map(async (label) => cluster.startFrontEnd(label.split(' ')[0] ?? '', label, { direct: false })), cluster.startWorker()]);
    const [a = '', b = '', pypi = '', terraform = ''] = apps.map((app) => app?.origin ?? '');
    targets = [
      { ecosystem: soakNpm(upstreams.npm, PULLED), origins: [a, b], packages: soakPackages('soak', 8), weight: 5 },
      { ecosystem: soakPypi(wheels), origins: [pypi], packages: soakPackages('soak', 6), weight: 3 },
      { ecosystem: soakTerraform(), origins: [terraform], packages: soakPackages('soak', 3), weight: 2 },
    ];
  });
  afterAll(async () => {
    process.stdout.write(`\nsoak: seed ${SEED}, ${SECONDS} s, ${CLIENTS} clients\n${record.summary(cluster.proxy.faults, cluster.proxy.requests.length)}\n`);
    await cluster.stop();
    await upstreams.npm.close();
    await upstreams.pypi.close();
  });

  it('serves no wrong byte and no false 404, and says what failed', async () => {
    const stopped = new AbortController();
    const watching = watch(stopped.signal);

    await runLoad({ targets, record, random: seededRandom(SEED + 1), durationMs: SECONDS * 1000, clients: CLIENTS });
    stopped.abort();
    await watching;

    expect(record.violations).toEqual([]);
    expect(record.of('publishes acknowledged')).toBeGreaterThan(SECONDS / 4);
    const failed = [...cluster.proxy.faults.values()].reduce((sum, count) => sum + count, 0);
    expect(failed / cluster.proxy.requests.length).toBeGreaterThan(RATE / 2);
  }, (SECONDS + 300) * 1000);

  it('has every acknowledged write afterwards, for processes that start with nothing', async () => {
    await cluster.stopApps();
    cluster.proxy.plan.rate = 0;

    const origins = new Map(await Promise.all(targets.map(async ({ ecosystem: { name } }) => [name, (await cluster.startFrontEnd(name, `${name} later`, { direct: true })).origin] as const)));
    for (const { ecosystem, packages } of targets) {
      const reading = { ecosystem, origin: origins.get(ecosystem.name) ?? '', record, lateness: AT_THE_END };
      for (const known of packages) {
        await readListing(reading, known);
        for (const item of known.items.values()) {
          await readItem(reading, item);
        }
      }
    }

    expect(record.violations).toEqual([]);
  }, (SECONDS + 300) * 1000);

  it('has nothing missing and nothing wrong, says verify', async () => {
    const { code, stdout, stderr } = await cluster.admin('verify', '--json');

    expect({ code, problems: (JSON.parse(stdout) as { problems: unknown }).problems }, stderr).toEqual({ code: 0, problems: [] });
    record.count('verified: repositories', (JSON.parse(stdout) as { repositories: number }).repositories);
  }, (SECONDS + 1800) * 1000);

  async function watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const [label, app] of cluster.running) {
        record.resident(label, await app.residentBytes());
      }
      await sleep(RESIDENT_MS, undefined, { signal }).catch(() => undefined);
    }
  }
});
