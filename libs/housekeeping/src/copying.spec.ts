import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import { type Digest, digestOf, LayoutRegistry, MemoryRegistry, type MemoryOperation, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { Catalogue, claimSubjectOfDeletion, deletionTag, kindOf, Ledger, ORIGIN_TAG } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { copy, type Copying, type CopyReport } from './copying.ts';
import { tagsOf } from './repository-check.ts';
import { fillStore, LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';
import { verify, type VerifyReport } from './verifying.ts';

const REPOSITORIES = ['test/acme/left-pad', 'test/pulled', 'test/many', 'system/tokens'];
const BY = { by: 'bob' };

function copyAll(source: Registry, target: Registry, changes: Partial<Copying> = {}): Promise<CopyReport> {
  return copy({ source, target, locator: LOCATOR, scope: { kind: 'all' }, exclusive: false, ...changes });
}

/** Tags and their digests by repository; without claims, which stay where they were made. */
async function contentOf(registry: Registry, repositories: readonly string[] = REPOSITORIES): Promise<Record<string, Record<string, Digest | null>>> {
  const content: Record<string, Record<string, Digest | null>> = {};
  for (const name of repositories) {
    const repository = registry.repository(name);
    const tags = [...(await tagsOf(repository))].filter((tag) => kindOf(tag) !== 'claim').toSorted();
    content[name] = Object.fromEntries(await Promise.all(tags.map(async (tag) => [tag, await repository.statManifest(tag)] as const)));
  }
  return content;
}

async function listedIn(registry: Registry): Promise<readonly string[]> {
  const names: string[] = [];
  for (const ecosystem of LOCATOR.ecosystems) {
    for await (const name of new Catalogue(registry, false).names(ecosystem)) {
      names.push(refTo(name, ecosystem).repository);
    }
  }
  return names.toSorted();
}

async function problemsIn(registry: Registry): Promise<VerifyReport['problems']> {
  return (await verify({ registry, locator: LOCATOR, scope: { kind: 'all' }, quick: false })).problems;
}

async function expectClean(registry: Registry): Promise<void> {
  expect(await problemsIn(registry)).toEqual([]);
}

/** What readers of a store that is being filled must never miss. */
async function expectNothingHalfVisible(target: Registry, source: Registry): Promise<void> {
  const listed = await listedIn(target);
  const [whole, there] = [await contentOf(source), await contentOf(target)];
  for (const [repository, tags] of Object.entries(there)) {
    if (Object.keys(tags).length === 0) {
      continue;
    }
    expect(listed).toContain(repository);
    expect(tags).toHaveProperty([ORIGIN_TAG]);
    if (Object.keys(tags).some((tag) => kindOf(tag) === 'fact')) {
      const before = Object.keys(whole[repository] ?? {}).filter((tag) => kindOf(tag) === 'deletion' || kindOf(tag) === 'event');
      expect(Object.keys(tags)).toEqual(expect.arrayContaining(before));
    }
  }
  // What was listed and nothing more when it was killed is told of, and the next run brings it.
  expect((await problemsIn(target)).filter(({ problem }) => problem !== 'empty')).toEqual([]);
}

describe('copying between stores in memory', () => {
  let source: MemoryRegistry;

  beforeEach(async () => {
    source = new MemoryRegistry();
    await fillStore(source);
  });

  it.each([true, false])('copies everything, where tags can be created only: %s', async (createOnly) => {
    const target = new MemoryRegistry({ createOnly });

    const report = await copyAll(source, target);

    expect(report.problems).toEqual([]);
    expect(report).toMatchObject({ repositories: 4, present: 0, hidden: 0 });
    expect(await contentOf(target)).toEqual(await contentOf(source));
    expect(await listedIn(target)).toEqual(await listedIn(source));
    await expectClean(target);
    const ref = refTo('acme/left-pad');
    expect((await new Ledger({ registry: target }).fold(ref)).revision).toBe((await new Ledger({ registry: source }).fold(ref)).revision);
  });

  it('does nothing the second time, and then only what is new', async () => {
    const target = new MemoryRegistry({ createOnly: true });
    await copyAll(source, target);
    const watched = target.view();

    const again = await copyAll(source, watched);
    await new Ledger({ registry: source }).publish(refTo('acme/left-pad'), sampleFact('2.0.0'), BY);
    const later = await copyAll(source, target);

    expect(watched.operations.filter(({ kind }) => kind.startsWith('write') || kind === 'create-tag')).toEqual([]);
    expect(again).toMatchObject({ copied: 0, blobs: 0, bytes: 0, problemCount: 0 });
    expect(later).toMatchObject({ copied: 1, problemCount: 0 });
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it.each([true, false])('leaves alone what stands under a tag already, where tags can be created only: %s', async (createOnly) => {
    const target = new MemoryRegistry({ createOnly });
    await new Ledger({ registry: target }).publish(refTo('acme/left-pad'), sampleFact('1.1.0', { content: 'other bytes' }), BY);
    const before = await target.repository('test/acme/left-pad').statManifest('1.1.0');

    const report = await copyAll(source, target);

    expect(report.problems).toEqual([{ ecosystem: 'test', package: 'acme/left-pad', repository: 'test/acme/left-pad', tag: '1.1.0', problem: 'conflict', message: expect.stringContaining(before ?? '?') }]);
    expect(await target.repository('test/acme/left-pad').statManifest('1.1.0')).toBe(before);
    expect(await target.repository('test/acme/left-pad').statManifest('1.0.0')).toBe(await source.repository('test/acme/left-pad').statManifest('1.0.0'));
  });

  it('loses no publish that the target acknowledged meanwhile', async () => {
    const target = new MemoryRegistry();
    const claims = `_c.${claimSubjectOfDeletion(deletionTag('1.1.0'))}.`;
    let published = '';
    const racing = target.view({
      gate: {
        before: async ({ kind, reference }) => {
          // The moment before the tag: whoever checks and then puts would not see it.
          if (kind === 'write-manifest' && reference?.startsWith(claims) === true && published === '') {
            published = 'begun';
            published = await new Ledger({ registry: target }).publish(refTo('acme/left-pad'), sampleFact('1.1.0', { content: 'acknowledged' }), BY).catch(() => 'refused');
          }
        },
      },
    });

    await copyAll(source, racing, { scope: { kind: 'names', names: [{ ecosystem: 'test', name: 'acme/left-pad' }] } });

    const fact = await new Ledger({ registry: target }).fact(refTo('acme/left-pad'), '1.1.0');
    expect(published).toBe('created');
    expect(fact?.payload).toBe(digestOf('acknowledged'));
  });

  it('puts no deleted version anywhere, here or there', async () => {
    const target = new MemoryRegistry();
    const ledger = new Ledger({ registry: target });
    await ledger.publish(refTo('acme/left-pad'), sampleFact('1.1.0'), BY);
    await ledger.delete(refTo('acme/left-pad'), ['1.1.0'], BY);
    await new Ledger({ registry: source }).delete(refTo('pulled'), ['_p.linux.2.0.0'], BY);

    const report = await copyAll(source, target);

    expect(report.problems).toEqual([]);
    // The index that is made of it stays away too: it still names it.
    expect(report.hidden).toBe(2);
    const there = Object.keys((await contentOf(target))['test/pulled'] ?? {});
    expect(there.filter((tag) => ['_p.linux.2.0.0', '2.0.0'].includes(tag))).toEqual([]);
    expect((await new Ledger({ registry: target }).fold(refTo('acme/left-pad'))).facts.has('1.1.0')).toBe(false);
  });

  it('lets derived tags follow the source', async () => {
    const target = new MemoryRegistry({ createOnly: true });
    await copyAll(source, target);
    const ledger = new Ledger({ registry: source });
    await ledger.ingest(refTo('pulled'), sampleFact('2.0.0', { tag: '_p.darwin.2.0.0', content: 'another' }));
    await ledger.writeDerived(refTo('pulled'), ({ facts }) => [{ tag: '2.0.0', artifactType: 'application/vnd.example.index', entries: [...facts.keys()].map((fact) => ({ fact })) }]);
    await ledger.writeUpstreamState(refTo('pulled'), { latest: '3.0.0' });

    const report = await copyAll(source, target);

    expect(report).toMatchObject({ copied: 3, problemCount: 0 });
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it.each<[string, (store: MemoryRegistry) => void, RegExp]>([
    ['lost', (store) => store.loseBlob('test/acme/left-pad', digestOf('file of 1.1.0')), /missing in the store that is copied from/],
    ['damaged', (store) => store.corruptBlob('test/acme/left-pad', digestOf('file of 1.1.0'), Buffer.from('evil of 1.1.0')), /sha256/],
  ])('copies all but what the source has %s, and says so', async (_name, damage, message) => {
    const target = new MemoryRegistry();
    damage(source);

    const report = await copyAll(source, target);

    expect(report.problems).toEqual([expect.objectContaining({ tag: '1.1.0', problem: 'failed', message: expect.stringMatching(message) })]);
    expect(Object.keys((await contentOf(target))['test/acme/left-pad'] ?? {})).not.toContain('1.1.0');
    await expectClean(target);
  });

  it('uploads again what the target has lost meanwhile', async () => {
    const target = new MemoryRegistry({ createOnly: true });
    let lost = false;
    const losing = target.view({
      gate: {
        before: ({ kind, reference }) => {
          if (kind === 'create-tag' && reference === '1.1.0' && !lost) {
            lost = true;
            target.loseBlob('test/acme/left-pad', digestOf('file of 1.1.0'));
            throw new ProxyError('unprocessable', 'the target does not have a blob');
          }
        },
      },
    });

    expect((await copyAll(source, losing)).problems).toEqual([]);
    await expectClean(target);
  });

  it('restores what the target has lost under tags that it still has, when it is told to look', async () => {
    const target = new MemoryRegistry({ createOnly: true });
    await copyAll(source, target);
    const lost = digestOf('file of 1.1.0');
    target.loseBlob('test/acme/left-pad', lost);

    const passed = await copyAll(source, target);
    const before = await target.repository('test/acme/left-pad').statBlob(lost);
    const mended = await copyAll(source, target, { mend: true });

    expect([passed.blobs, before]).toEqual([0, null]);
    expect(mended).toMatchObject({ copied: 0, present: passed.present, problemCount: 0 });
    await expectClean(target);
  });

  it('puts again what was acknowledged and is not there', async () => {
    const target = new MemoryRegistry();
    const dropped = new Set<string>();
    const dropping = target.view({
      gate: {
        before: ({ kind, reference = '' }) => {
          if (kind === 'write-manifest' && kindOf(reference) === 'event' && !dropped.has(reference)) {
            dropped.add(reference);
            return 'drop';
          }
          return 'apply';
        },
      },
    });

    expect((await copyAll(source, dropping)).problems).toEqual([]);
    expect(dropped.size).toBeGreaterThan(0);
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it('ends when it is interrupted', async () => {
    await expect(copyAll(source, new MemoryRegistry(), { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe.each([{ createOnly: true }, { createOnly: false }])('a copy that is killed, where tags can be created only: $createOnly', ({ createOnly }) => {
  it.each(['before', 'after'] as const)('at every request, %s it took effect, completes when it is run again', async (moment) => {
    const source = new MemoryRegistry();
    await fillStore(source, { many: 2 });
    const whole = new MemoryRegistry({ createOnly });
    await copyAll(source, whole);
    const target = new MemoryRegistry({ createOnly });
    // Each run dies one request later than the one before it, on what those left.
    for (let requests = 1, done = false; !done; requests += 1) {
      const dying = target.view({ gate: { [moment]: crashAfter(requests) } });
      done = await copyAll(source, dying).then(() => true, () => false);
      await expectNothingHalfVisible(target, source);
    }

    expect((await copyAll(source, target)).copied).toBe(0);
    expect(await contentOf(target)).toEqual(await contentOf(whole));
    expect(await contentOf(target)).toEqual(await contentOf(source));
  });

  it('at any request of a first run completes with one more run', async () => {
    const source = new MemoryRegistry();
    await fillStore(source, { many: 0 });
    const counted = new MemoryRegistry({ createOnly });
    await copyAll(source, counted);
    for (let requests = 1; requests <= counted.operations.length; requests += 1) {
      const target = new MemoryRegistry({ createOnly });
      await copyAll(source, target.view({ gate: { after: crashAfter(requests) } })).catch(() => undefined);

      expect((await copyAll(source, target)).problems).toEqual([]);
      expect(await contentOf(target)).toEqual(await contentOf(source));
      await expectClean(target);
    }
  });
});

function crashAfter(requests: number): (operation: MemoryOperation) => void {
  let left = requests;
  return () => {
    left -= 1;
    if (left <= 0) {
      throw new ProxyError('storage-unavailable', 'killed');
    }
  };
}

describe('copying to a directory that can be carried, and on to a registry', () => {
  let directory: string;
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry();
  });
  afterAll(() => running.stop());
  beforeEach(async () => {
    directory = await temporaryDirectory('copy');
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('brings the same packages to the other side, also where no catalogue lists them', async () => {
    const source = new MemoryRegistry();
    await fillStore(source);
    const carried = new LayoutRegistry({ directory });
    const target = new RemoteRegistry({ url: `${running.url}/mirror`, retry: { attempts: 2, baseMs: 10 } });

    const out = await copyAll(source, carried);
    await rm(join(directory, 'catalog'), { recursive: true });
    const back = await copyAll(carried, target);
    const again = await copyAll(carried, target);

    expect([out.problems, back.problems, again.problems]).toEqual([[], [], []]);
    expect(again.copied).toBe(0);
    expect(await contentOf(target)).toEqual(await contentOf(source));
    expect(await listedIn(target)).toEqual(await listedIn(source));
    await expectClean(target);
    await Promise.all([carried.close(), target.close()]);
  });

  it('restores manifests, children and files that a directory has lost', async () => {
    const source = new MemoryRegistry();
    await fillStore(source, { many: 0 });
    const carried = new LayoutRegistry({ directory });
    await copyAll(source, carried);
    const blobs = join(directory, 'test/acme/left-pad/blobs/sha256');
    for (const name of await readdir(blobs)) {
      await rm(join(blobs, name));
    }

    const report = await copyAll(source, carried, { mend: true });

    expect(report.problems).toEqual([]);
    await expectClean(carried);
    await carried.close();
  });
});
