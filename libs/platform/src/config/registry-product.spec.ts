import { rm } from 'node:fs/promises';

import { type Product, registryProfile } from '@oci-package-proxy/oci';
import { type ScriptedServer, startScriptedServer, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { collectingLogger } from '../http/probe-app.contract.ts';
import { loadConfig } from './load-config.ts';
import type { PlatformConfig } from './platform-config.ts';
import { lookAtProduct } from './registry-product.ts';

describe('lookAtProduct', () => {
  let server: ScriptedServer;
  let config: PlatformConfig;
  let written: string[];
  let directory: string;

  beforeEach(async () => {
    directory = await temporaryDirectory('product');
    server = await startScriptedServer((_request, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="https://example.com/token",service="harbor-registry"' }).end();
    });
    config = await loadConfig({ app: { name: 'alpha', port: 8081, metricsPort: 9091, basePath: '/' }, standalone: true, env: { DATA_DIR: directory, STORAGE_URL: `${server.url}/x` } });
    written = [];
  });
  afterEach(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  async function lookFor(product: Product | null): Promise<readonly string[]> {
    const look = lookAtProduct({ ...config, storage: { ...config.storage, profile: registryProfile({ product }) } }, collectingLogger(written));
    await look.done;
    return written;
  }

  it('warns where the registry is another one', async () => {
    expect(await lookFor('zot')).toEqual([expect.stringContaining('says zot 2.1, but the registry of STORAGE_URL looks like Harbor 2')]);
  });

  it.each([['harbor'], [null]] as const)('says nothing where CONFIG_FILE says %s', async (product) => {
    expect(await lookFor(product)).toEqual([]);
    expect(server.requests).toHaveLength(product === null ? 0 : 1);
  });

  it('says nothing of a registry that does not answer', async () => {
    server.answer((_request, response) => void response.destroy());

    expect(await lookFor('zot')).toEqual([]);
  });

  it('can be ended before the registry answers', async () => {
    server.answer(() => undefined);
    const look = lookAtProduct({ ...config, storage: { ...config.storage, profile: registryProfile({ product: 'zot' }) } }, collectingLogger(written));

    await look.close();

    expect(written).toEqual([]);
  });
});
