import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createAccess } from '@oci-package-proxy/access';
import { InProcessChangeBus, InProcessHolders } from '@oci-package-proxy/ingest';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { createHttpApp, createLogger, type Ecosystem, listenHttp, loadConfig, Metrics, type Runtime } from '@oci-package-proxy/platform';
import { Ledger } from '@oci-package-proxy/storage';
import { providerRelease, startTerraformUpstream, temporaryDirectory, type TerraformUpstream } from '@oci-package-proxy/testing';
import { DocumentCache, SharedDownloads, UpstreamClient } from '@oci-package-proxy/upstream';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';

import { TERRAFORM_SECTION } from './config/terraform-section.ts';
import { TERRAFORM_VARIABLES } from './config/terraform-variables.ts';
import { terraform } from './terraform.ecosystem.ts';

let directory: string;
let upstream: TerraformUpstream;
let ends: (() => Promise<unknown> | void)[];
let asked: string[];

beforeEach(async () => {
  directory = await temporaryDirectory('terraform-ecosystem');
  upstream = await startTerraformUpstream();
  upstream.put({ namespace: 'vendor', type: 'tool', releases: [await providerRelease({ type: 'tool', version: '1.0.0', key: null })] });
  asked = [];
  ends = [() => rm(directory, { recursive: true, force: true }), () => upstream.close()];
});

afterEach(async () => {
  for (const end of ends.reverse()) {
    await end();
  }
});

async function runtime(env: Record<string, string>): Promise<Runtime> {
  const config = await loadConfig({
    app: { name: 'spec', port: 0, metricsPort: 0, basePath: '/' },
    env: { DATA_DIR: directory, STORAGE_URL: `layout:${directory}/oci`, QUEUE_URL: 'redis://127.0.0.1:1', SECRET_KEY: 'k'.repeat(32), ADMIN_TOKEN: 'a'.repeat(32), ...env },
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

async function create(values: Record<string, string>, { env = {}, section }: { readonly env?: Record<string, string>; readonly section?: unknown } = {}): Promise<{ ecosystem: Ecosystem; runtime: Runtime }> {
  const made = await runtime(env);
  const read = z.object(TERRAFORM_VARIABLES).parse(values);
  return { runtime: made, ecosystem: await terraform.create({ runtime: made, prefix: '/terraform', root: '', values: read, section: TERRAFORM_SECTION.parse(section) }) };
}

it('serves the hosts of the configuration, and counts what is read', async () => {
  const { ecosystem, runtime: made } = await create({ TERRAFORM_UPSTREAM_HOSTS: upstream.url }, { section: { upstreams: { 'other.example.com': {} } } });
  const app = await createHttpApp(ecosystem.module, { config: { basePath: '', instanceId: 'spec' }, logger: made.logger, mounts: ecosystem.mounts });
  ends.push(() => app.close());
  const { url } = await listenHttp(app, { host: '127.0.0.1', port: 0 });

  const paths = ['/.well-known/terraform.json', `/terraform/upstream/${upstream.host}/providers/v1/vendor/tool/versions`, '/terraform/providers/v1/vendor/tool/versions', '/api/v1/terraform/keys/acme'];
  const statuses = await Promise.all(paths.map(async (path) => (await fetch(`${url}${path}`)).status));

  expect(statuses).toEqual([200, 200, 404, 200]);
  expect(asked).toEqual([upstream.url, 'https://other.example.com']);
  expect(await made.metrics.cacheRequests.get()).toMatchObject({ values: [{ value: 1, labels: { ecosystem: 'terraform', kind: 'metadata', result: 'hit' } }] });
  expect(ecosystem.commands?.map(({ name }) => name)).toEqual(expect.arrayContaining(['import']));
});

it('asks nobody where no host is named', async () => {
  await create({});

  expect(asked).toEqual([]);
});

it('says how clients are pointed at it, by HTTPS alone', async () => {
  const { ecosystem } = await create({ TERRAFORM_HOSTNAME: 'registry.example.com' });

  expect(ecosystem.hints('http://127.0.0.1:8080', 'secret')).toEqual([expect.stringContaining('HTTPS')]);
  expect(ecosystem.hints('http://127.0.0.1:8080', 'secret', 'https://127.0.0.1:8443').join('\n')).toContain('credentials "registry.example.com" { token = "secret" }');
});

it('does not start with itself as upstream, nor with keys that cannot be read beside CONFIG_FILE', async () => {
  await expect(create({ TERRAFORM_HOSTNAME: 'registry.example.com', TERRAFORM_UPSTREAM_HOSTS: 'registry.example.com' })).rejects.toMatchObject({ code: 'config' });

  await writeFile(join(directory, 'config.yaml'), 'limits: {}\n');
  await writeFile(join(directory, 'key.asc'), 'no key');
  const section = { signing: { acme: { keyFile: 'key.asc' } } };
  await expect(create({}, { env: { CONFIG_FILE: join(directory, 'config.yaml') }, section })).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('signing.acme: The signing key is no armored private key') as string });
  await expect(create({}, { section })).rejects.toMatchObject({ code: 'config', message: expect.stringContaining('signing.acme.keyFile: the file cannot be read') as string });
});

it('reads no signing keys where nothing is published', async () => {
  await expect(create({}, { env: { PUBLISH: 'off' }, section: { signing: { acme: { keyFile: 'missing.asc' } } } })).resolves.toBeDefined();
});
