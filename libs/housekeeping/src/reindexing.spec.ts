import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';

import { type ErrorCode, ProxyError } from '@oci-package-proxy/errors';
import { bufferBlob, type Digest, EMPTY_BYTES, EMPTY_DESCRIPTOR, isTagDeleter, LayoutRegistry, MANIFEST_MEDIA_TYPE, manifestBytes, type MemoryOperation, MemoryRegistry, referencesOf, type Registry, RemoteRegistry, type Repository } from '@oci-package-proxy/oci';
import { Catalogue, Ledger, SNAPSHOT_TAG } from '@oci-package-proxy/storage';
import { type RunningRegistry, startDockerRegistry, temporaryDirectory } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { reindex, type ReindexReport } from './reindexing.ts';
import { fillStore, LOCATOR, refTo, sampleFact } from './sample-store.contract.ts';
import type { Scope } from './scope.ts';

const LOGGER = { warn: () => undefined };
const MANY: Scope = { kind: 'names', names: [{ ecosystem: 'test', name: 'many' }] };

function rebuild(registry: Registry, scope: Scope = { kind: 'all' }): Promise<ReindexReport> {
  return reindex({ registry, locator: LOCATOR, scope, logger: LOGGER });
}

async function namesIn(registry: Registry, ecosystem = 'test'): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const name of new Catalogue(registry, false).names(ecosystem)) {
    names.push(name);
  }
  return names.toSorted();
}

async function deleteTag(repository: Repository, tag: string): Promise<boolean> {
  return isTagDeleter(repository) && repository.deleteTag(tag);
}

async function snapshotBlob(registry: Registry): Promise<Digest> {
  const stored = await registry.repository('test/many').readManifest(SNAPSHOT_TAG);
  return referencesOf(stored!)[1]!.digest;
}

function failing(kind: MemoryOperation['kind'], reference: string, code: ErrorCode): (operation: MemoryOperation) => void {
  return (operation) => {
    if (operation.kind === kind && operation.reference === reference) {
      throw new ProxyError(code, 'no');
    }
  };
}

