import { rm } from 'node:fs/promises';

import { createAccess } from '@oci-package-proxy/access';
import { InProcessChangeBus, InProcessHolders } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { createHttpApp, createLogger, type Ecosystem, listenHttp, loadConfig, Metrics, type Runtime } from '@oci-package-proxy/platform';
import { Ledger } from '@oci-package-proxy/storage';
import { type PypiUpstream, startPypiUpstream, temporaryDirectory, wheelFile } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { PYPI_SECTION } from './config/pypi-section.ts';
import { pypi } from './pypi.ecosystem.ts';

let directory: string;
let upstream: PypiUpstream;
let ends: (() => Promise<unknown> | void)[];
let asked: string[];

beforeEach(async () => {
  directory = await temporaryDirectory('pypi-ecosystem');
  upstream = await startPypiUpstream([{ name: 'tool', files: [{ file: wheelFile({ name: 'tool', version: '1.0' }) }] }]);
  asked = [];
  ends = [() => rm(directory, { recursive: true, force: true }), () => upstream.close()];
});

afterEach(async () => {
  for (const end of ends.reverse()) {
    await end();
  }
});

async function runtime(standalone: boolean): Promise<Runtime> {
  const config = await loadConfig({
    app: { name: 'spec', port: 0, metricsPort: 0, basePath: '/' },
    standalone,
    env: { DATA_DIR: directory, STORAGE_URL: `layout:${directory}/oci`, QUEUE_URL: 'redis://127.0.0.1:1', SECRET_KEY: 'k'.repeat(32), ADMIN_TOKEN: 'a'.repeat(32) },
  });
  const registry = new MemoryRegistry();
  const ledger = new Ledger({ registry });
  const { access, tokens, close } = await createAccess({ usersFile: null, adminToken: config.adminToken, anonymousRead: true, rules: null, ledger });
  const downloads = new SharedDownloads({ directory: `${directory}/spool`, maxBytes: 2 ** 20 });
  const holders = new InProcessHolders();
  const logger = createLogger({ name: 'spec', level: 'fatal' });
  ends.push(close, () => downloads.close(), () => holders.close());
  return {
    config,
    logger,
    metrics: new Metrics(),
    registry,
    ledger,
    access,
    tokens,
    downloads,
    queue: { enqueue: async () => Promise.resolve() },
    holders,
    bus: new InProcessChangeBus(logger),
    upstreamAt: (url) => {
      asked.push(url);
      const client = new UpstreamClient({ instanceId: 'spec', allowedOrigins: [url] });
      ends.push(() => client.close());
      return { upstream: client, documents: new DocumentCache({ upstream: client }) };
    },
  };
}

async function create(values: Record<string, string | undefined>, how: { readonly standalone?: boolean; readonly section?: unknown } = {}): Promise<{ ecosystem: Ecosystem; runtime: Runtime }> {
  const made = await runtime(how.standalone ?? false);
  return { runtime: made, ecosystem: await pypi.create({ runtime: made, prefix: '/pypi', root: '', values, section: PYPI_SECTION.parse(how.section) }) };
}

it('serves the indexes of the configuration, and counts what is read', async () => {
  const { ecosystem, runtime: made } = await create({ PYPI_UPSTREAM_URL: upstream.url }, { section: { indexes: { internal: { upstreams: [] } } } });
  const app = await createHttpApp(ecosystem.module, { config: { basePath: '', instanceId: 'spec' }, logger: made.logger, mounts: ecosystem.mounts });
  ends.push(() => app.close());
  const { url } = await listenHttp(app, { host: '127.0.0.1', port: 0 });

  const statuses = await Promise.all(['/pypi/simple/tool/', '/pypi/internal/simple/tool/', '/api/v1/pypi/projects/other'].map(async (path) => (await fetch(`${url}${path}`)).status));

  expect(statuses).toEqual([200, 404, 404]);
  expect(asked).toEqual([upstream.url]);
  expect(await made.metrics.cacheRequests.get()).toMatchObject({ values: [{ value: 1, labels: { ecosystem: 'pypi', kind: 'metadata', result: 'hit' } }] });
  expect(ecosystem.hints('https://packages.example.com', null)).toContain('export UV_DEFAULT_INDEX=https://packages.example.com/pypi/simple/');
  expect(ecosystem.commands?.length).toBeGreaterThan(0);
});

it('asks nobody where it is off', async () => {
  await create({ PYPI_UPSTREAM_URL: 'off' });

  expect(asked).toEqual([]);
});

it('must be told what to pull through, but for the standalone app, which finds out once', async () => {
  await expect(create({})).rejects.toMatchObject({ code: 'config', message: expect.stringMatching(/^PYPI_UPSTREAM_URL: /) as string });

  await create({ UV_DEFAULT_INDEX: 'http://first.example.com/simple/' }, { standalone: true });
  await create({ UV_DEFAULT_INDEX: 'http://second.example.com/simple/' }, { standalone: true });

  expect(asked).toHaveLength(2);
  expect(new Set(asked).size).toBe(1);
});
