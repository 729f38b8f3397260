import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';

import { ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, digestOf, EMPTY_BYTES, EMPTY_DESCRIPTOR, LayoutRegistry, MANIFEST_MEDIA_TYPE, manifestBytes, MemoryRegistry, type Registry, RemoteRegistry } from '@oci-package-proxy/oci';
import { deletionTag } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { fillStore, LOCATOR, refTo } from './sample-store.contract.ts';
import type { Scope } from './scope.ts';
import { verify, type VerifyReport } from './verifying.ts';

const FILE = digestOf('file of 1.1.0');

function check(registry: Registry, scope: Scope = { kind: 'all' }, quick = false): Promise<VerifyReport> {
  return verify({ registry, locator: LOCATOR, scope, quick });
}

function problemsOf({ problems }: VerifyReport): readonly string[] {
  return problems.map(({ repository, tag, kind, what, problem }) => `${repository} ${tag} ${kind} ${what} ${problem}`);
}

describe('verifying a store in memory', () => {
  let registry: MemoryRegistry;

  beforeEach(async () => {
    registry = new MemoryRegistry();
    await fillStore(registry);
  });

  it('finds nothing wrong with what the ledger wrote, and counts it by its kind', async () => {
    const report = await check(registry);

    expect(report.problems).toEqual([]);
    expect(report.tags).toMatchObject({ event: 1, deletion: 1, derived: 3, catalogue: 4, foreign: 0, hidden: 2 });
    // Two of left-pad and a further tag, one that was pulled through, one record, and nine.
    expect(report.tags.fact).toBe(3 + 1 + 1 + 9);
    expect(report.tags.origin).toBe(4);
    expect(report.tags.claim).toBeGreaterThan(0);
  });

  it.each<[string, Scope, readonly string[]]>([
    ['an ecosystem', { kind: 'ecosystem', ecosystem: 'system' }, ['system/tokens']],
    ['a package', { kind: 'names', names: [{ ecosystem: 'test', name: 'acme/left-pad' }] }, ['test/acme/left-pad']],
    ['a prefix', { kind: 'prefix', prefix: 'test/acme' }, ['test/acme/left-pad']],
    ['a prefix that ends within a name', { kind: 'prefix', prefix: 'test/ac' }, []],
  ])('looks no further than %s', async (_name, scope, repositories) => {
    registry.operations.splice(0);

    await check(registry, scope);

    const read = registry.operations.filter(({ kind, repository }) => kind === 'read-blob' && !repository.startsWith('catalog')).map(({ repository }) => repository);
    expect([...new Set(read)]).toEqual(repositories);
  });

  it.each([false, true])('says which tag lacks which blob, quick: %s', async (quick) => {
    registry.loseBlob('test/acme/left-pad', FILE);

    const report = await check(registry, { kind: 'all' }, quick);

    expect(report.problems.filter(({ kind }) => kind === 'fact')).toEqual([
      { ecosystem: 'test', package: 'acme/left-pad', repository: 'test/acme/left-pad', tag: '1.1.0', kind: 'fact', what: 'blob', problem: 'missing', digest: FILE, message: expect.any(String) },
    ]);
    // Whoever would finish that publish needs the file too.
    expect(report.problems.every(({ digest }) => digest === FILE)).toBe(true);
  });

  it('reads every byte, and with quick none but the snapshot', async () => {
    registry.corruptBlob('test/acme/left-pad', FILE, Buffer.from('evil of 1.1.0'));

    expect(problemsOf(await check(registry))).toContain('test/acme/left-pad 1.1.0 fact blob wrong');
    registry.operations.splice(0);
    expect(problemsOf(await check(registry, { kind: 'all' }, true))).toEqual([]);
    expect(registry.operations.filter(({ kind }) => kind === 'read-blob').map(({ repository }) => repository)).toEqual(['test/many']);
  });

  it('sees a size that differs, also with quick', async () => {
    registry.corruptBlob('test/acme/left-pad', FILE, Buffer.from('short'));

    expect(problemsOf(await check(registry, { kind: 'all' }, true))).toContain('test/acme/left-pad 1.1.0 fact blob wrong');
  });

  it('sees what lacks in a child of an index', async () => {
    registry.loseBlob('test/acme/left-pad', digestOf('archive of 1.0.0'));

    const problems = problemsOf(await check(registry));

    expect(problems).toContain('test/acme/left-pad 1.0.0 fact blob missing');
    expect(problems).toContain('test/acme/left-pad v1.0.0 fact blob missing');
  });

  it('sees a tag of ours that holds something else, and leaves alone what is not ours or deleted', async () => {
    const repository = registry.repository('test/acme/left-pad');
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    const foreign = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [] });
    for (const tag of ['_e.0000000009.00000000000000ff', 'latest', 'sha256-abc.sig', '3.0.0', deletionTag('3.0.0')]) {
      await repository.writeManifest(foreign, { tag });
    }

    const report = await check(registry);

    expect(problemsOf(report)).toEqual([
      'test/acme/left-pad _e.0000000009.00000000000000ff event manifest wrong',
      `test/acme/left-pad ${deletionTag('3.0.0')} deletion manifest wrong`,
    ].toSorted((left, right) => left.localeCompare(right)));
    expect(report.tags).toMatchObject({ foreign: 2, hidden: 3 });
  });

  it('tells what cannot be read from what is not there, and goes on', async () => {
    const failing = registry.view({
      gate: {
        before: ({ kind, reference }) => {
          if (kind === 'read-blob' && reference === FILE) {
            throw new ProxyError('storage-unavailable', 'the disk is on fire');
          }
        },
      },
    });

    const report = await check(failing);

    expect(problemsOf(report)).toContain('test/acme/left-pad 1.1.0 fact blob unreadable');
    expect(report.tags.fact).toBe(14);
  });

  it('gives up where nothing can be read any more', async () => {
    const large = new MemoryRegistry();
    await fillStore(large, { many: 40 });
    const away = large.view({
      gate: {
        before: ({ kind }) => {
          if (kind !== 'list-page') {
            throw new ProxyError('storage-unavailable', 'the registry is away');
          }
        },
      },
    });

    await expect(check(away)).rejects.toThrow(/given up.*the registry is away/);
  });

  it('ends when it is interrupted', async () => {
    await expect(verify({ registry, locator: LOCATOR, scope: { kind: 'all' }, quick: false, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('verifying a layout directory', () => {
  let directory: string;
  let registry: LayoutRegistry;

  beforeEach(async () => {
    directory = await temporaryDirectory('verify');
    registry = new LayoutRegistry({ directory });
    await fillStore(registry);
  });
  afterEach(async () => {
    await registry.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('finds a file that was cut short, one that is gone, and a tag that cannot be read', async () => {
    const blobs = join(directory, 'test/acme/left-pad/blobs/sha256');
    expect((await check(registry)).problems).toEqual([]);

    await truncate(join(blobs, FILE.slice('sha256:'.length)), 4).catch(async () => rm(join(blobs, FILE.slice('sha256:'.length))));
    await rm(join(directory, 'test/pulled/blobs/sha256', digestOf('file of 2.0.0').slice('sha256:'.length)));
    await truncate(join(directory, 'test/many/refs/0.1.0'), 3);

    expect(problemsOf(await check(registry)).toSorted()).toEqual([
      'test/acme/left-pad 1.1.0 fact blob wrong',
      'test/many 0.1.0 fact manifest wrong',
      'test/pulled 2.0.0 derived blob missing',
      'test/pulled _p.linux.2.0.0 fact blob missing',
    ]);
  });

  it('also reads what no catalogue lists', async () => {
    await rm(join(directory, 'catalog'), { recursive: true });

    expect((await check(registry)).tags.fact).toBe(14);
  });
});

describe('verifying a docker-registry', () => {
  let running: RunningRegistry;
  let registry: RemoteRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes: true });
    registry = new RemoteRegistry({ url: `${running.url}/some/prefix`, retry: { attempts: 2, baseMs: 10 } });
    await fillStore(registry);
  });
  afterAll(async () => {
    await registry.close();
    await running.stop();
  });

  it('reads everything that the catalogue lists, and finds a blob that was lost', async () => {
    const whole = await check(registry);
    const hex = FILE.slice('sha256:'.length);
    await rm(join(running.directory, 'data/docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex), { recursive: true });
    const broken = await check(registry);

    expect(whole.problems).toEqual([]);
    expect(whole.tags.fact).toBe(14);
    expect(problemsOf(broken)).toContain('test/acme/left-pad 1.1.0 fact blob missing');
    expect((await check(registry, { kind: 'prefix', prefix: refTo('pulled').repository })).problems).toEqual([]);
  });
});
