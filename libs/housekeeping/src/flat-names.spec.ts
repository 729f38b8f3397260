import { type Capabilities, type Digest, type Registry, registryProfile, RemoteRegistry } from '@oci-package-proxy/oci';
import { kindOf, Ledger } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { copy, type CopyReport } from './copying.ts';
import { reindex } from './reindexing.ts';
import { tagsOf } from './repository-check.ts';
import { fillStore, LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';
import { verify } from './verifying.ts';

const REPOSITORIES = ['test/acme/left-pad', 'test/pulled', 'test/many', 'system/tokens'];
const ALL = { kind: 'all' } as const;

describe('a store with flat names, in docker-registry', () => {
  let running: RunningRegistry;
  const opened: Registry[] = [];

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes: true });
  });
  afterAll(async () => {
    await Promise.all(opened.map((registry) => registry.close()));
    await running.stop();
  });

  function open(prefix: string, overrides: Partial<Capabilities> = {}): Registry {
    const registry = new RemoteRegistry({ url: `${running.url}/${prefix}`, profile: registryProfile({ overrides }) });
    opened.push(registry);
    return registry;
  }

  async function contentOf(registry: Registry): Promise<Record<string, Digest | null>> {
    const content: Record<string, Digest | null> = {};
    for (const name of REPOSITORIES) {
      const repository = registry.repository(name);
      for (const tag of [...(await tagsOf(repository))].filter((each) => kindOf(each) !== 'claim').toSorted()) {
        content[`${name}:${tag}`] = await repository.statManifest(tag);
      }
    }
    return content;
  }

  function copyAll(source: Registry, target: Registry): Promise<CopyReport> {
    return copy({ source, target, locator: LOCATOR, scope: ALL, exclusive: true });
  }

  async function problemsIn(registry: Registry): Promise<readonly unknown[]> {
    return (await verify({ registry, locator: LOCATOR, scope: ALL, quick: false })).problems;
  }

  it('is a store like any other: published, read, verified and indexed again', async () => {
    const registry = open('own', { names: 'flat' });
    await fillStore(registry);
    const ledger = new Ledger({ registry });

    expect(registry.repository('test/acme/left-pad').name).toBe('own/test-0-acme-0-left-pad');
    expect([...(await ledger.fold(refTo('acme/left-pad'))).facts.keys()].toSorted()).toEqual(['1.0.0', '1.1.0']);
    expect(await problemsIn(registry)).toEqual([]);
    expect(await reindex({ registry, locator: LOCATOR, scope: ALL, logger: { warn: expect.fail } })).toMatchObject({ packages: 4, failures: [] });
    expect([...(await tagsOf(open('own').repository('test/acme/left-pad')))]).toEqual([]);
    expect((await tagsOf(open('own').repository('test-0-acme-0-left-pad'))).has('1.0.0')).toBe(true);
    await expect(ledger.publish(refTo('acme/left-pad'), sampleFact('1.0.0', { content: 'other' }), { by: 'bob' })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('is named in failures as it is called there', async () => {
    const registry = open('named', { names: 'flat' });

    await expect(registry.repository('npm/types/node').readManifest('no tag')).rejects.toThrow('in named/npm-0-types-0-node');
    expect(() => registry.repository('npm//node')).toThrow('not a repository name');
  });

  it('is copied to and from, and nothing changes on the way', async () => {
    const [nested, flat, back] = [open('nested'), open('flat', { names: 'flat' }), open('back')];
    await fillStore(nested);

    const reports = [await copyAll(nested, flat), await copyAll(flat, back)];

    expect(reports.map(({ repositories, problemCount }) => [repositories, problemCount])).toEqual([[4, 0], [4, 0]]);
    expect(await contentOf(flat)).toEqual(await contentOf(nested));
    expect(await contentOf(back)).toEqual(await contentOf(nested));
    expect([...await problemsIn(flat), ...await problemsIn(back)]).toEqual([]);
    expect(await copyAll(nested, flat)).toMatchObject({ copied: 0, problemCount: 0 });
  });
});