describe('reindexing a store in memory', () => {
  let registry: MemoryRegistry;

  beforeEach(async () => {
    registry = new MemoryRegistry();
    await fillStore(registry);
  });

  it('writes nothing where all is right', async () => {
    const watched = registry.view();

    const report = await rebuild(watched);

    expect(report).toEqual({ packages: 4, snapshots: 0, listed: 0, unread: 0, unknown: [], absent: [], failures: [] });
    expect(watched.operations.filter(({ kind }) => kind.startsWith('write'))).toEqual([]);
  });

  it('replaces a snapshot that says something wrong, which a fold would believe', async () => {
    const [right, forged] = [new MemoryRegistry(), registry.repository('test/many')];
    await fillStore(right, { many: 12 });
    const snapshot = await right.repository('test/many').readManifest(SNAPSHOT_TAG);
    // One of the same package that was made elsewhere: it has versions that are not here, and lacks none.
    const body = await right.repository('test/many').readBlob(await snapshotBlob(right));
    await forged.writeBlob(bufferBlob(await buffer(body!.stream)));
    await forged.writeManifest(snapshot!, { tag: SNAPSHOT_TAG });

    const report = await rebuild(registry, MANY);
    const again = await rebuild(registry, MANY);

    expect(report.snapshots).toBe(1);
    expect(again.snapshots).toBe(0);
    expect((await new Ledger({ registry }).fold(refTo('many'))).facts.size).toBe(9);
  });

  it.each<[string, (store: MemoryRegistry) => Promise<void>]>([
    ['is gone', async (store) => store.loseBlob('test/many', await snapshotBlob(store))],
    ['is somebody else\'s', async (store) => {
      const other = manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, artifactType: 'application/vnd.example', config: EMPTY_DESCRIPTOR, layers: [] });
      await store.repository('test/many').writeManifest(other, { tag: SNAPSHOT_TAG });
    }],
  ])('writes a snapshot that %s', async (_name, damage) => {
    await damage(registry);

    expect(await rebuild(registry, MANY)).toMatchObject({ packages: 1, snapshots: 1 });
    registry.operations.splice(0);
    await new Ledger({ registry }).fold(refTo('many'));
    expect(registry.operations.map(({ kind }) => kind)).toEqual(['list-page', 'read-manifest', 'read-blob']);
  });

  it('lists what no catalogue lists, by the names of the repositories, and by what hashed names hold', async () => {
    const bare = new MemoryRegistry();
    await fillStore(bare);
    const long = refTo(`${'x'.repeat(90)}/${'y'.repeat(90)}/${'z'.repeat(90)}`);
    await new Ledger({ registry: bare }).publish(long, sampleFact('1'), { by: 'alice' });
    for await (const repository of bare.listRepositories()) {
      for await (const page of repository.startsWith('catalog/') ? bare.repository(repository).listTags() : []) {
        await Promise.all(page.map((tag) => deleteTag(bare.repository(repository), tag)));
      }
    }
    await bare.repository('somebody/else').writeBlob(bufferBlob(EMPTY_BYTES));
    await bare.repository('somebody/else').writeManifest(manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [] }), { tag: 'latest' });

    const report = await rebuild(bare);

    expect(report).toMatchObject({ packages: 5, listed: 5, unknown: ['somebody/else'] });
    expect(await namesIn(bare)).toEqual(['acme/left-pad', 'many', 'pulled', long.name].toSorted());
    expect(await namesIn(bare, 'system')).toEqual(['tokens']);
  });

  it.each<[string, (operation: MemoryOperation) => void, Partial<ReindexReport>]>([
    ['tags that hold wrong data', failing('read-manifest', '0.3.0', 'integrity'), { packages: 1, unread: 1, snapshots: 1, failures: [] }],
    ['snapshots that a registry does not let it replace', failing('write-manifest', SNAPSHOT_TAG, 'conflict'), { packages: 0, failures: [{ repository: 'test/many', message: 'no' }] }],
  ])('says how many %s', async (_name, before, expected) => {
    registry.loseBlob('test/many', await snapshotBlob(registry));

    expect(await rebuild(registry.view({ gate: { before } }), MANY)).toMatchObject(expected);
  });

  it('fails where the store cannot be asked', async () => {
    await expect(rebuild(registry.view({ gate: { before: failing('read-manifest', '0.3.0', 'storage-unavailable') } }), MANY)).rejects.toMatchObject({ code: 'storage-unavailable' });
  });
});

describe('reindexing a layout directory', () => {
  it('finds packages by a walk, and mends what was lost', async () => {
    const directory = await temporaryDirectory('reindex');
    const registry = new LayoutRegistry({ directory });
    await fillStore(registry);
    await rm(join(directory, 'catalog'), { recursive: true });
    await rm(join(directory, 'test/many/refs', SNAPSHOT_TAG));

    const report = await rebuild(registry);

    expect(report).toMatchObject({ packages: 4, listed: 4, snapshots: 1, unknown: [] });
    expect(await namesIn(registry)).toEqual(['acme/left-pad', 'many', 'pulled']);
    expect(await registry.repository('test/many').statManifest(SNAPSHOT_TAG)).not.toBeNull();
    await registry.close();
    await rm(directory, { recursive: true });
  });
});

describe('reindexing a docker-registry', () => {
  let running: RunningRegistry;

  beforeAll(async () => {
    running = await startDockerRegistry();
  });
  afterAll(() => running.stop());

  it('finds what the catalogue lists, and the rest by a list of names', async () => {
    const options = { url: running.url, retry: { attempts: 2, baseMs: 10 } };
    const [filled, registry] = [new RemoteRegistry(options), new RemoteRegistry(options)];
    await fillStore(filled);
    await filled.close();
    await rm(join(running.directory, 'data/docker/registry/v2/repositories/catalog'), { recursive: true });

    const blind = await rebuild(registry);
    const named = await rebuild(registry, { kind: 'names', names: [{ ecosystem: 'test', name: 'many' }, { ecosystem: 'test', name: 'never-was' }] });
    const listed = await rebuild(registry);

    expect([blind.packages, named.packages, named.listed, listed.packages]).toEqual([0, 1, 1, 1]);
    expect(await namesIn(registry)).toEqual(['many']);
    await registry.close();
  });
});
