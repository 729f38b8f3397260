import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { type Gate, isTagDeleter, type ManifestBytes, MemoryRegistry, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { Catalogue, deletionTag, kindOf, Ledger, ORIGIN_TAG, SNAPSHOT_TAG } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { tagsOf } from './repository-check.ts';
import { fillStore, LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';
import type { Scope } from './scope.ts';
import { verify, type VerifyReport } from './verifying.ts';

const BY = { by: 'bob' };
const MANY = refTo('many');

function check(registry: Registry, changes: { readonly scope?: Scope; readonly quick?: boolean } = {}): Promise<VerifyReport> {
  return verify({ registry, locator: LOCATOR, scope: { kind: 'all' }, quick: false, ...changes });
}

async function problemsIn(registry: Registry, changes: Parameters<typeof check>[1] = {}): Promise<readonly string[]> {
  const { problems, problemCount } = await check(registry, changes);
  expect(problemCount).toBe(problems.length);
  return problems.map(({ repository, tag, kind, problem }) => `${repository} ${tag} ${kind} ${problem}`).toSorted();
}

/** A store in which nothing that is asked to be deleted goes away. */
function keeping(registry: MemoryRegistry): MemoryRegistry {
  return registry.view({ gate: { before: ({ kind }) => (kind === 'delete-tag' ? 'drop' : 'apply') } });
}

describe.each([{ createOnly: true }, { createOnly: false }])('tags that a snapshot covers, where tags can be created only: $createOnly', ({ createOnly }) => {
  let registry: MemoryRegistry;
  let ledger: Ledger;
  let event: string;

  beforeEach(async () => {
    registry = new MemoryRegistry({ createOnly });
    ledger = new Ledger({ registry, random: () => 0.5 });
    await fillStore(registry, { many: 12 });
    await ledger.record(MANY, [{ key: 'deprecated:0.1.0', value: 'use 0.2.0' }], BY);
    await ledger.delete(MANY, ['0.3.0'], BY);
    event = [...(await tagsOf(registry.repository(MANY.repository)))].find((tag) => kindOf(tag) === 'event') ?? expect.fail('no event');
    // As the clock goes on, so few changes make a snapshot worth while.
    await new Ledger({ registry, clock: () => Date.now() + 3_600_000 }).refreshSnapshot(MANY);
  });

  async function remove(...tags: readonly string[]): Promise<void> {
    const repository = registry.repository(MANY.repository);
    for (const tag of tags) {
      await ('deleteTag' in repository ? (repository as unknown as { deleteTag(name: string): Promise<boolean> }).deleteTag(tag) : expect.fail('deletes nothing'));
    }
  }

  it.each([false, true])('are missing when somebody removed them, quick: %s', async (quick) => {
    expect(await problemsIn(registry, { quick })).toEqual([]);

    await remove('0.5.0', event, deletionTag('0.3.0'), ORIGIN_TAG);

    expect(await problemsIn(registry, { quick })).toEqual([
      'test/many 0.5.0 fact missing',
      `test/many ${event} event missing`,
      `test/many ${ORIGIN_TAG} origin missing`,
      `test/many ${deletionTag('0.3.0')} deletion missing`,
    ].toSorted());
  });

  it('are not missed after the package was rebuilt from what is there', async () => {
    await remove('0.5.0');
    await new Ledger({ registry, clock: () => Date.now() + 9_000_000 }).refreshSnapshot(MANY);

    expect(await problemsIn(registry)).toEqual([]);
  });

  it('are wrong when something else stands there', async () => {
    const repository = registry.repository(MANY.repository);
    const other = (await repository.readManifest('0.6.0')) ?? expect.fail('no manifest');
    await repository.writeManifest(other, { tag: '0.5.0' });

    expect(await problemsIn(registry)).toEqual(['test/many 0.5.0 fact wrong']);
  });

  it('are what they were when a rival wrote the same file', async () => {
    const repository = registry.repository(MANY.repository);
    const stored = (await repository.readManifest('0.5.0')) ?? expect.fail('no manifest');
    const elsewhere = new MemoryRegistry();
    await new Ledger({ registry: elsewhere }).publish(MANY, sampleFact('0.5.0', { at: '2026-09-09T00:00:00.000Z' }), { by: 'rival' });
    const rival = (await elsewhere.repository(MANY.repository).readManifest('0.5.0')) ?? expect.fail('no rival');
    await repository.writeManifest(rival, { tag: '0.5.0' });

    expect(rival.digest).not.toBe(stored.digest);
    expect((await problemsIn(registry)).filter((problem) => problem.includes('fact'))).toEqual([]);
  });

  it.each([true, false])('may be deleted, where tags go away: %s, while the snapshot is older', async (goes) => {
    await new Ledger({ registry: goes ? registry : keeping(registry) }).delete(MANY, ['0.5.0', '0.6.0'], BY);

    expect((await tagsOf(registry.repository(MANY.repository))).has('0.5.0')).toBe(!goes);
    expect(await problemsIn(registry)).toEqual([]);
    await new Ledger({ registry, clock: () => Date.now() + 9_000_000 }).refreshSnapshot(MANY);
    expect(await problemsIn(registry)).toEqual([]);
  });

  it('may be deleted, all of them', async () => {
    await ledger.delete(MANY, [...(await ledger.fold(MANY)).facts.keys()], BY);

    expect(await problemsIn(registry)).toEqual([]);
  });

  it('may be written and deleted while they are looked at', async () => {
    const writer = new Ledger({ registry, clock: () => Date.now() + 9_000_000 });
    let step = 0;
    const watched = registry.view({
      gate: {
        before: async ({ kind, repository, reference }) => {
          if (kind === 'read-manifest' && repository === MANY.repository && reference === SNAPSHOT_TAG && (step += 1) === 2) {
            await writer.publish(MANY, sampleFact('7.0.0'), BY);
            await writer.record(MANY, [{ key: 'deprecated:0.2.0', value: 'use 7.0.0' }], BY);
            await writer.refreshSnapshot(MANY);
            await writer.delete(MANY, ['7.0.0', '0.7.0'], BY);
          }
        },
      },
    });

    expect(await problemsIn(watched)).toEqual([]);
    expect(step).toBe(2);
  });

  it('may be deleted between two pages of the list', async () => {
    registry = new MemoryRegistry({ createOnly, pageSize: 1 });
    const publisher = new Ledger({ registry });
    for (const version of ['0', '1', '2', '3', '4', '5', '6', '7', '8']) {
      await publisher.publish(MANY, sampleFact(`v${version}`), BY);
    }
    await publisher.refreshSnapshot(MANY);
    const before = (await tagsOf(registry.repository(MANY.repository))).size;
    let pages = 0;
    const paged: Gate = {
      after: async ({ kind, repository }) => {
        if (kind === 'list-page' && repository === MANY.repository && (pages += 1) === before - 1) {
          // Deletions stand before it in the list.
          await publisher.delete(MANY, ['v8'], BY);
        }
      },
    };

    expect(await problemsIn(registry.view({ gate: paged }))).toEqual([]);
    expect(pages).toBeGreaterThan(before);
  });

  it('are not asked of a snapshot that cannot be read', async () => {
    const repository = registry.repository(MANY.repository);
    const foreign = (await repository.readManifest('0.5.0')) as ManifestBytes;
    await repository.writeManifest(foreign, { tag: SNAPSHOT_TAG });
    await remove('0.6.0');

    expect(await problemsIn(registry)).toEqual([`test/many ${SNAPSHOT_TAG} derived wrong`]);
  });
});

describe('packages that the catalogue lists', () => {
  let registry: MemoryRegistry;

  beforeEach(async () => {
    registry = new MemoryRegistry({ createOnly: true });
    await fillStore(registry);
  });

  it('are empty when nothing of them is there, or what was decided is not', async () => {
    registry = new MemoryRegistry();
    await fillStore(registry);
    await new Catalogue(registry, false).add(refTo('gone'));
    await new Ledger({ registry }).publish(refTo('decided'), sampleFact('1.0.0'), BY);
    const stored = registry.repository('test/decided');
    expect(isTagDeleter(stored) && (await stored.deleteTag('1.0.0'))).toBe(true);

    const { problems } = await check(registry);

    expect(problems.toSorted((left, right) => left.repository.localeCompare(right.repository))).toMatchObject([
      { package: 'decided', repository: 'test/decided', tag: '', kind: 'catalogue', problem: 'empty', message: expect.stringMatching(/lost.*first publish/) },
      { package: 'gone', repository: 'test/gone', tag: '', kind: 'catalogue', problem: 'empty', message: expect.stringMatching(/lost.*copy/) },
    ]);
    expect(await problemsIn(registry, { scope: { kind: 'prefix', prefix: 'test/gone' } })).toEqual(['test/gone  catalogue empty']);
    expect(await problemsIn(registry, { scope: { kind: 'prefix', prefix: 'test/many' } })).toEqual([]);
  });

  it.each([{ createOnly: true }, { createOnly: false }])('are not empty when their first publish failed before anything was decided: $createOnly', async (options) => {
    registry = new MemoryRegistry(options);
    await fillStore(registry);
    await new Catalogue(registry, false).add(refTo('begun'));
    await new Ledger({ registry }).decideOrigin(refTo('begun'), 'published');

    expect(await problemsIn(registry)).toEqual([]);
  });

  it('are not empty once all their versions were deleted, nor when they are only known to come from upstream', async () => {
    const ledger = new Ledger({ registry });
    await ledger.delete(refTo('acme/left-pad'), ['1.0.0', '1.1.0'], BY);
    await new Catalogue(registry, false).add(refTo('asked-for'));
    await ledger.decideOrigin(refTo('asked-for'), 'upstream');

    expect(await problemsIn(registry)).toEqual([]);
  });

  it('are not empty when one of their places holds something, or what is published meanwhile', async () => {
    const catalogue = new Catalogue(registry, false);
    await catalogue.add({ ecosystem: 'system', name: 'test/many' });
    await catalogue.add(refTo('late'));
    let published = false;
    const watched = registry.view({
      gate: {
        after: async ({ kind, repository }) => {
          if (kind === 'list-page' && repository === 'test/late' && !published) {
            published = true;
            await new Ledger({ registry }).publish(refTo('late'), sampleFact('1.0.0'), BY);
          }
        },
      },
    });
    const locator = { ...LOCATOR, refsOf: (ecosystem: string, name: string) => (ecosystem === 'system' && name.includes('/') ? [refTo(name, 'system'), { ...refTo(name, 'system'), repository: name }] : LOCATOR.refsOf(ecosystem, name)) };

    expect((await verify({ registry: watched, locator, scope: { kind: 'all' }, quick: false })).problems).toEqual([]);
    expect(published).toBe(true);
  });
});

describe('a docker-registry in which tags are removed', () => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes: true });
  }, 30_000);
  afterAll(() => running.stop());

  it('lacks what a cleanup took, and not what was deleted', async () => {
    const registry = new RemoteRegistry({ url: `${running.url}/some`, retry: { attempts: 2, baseMs: 10 } });
    await fillStore(registry);
    await new Ledger({ registry }).delete(MANY, ['0.3.0'], BY);
    const before = await problemsIn(registry);

    await rm(join(running.directory, 'data/docker/registry/v2/repositories/some/test/many/_manifests/tags/0.5.0'), { recursive: true });
    await rm(join(running.directory, 'data/docker/registry/v2/repositories/some/system/tokens'), { recursive: true });

    expect(before).toEqual([]);
    expect(await problemsIn(registry)).toEqual(['system/tokens  catalogue empty', 'test/many 0.5.0 fact missing']);
    await registry.close();
  });
});
