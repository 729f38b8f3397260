import { type Digest, digestOf, type Index, parseManifest, RemoteRegistry, type Repository } from '@oci-package-proxy/oci';
import { type RunningRegistry, startDockerRegistry } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { DerivedIndex, Fold, PackageRef } from './index.ts';
import { Ledger } from './ledger.ts';
import { indexFact, keptLog, newFact } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe.each([{ deletes: true }, { deletes: false }])('what others read, in a docker-registry with deletes: $deletes', ({ deletes }) => {
  let running: RunningRegistry;
  let registry: RemoteRegistry;
  let ledger: Ledger;
  let ref: PackageRef;
  let repository: Repository;
  let log: ReturnType<typeof keptLog>;
  let count = 0;

  beforeAll(async () => {
    running = await startDockerRegistry({ deletes });
    registry = new RemoteRegistry({ url: running.url });
  });
  afterAll(async () => {
    await registry.close();
    await running.stop();
  });
  beforeEach(() => {
    count += 1;
    ref = { ecosystem: 'test', name: `package-${count}`, repository: `test/package-${count}` };
    log = keptLog();
    ledger = new Ledger({ registry, logger: log });
    repository = registry.repository(ref.repository);
  });

  async function digestsOf(...tags: readonly string[]): Promise<readonly (Digest | null)[]> {
    return Promise.all(tags.map((tag) => repository.statManifest(tag)));
  }

  async function listed(): Promise<readonly (string | undefined)[] | null> {
    const stored = await repository.readManifest('1.0.0');
    return stored === null ? null : (parseManifest(stored) as Index).manifests.map(({ platform }) => platform?.os);
  }

  function derive({ facts }: Fold): readonly DerivedIndex[] {
    const entries = [...facts.keys()].map((fact) => ({ fact, platform: { os: fact.split('.')[1] ?? '', architecture: 'amd64' } }));
    return [{ tag: '1.0.0', artifactType: 'application/vnd.example.index', entries }];
  }

  it('is an index with its children and further tags, decided between rivals', async () => {
    const rivals = ['left', 'right'].map((content) => new Ledger({ registry }).publish(ref, indexFact('1.0.0', { content, aliases: ['v1.0.0'] }), BY));

    const outcomes = await Promise.allSettled(rivals);

    const [digest, alias] = await digestsOf('1.0.0', 'v1.0.0');
    const stored = parseManifest((await repository.readManifest('1.0.0'))!) as Index;
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(alias).toBe(digest);
    expect(await Promise.all(stored.manifests.map((child) => repository.statManifest(child.digest)))).toEqual(stored.manifests.map((child) => child.digest));
    expect((await ledger.fold(ref)).facts.get('1.0.0')).toMatchObject({ digest, payload: digestOf(['left', 'right'][outcomes.findIndex(({ status }) => status === 'fulfilled')] ?? '') });
    expect(log.messages).toEqual([]);
  });

  it('goes when a version is deleted, as far as the registry can', async () => {
    await ledger.publish(ref, indexFact('1.0.0', { aliases: ['v1.0.0'] }), BY);

    await ledger.delete(ref, ['1.0.0'], BY);

    expect((await digestsOf('1.0.0', 'v1.0.0')).map((digest) => digest === null)).toEqual([deletes, deletes]);
    expect(await ledger.fact(ref, '1.0.0')).toBeNull();
  });

  it('follows what is pulled through', async () => {
    for (const os of ['linux', 'darwin']) {
      await ledger.ingest(ref, newFact('1.0.0', { tag: `_p.${os}.1.0.0`, content: os }));
      await ledger.writeDerived(ref, derive);
    }
    const both = await listed();

    await ledger.delete(ref, ['_p.darwin.1.0.0'], BY);
    await ledger.writeDerived(ref, derive);
    const one = await listed();
    await ledger.delete(ref, ['_p.linux.1.0.0'], BY);
    await ledger.writeDerived(ref, derive);

    expect([both, one]).toEqual([['darwin', 'linux'], ['linux']]);
    expect(await listed()).toEqual(deletes ? null : []);
    expect(await ledger.writeDerived(ref, derive)).toBe('unchanged');
  });
});
