import { ProxyError } from '@oci-package-proxy/errors';
import { digestOf, type Gate, LayoutRegistry, MemoryRegistry, type MemoryOperation, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { kindOf, Ledger, ORIGIN_TAG, SNAPSHOT_TAG } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { copy, type CopyReport } from './copying.ts';
import { tagsOf } from './repository-check.ts';
import { fillStore, LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';
import { verify } from './verifying.ts';

const FILE = digestOf('file of 1.1.0');

function copyAll(source: Registry, target: Registry): Promise<CopyReport> {
  return copy({ source, target, locator: LOCATOR, scope: { kind: 'all' }, exclusive: false });
}

function failing(store: MemoryRegistry, fails: (operation: MemoryOperation) => boolean, code: 'storage-unavailable' | 'storage-denied' | 'storage-read-only' = 'storage-unavailable'): MemoryRegistry {
  const gate: Gate = {
    before: (operation) => {
      if (fails(operation)) {
        throw new ProxyError(code, 'answered 500');
      }
    },
  };
  return store.view({ gate });
}

function isRead({ kind }: MemoryOperation): boolean {
  return kind.startsWith('read-') || kind.startsWith('stat-') || kind === 'list-page';
}

/** Names and tags, without claims, which stay where they were made. */
async function tagsIn(registry: Registry): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of ['test/acme/left-pad', 'test/pulled', 'test/many', 'system/tokens']) {
    found.push(...[...(await tagsOf(registry.repository(name)))].filter((tag) => kindOf(tag) !== 'claim').map((tag) => `${name} ${tag}`));
  }
  return found.toSorted();
}

describe('a source that cannot show everything', () => {
  let source: MemoryRegistry;
  let target: MemoryRegistry;

  beforeEach(async () => {
    source = new MemoryRegistry();
    target = new MemoryRegistry();
    await fillStore(source);
  });

  it.each<[string, string, (operation: MemoryOperation) => boolean]>([
    ['a file', 'test/acme/left-pad 1.1.0', ({ kind, reference }) => kind === 'read-blob' && reference === FILE],
    ['a manifest', 'test/many 0.4.0', ({ kind, repository, reference }) => kind === 'read-manifest' && repository === 'test/many' && reference === '0.4.0'],
  ])('has everything else copied, and %s once it can be read', async (_name, lost, fails) => {
    const report = await copyAll(failing(source, fails), target);
    const left = await tagsIn(target);
    const mended = await copyAll(source, target);

    expect(report.problems.map(({ repository, tag, problem }) => `${repository} ${tag} ${problem}`)).toEqual([`${lost} failed`]);
    expect(report.problems[0]?.message).toMatch(/cannot be read now in the store that is copied from.*500/);
    expect(left).toEqual((await tagsIn(source)).filter((tag) => tag !== lost));
    expect(mended).toMatchObject({ copied: 1, problemCount: 0 });
    expect(await tagsIn(target)).toEqual(await tagsIn(source));
    expect((await verify({ registry: target, locator: LOCATOR, scope: { kind: 'all' }, quick: false })).problems).toEqual([]);
  });

  it('has the other packages copied where the tags of one cannot be listed', async () => {
    const report = await copyAll(failing(source, ({ kind, repository }) => kind === 'list-page' && repository === 'test/many'), target);

    expect(report.problems).toMatchObject([{ package: 'many', repository: 'test/many', tag: '', problem: 'failed' }]);
    expect(await tagsIn(target)).toEqual((await tagsIn(source)).filter((tag) => !tag.startsWith('test/many ')));
  });

  it('gives nothing of a package of which it does not say where it comes from', async () => {
    const report = await copyAll(failing(source, ({ kind, repository, reference }) => kind === 'read-manifest' && repository === 'test/many' && reference === ORIGIN_TAG), target);

    expect(report.problems).toMatchObject([{ repository: 'test/many', tag: ORIGIN_TAG, problem: 'failed', message: expect.stringMatching(/Nothing of the package was copied/) }]);
    expect(await tagsIn(target)).toEqual((await tagsIn(source)).filter((tag) => !tag.startsWith('test/many ')));
  });

  it('ends the run when it goes away', async () => {
    const large = new MemoryRegistry();
    await fillStore(large, { many: 60 });
    let requests = 0;
    const away = failing(large, () => (requests += 1) > 150);

    await expect(copyAll(away, target)).rejects.toMatchObject({ code: 'storage-unavailable', message: expect.stringMatching(/given up.*copied from.*500/) });
    expect((await copyAll(large, target)).problems).toEqual([]);
  });

  it('ends the run when it refuses our credential', async () => {
    await expect(copyAll(failing(source, ({ kind }) => kind === 'read-blob', 'storage-denied'), target)).rejects.toMatchObject({ code: 'storage-denied' });
  });

  it.each(['storage-unavailable', 'storage-denied', 'storage-read-only'] as const)('has nothing to do with a target that fails: %s', async (code) => {
    const broken = failing(target, ({ kind }) => kind === 'write-blob', code);

    await expect(copyAll(source, broken)).rejects.toMatchObject({ code, message: 'answered 500' });
  });

  it('has nothing to do with a target that cannot be read', async () => {
    const report = copyAll(source, failing(target, (operation) => isRead(operation) && operation.repository === 'test/many'));

    await expect(report).rejects.toMatchObject({ code: 'storage-unavailable', message: 'answered 500' });
  });

  it('leaves its snapshot out where it covers what was written meanwhile', async () => {
    let written = false;
    const busy = source.view({
      gate: {
        before: async ({ kind, repository, reference }) => {
          if (kind === 'read-manifest' && repository === 'test/many' && reference === '0.4.0' && !written) {
            written = true;
            await new Ledger({ registry: source }).publish(refTo('many'), sampleFact('9.0.0'), { by: 'bob' });
          }
        },
      },
    });

    const report = await copyAll(busy, target);
    const there = await tagsIn(target);
    const later = await copyAll(source, target);

    expect([report.problems, later.problems]).toEqual([[], []]);
    expect(there).not.toContain(`test/many ${SNAPSHOT_TAG}`);
    expect(await tagsIn(target)).toEqual(await tagsIn(source));
  });
});

describe('a directory with a file that cannot be read', () => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry();
  }, 30_000);
  afterAll(() => running.stop());

  it('has everything else copied to a registry, which is not asked again and again', async () => {
    const directory = await temporaryDirectory('broken');
    const source = new LayoutRegistry({ directory });
    await fillStore(source, { many: 2 });
    const path = join(directory, 'test/acme/left-pad/blobs/sha256', FILE.slice('sha256:'.length));
    await rm(path);
    // Reading it fails as a broken sector does: EISDIR, and not ENOENT.
    await mkdir(path);
    const target = new RemoteRegistry({ url: `${running.url}/mirror`, retry: { attempts: 8, baseMs: 60_000 } });

    const report = await copyAll(source, target);

    expect(report.problems).toMatchObject([{ repository: 'test/acme/left-pad', tag: '1.1.0', problem: 'failed' }]);
    expect(await tagsIn(target)).toEqual((await tagsIn(source)).filter((tag) => tag !== 'test/acme/left-pad 1.1.0'));
    await Promise.all([source.close(), target.close()]);
    await rm(directory, { recursive: true, force: true });
  });
});
