import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';

import type { Principal } from '@oci-package-proxy/access';
import { isProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { Ledger, type PackageRef } from '@oci-package-proxy/storage';
import { freePort, type NpmClient, npmClient, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { packageRef } from '../package-name.ts';
import { distTagsOf } from './published-values.ts';
import type { WriteAnswer } from './write-answer.ts';
import { PackageWrites } from './write-package.ts';

const CAROL: Principal = { kind: 'user', name: 'carol', tokenId: null };

describe('what the real npm sends', () => {
  let directory: string;
  let ledger: Ledger;
  let server: Server;
  let npm: NpmClient;

  beforeAll(async () => {
    directory = await temporaryDirectory('real-npm');
    ledger = new Ledger({ registry: new MemoryRegistry() });
    const port = await freePort();
    const registry = `http://127.0.0.1:${port}/`;
    server = smallestRegistry(ledger, new PackageWrites({ ledger, directory, limits: { publishBytes: 2 ** 24, jsonBytes: 2 ** 22 } }), registry);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    npm = await npmClient({ directory: join(directory, 'client'), registry, token: 'x' });
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('is published, deprecated, tagged and unpublished', { timeout: 120_000 }, async () => {
    const ref = packageRef('@acme/widget');
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) {
      const published = await npm.run(['publish'], { cwd: await npm.makePackage({ name: '@acme/widget', version, bin: './index.js' }, { 'README.md': '# Widget\n' }) });
      expect(published.code, published.output).toBe(0);
    }
    const fact = await ledger.fact(ref, '2.0.0');
    expect(JSON.parse(fact?.document ?? '')).toMatchObject({ name: '@acme/widget', bin: { widget: 'index.js' }, _npmUser: { name: 'carol' }, dist: { fileCount: 3 } });
    expect(fact?.document).not.toContain('127.0.0.1');
    expect(fact?.layers).toHaveLength(2);

    const deprecated = await npm.run(['deprecate', '@acme/widget@1', 'use 2']);
    const undone = await npm.run(['deprecate', '@acme/widget@1.1.0', '']);
    const tagged = await npm.run(['dist-tag', 'add', '@acme/widget@1.0.0', 'lts']);
    const untagged = await npm.run(['dist-tag', 'rm', '@acme/widget', 'lts']);
    const one = await npm.run(['unpublish', '@acme/widget@2.0.0']);
    const state = await ledger.fold(ref, { fresh: true });
    const all = await npm.run(['unpublish', '@acme/widget', '--force']);

    for (const { code, output } of [deprecated, undone, tagged, untagged, one, all]) {
      expect(code, output).toBe(0);
    }
    expect([state.values.get('deprecated:1.0.0')?.value, state.values.get('deprecated:1.1.0')?.value]).toEqual(['use 2', null]);
    expect(Object.fromEntries(distTagsOf(state))).toEqual({ latest: '1.1.0' });
    expect([...state.facts.keys()].sort()).toEqual(['1.0.0', '1.1.0']);
    expect((await ledger.fold(ref, { fresh: true })).facts.size).toBe(0);
  });

  it('hears why', { timeout: 60_000 }, async () => {
    const source = await npm.makePackage({ name: 'Upper', version: '1.0.0' });

    const refused = await npm.run(['publish'], { cwd: source });

    expect(refused.code).not.toBe(0);
    expect(refused.output).toMatch(/capital letters|cannot be the name/);
  });
});

/** Just enough of a registry around the writes for npm to work against. */
function smallestRegistry(ledger: Ledger, writes: PackageWrites, base: string): Server {
  return createServer((request, response) => {
    answer(ledger, writes, { request, base }).then(
      ({ status, body }) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(isProxyError(error, 'not-found') ? 404 : 400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: isProxyError(error) ? error.message : String(error) })),
    );
  });
}

async function answer(ledger: Ledger, writes: PackageWrites, { request, base }: { request: IncomingMessage; base: string }): Promise<WriteAnswer> {
  const [path = ''] = decodeURIComponent(request.url ?? '').slice(1).split('?');
  const tag = /^-\/package\/(.+)\/dist-tags(?:\/(.+))?$/.exec(path);
  if (tag !== null) {
    const ref = packageRef(tag[1] ?? '');
    if (request.method === 'GET') {
      return { status: 200, body: Object.fromEntries(distTagsOf(await ledger.fold(ref, { fresh: true }))) };
    }
    return request.method === 'DELETE' ? writes.removeDistTag(ref, tag[2] ?? '', { who: CAROL }) : writes.setDistTag(ref, tag[2] ?? '', await json(request), { who: CAROL });
  }
  const [, name = '', file, revision = null] = /^(.+?)(?:\/-\/(.+?))?(?:\/-rev\/(.+))?$/.exec(path) ?? [];
  if (request.method === 'PUT') {
    return writes.put(packageRef(name), request, CAROL, { revision, authorize: () => undefined });
  }
  if (request.method === 'DELETE') {
    return file === undefined ? writes.removePackage(packageRef(name), CAROL, { revision }) : writes.removeTarball(packageRef(name), file, CAROL);
  }
  return document(ledger, packageRef(name), base);
}

async function document(ledger: Ledger, ref: PackageRef, base: string): Promise<WriteAnswer> {
  const state = await ledger.fold(ref, { fresh: true });
  if (state.facts.size === 0) {
    return { status: 404, body: { error: 'not found' } };
  }
  const versions = [...state.facts.values()].map(({ version, document: text }) => {
    const manifest = JSON.parse(text) as { dist: Record<string, string> };
    const deprecated = state.values.get(`deprecated:${version}`)?.value;
    return [version, { ...manifest, ...(typeof deprecated === 'string' ? { deprecated } : {}), dist: { ...manifest.dist, tarball: `${base}${ref.name}/-/${ref.name.split('/').pop()}-${version}.tgz` } }];
  });
  return { status: 200, body: { _id: ref.name, _rev: state.revision, name: ref.name, 'dist-tags': Object.fromEntries(distTagsOf(state)), versions: Object.fromEntries(versions) as never } };
}
