import { digestOf, registryProfile, RemoteRegistry } from '@oci-package-proxy/oci';
import { type ScriptedRegistry, startScriptedRegistry } from '@oci-package-proxy/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { keptLog, newFact, REF } from './sample-fact.contract.ts';

const BY = { by: 'alice' };
const VERSIONS = Array.from({ length: 9 }, (_, number) => `1.0.${number}`);

/** How registries refuse to replace a tag. */
const REFUSALS = [
  ['ECR', 400, 'TAG_INVALID'],
  ['Harbor', 412, 'PRECONDITION'],
  ['zot', 403, 'DENIED'],
] as const;

describe.each(REFUSALS)('a registry with immutable tags that refuses as %s does', (_, status, code) => {
  let server: ScriptedRegistry;
  let registry: RemoteRegistry;
  let log: ReturnType<typeof keptLog>;

  beforeEach(async () => {
    server = await startScriptedRegistry();
    server.intercept((request, response) => {
      const [, repository = '', tag = ''] = /^\/v2\/(.+)\/manifests\/([^/]+)$/.exec(request.url) ?? [];
      const standing = server.tags.get(`${repository}:${tag}`);
      const replaces = request.method === 'PUT' && standing !== undefined && standing !== digestOf(request.body);
      return replaces && response.writeHead(status).end(JSON.stringify({ errors: [{ code }] })) !== undefined;
    });
    registry = new RemoteRegistry({ url: server.url, retry: { attempts: 2, baseMs: 5 }, profile: registryProfile({ overrides: { immutableTags: true } }) });
    log = keptLog();
  });
  afterEach(async () => {
    await registry.close();
    await server.stop();
  });

  it('decides between rivals by itself: no claims are made', async () => {
    const rivals = ['left', 'right'].map((content) => new Ledger({ registry }).publish(REF, newFact('1.0.0', { content }), BY));

    const outcomes = await Promise.allSettled(rivals);

    expect(outcomes.map(({ status: how }) => how).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect([...server.tags.keys()].filter((tag) => tag.includes(':_c.'))).toEqual([]);
  });

  it('fails nothing when a snapshot cannot be replaced; the log says so, once', async () => {
    const ledger = new Ledger({ registry, logger: log });
    for (const version of VERSIONS) {
      await ledger.publish(REF, newFact(version), BY);
    }
    const refreshed = [await ledger.refreshSnapshot(REF)];
    await ledger.record(REF, Array.from({ length: 33 }, (_, more) => ({ key: `yank:${more}`, value: true })), BY);

    refreshed.push(await ledger.refreshSnapshot(REF), await ledger.refreshSnapshot(REF));

    expect(refreshed).toEqual([true, false, false]);
    expect(log.messages).toEqual([expect.stringContaining('does not let a derived tag be rewritten')]);
    expect((await new Ledger({ registry }).fold(REF)).values.size).toBe(33);
  });

  it('fails no job when the state of upstream cannot be replaced', async () => {
    const ledger = new Ledger({ registry, logger: log });
    await ledger.ingest(REF, newFact('1.0.0'));

    await ledger.writeUpstreamState(REF, { latest: '1.0.0' });
    await ledger.writeUpstreamState(REF, { latest: '1.0.1' });
    await ledger.writeUpstreamState(REF, { latest: '1.0.2' });

    expect(await ledger.upstreamState(REF)).toEqual({ latest: '1.0.0' });
    expect(log.messages).toEqual([expect.stringContaining('does not let a derived tag be rewritten')]);
  });

  it('fails no job when an index for other readers cannot be replaced', async () => {
    const ledger = new Ledger({ registry, logger: log });
    const outcomes: string[] = [];
    for (const platform of ['linux', 'darwin']) {
      await ledger.ingest(REF, newFact('1.0.0', { tag: `_p.${platform}.1.0.0`, content: platform }));
      outcomes.push(await ledger.writeDerived(REF, ({ facts }) => [{ tag: '1.0.0', artifactType: 'application/vnd.example.index', entries: [...facts.keys()].map((fact) => ({ fact })) }]));
    }

    expect(outcomes).toEqual(['written', 'unsupported']);
    expect(log.messages).toHaveLength(1);
  });
});
