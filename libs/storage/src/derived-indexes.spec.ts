import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, type Index, INDEX_MEDIA_TYPE, isManifest, MemoryRegistry, parseManifest, type Registry } from '@oci-package-proxy/oci';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DerivedIndex, Fold, NewFact } from './index.ts';
import { Ledger } from './ledger.ts';
import { indexFact, keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';
import { ANNOTATIONS } from './vendor.ts';

const BY = { by: 'alice' };
const ARTIFACT = 'application/vnd.example.index';

function part(os: string): NewFact {
  return newFact('1.0.0', { tag: `_p.${os}.1.0.0`, artifactType: 'application/vnd.example.target', content: `file for ${os}` });
}

/** One index: every part of 1.0.0. */
function derive({ facts }: Fold): readonly DerivedIndex[] {
  const tags = [...facts.keys()].filter((tag) => tag.endsWith('.1.0.0'));
  return [{ tag: '1.0.0', artifactType: ARTIFACT, entries: tags.map((fact) => ({ fact, platform: { os: fact.split('.')[1] ?? '', architecture: 'amd64' } })) }];
}

async function indexIn(registry: Registry, tag = '1.0.0'): Promise<Index | null> {
  const stored = await registry.repository(REF.repository).readManifest(tag);
  const parsed = stored === null ? null : parseManifest(stored);
  return parsed === null || isManifest(parsed) ? null : parsed;
}

async function listed(registry: MemoryRegistry): Promise<(string | undefined)[] | null> {
  const index = await indexIn(registry.view());
  return index?.manifests.map(({ platform }) => platform?.os) ?? null;
}

async function stored(...systems: readonly string[]): Promise<MemoryRegistry> {
  const registry = new MemoryRegistry();
  for (const os of systems) {
    await new Ledger({ registry }).ingest(REF, part(os));
  }
  requestsOf(registry);
  return registry;
}

function small(): number {
  return 0.001;
}

describe('writeDerived', () => {
  it('writes an index of what the facts are', async () => {
    const registry = await stored('linux', 'darwin');

    expect(await new Ledger({ registry }).writeDerived(REF, derive)).toBe('written');

    const repository = registry.repository(REF.repository);
    const [darwin, linux] = [(await repository.readManifest('_p.darwin.1.0.0'))!, (await repository.readManifest('_p.linux.1.0.0'))!];
    expect(await indexIn(registry)).toEqual({
      schemaVersion: 2,
      mediaType: INDEX_MEDIA_TYPE,
      artifactType: ARTIFACT,
      manifests: [[darwin, 'darwin'] as const, [linux, 'linux'] as const].map(([{ mediaType, digest, bytes }, os]) => ({ mediaType, digest, size: bytes.length, artifactType: part(os).artifactType, platform: { os, architecture: 'amd64' } })),
      annotations: { [ANNOTATIONS.tag]: '1.0.0', [ANNOTATIONS.ecosystem]: 'test', [ANNOTATIONS.package]: 'left-pad', [ANNOTATIONS.derived]: 'index' },
    });
  });

  it('lists a fact that is an index as what it is', async () => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).ingest(REF, indexFact('2.0.0'));

    await new Ledger({ registry }).writeDerived(REF, () => [{ tag: 'all', artifactType: ARTIFACT, entries: [{ fact: '2.0.0' }] }]);

    const { digest, bytes } = (await registry.repository(REF.repository).readManifest('2.0.0'))!;
    expect((await indexIn(registry, 'all'))?.manifests).toEqual([{ mediaType: INDEX_MEDIA_TYPE, digest, size: bytes.length, artifactType: 'application/vnd.example.index' }]);
  });

  it('writes nothing that is there already: a list and a look at the tag', async () => {
    const registry = await stored('linux');
    const ledger = new Ledger({ registry });
    await ledger.writeDerived(REF, derive);
    requestsOf(registry);

    expect(await ledger.writeDerived(REF, derive)).toBe('unchanged');
    expect(requestsOf(registry)).toEqual(['list-page', 'stat-manifest 1.0.0']);
  });

  it('is ignored by everything that reads facts, without a warning', async () => {
    const registry = await stored('linux');
    const before = await new Ledger({ registry }).fold(REF);
    await new Ledger({ registry }).writeDerived(REF, derive);
    const log = keptLog();
    const reader = new Ledger({ registry, logger: log });

    expect(await reader.fold(REF)).toEqual(before);
    expect(await reader.fact(REF, '1.0.0')).toBeNull();
    expect(log.messages).toEqual([]);
  });

  it('follows the facts', async () => {
    const registry = await stored('linux', 'darwin');
    const ledger = new Ledger({ registry });
    await ledger.writeDerived(REF, derive);

    await ledger.ingest(REF, part('windows'));
    await ledger.delete(REF, ['_p.darwin.1.0.0'], BY);

    expect(await listed(registry)).toEqual(['darwin', 'linux']);
    expect(await ledger.writeDerived(REF, derive)).toBe('written');
    expect(await listed(registry)).toEqual(['linux', 'windows']);
  });

  it('removes the tag of an index that lists nothing any more', async () => {
    const registry = await stored('linux');
    const ledger = new Ledger({ registry });
    await ledger.writeDerived(REF, derive);
    await ledger.delete(REF, ['_p.linux.1.0.0'], BY);

    expect(await ledger.writeDerived(REF, derive)).toBe('written');
    expect(await registry.repository(REF.repository).statManifest('1.0.0')).toBeNull();
    expect(await ledger.writeDerived(REF, derive)).toBe('unchanged');
  });

  it('writes an empty index where tags cannot be removed: what is deleted must not be installed', async () => {
    const registry = await stored('linux');
    const ledger = new Ledger({ registry: new UndeletingRegistry(registry) });
    await ledger.writeDerived(REF, derive);
    await ledger.delete(REF, ['_p.linux.1.0.0'], BY);

    expect(await ledger.writeDerived(REF, derive)).toBe('written');
    expect((await indexIn(registry))?.manifests).toEqual([]);
    expect(await ledger.writeDerived(REF, derive)).toBe('unchanged');
  });

  it.each(['conflict', 'storage-denied', 'unsupported'] as const)('says once that tags cannot be rewritten (%s), and writes what can be', async (code) => {
    const registry = await stored('linux');
    const log = keptLog();
    const ledger = new Ledger({ registry: new ImmutableRegistry(registry, code), logger: log });

    expect(await ledger.writeDerived(REF, derive)).toBe('written');
    await ledger.ingest(REF, part('darwin'));
    expect(await ledger.writeDerived(REF, derive)).toBe('unsupported');
    expect(await ledger.writeDerived(REF, derive)).toBe('unsupported');
    expect(await listed(registry)).toEqual(['linux']);
    expect(log.messages).toEqual(['the registry does not let tags be rewritten; readers that know nothing of us may see less than there is']);
    expect(await ledger.writeDerived(REF, (fold) => [...derive(fold), { tag: 'all', artifactType: ARTIFACT, entries: [] }, { tag: 'some', artifactType: ARTIFACT, entries: [{ fact: '_p.linux.1.0.0' }] }])).toBe('unsupported');
    expect((await indexIn(registry, 'some'))?.manifests).toHaveLength(1);
  });

  it('fails where a new tag is refused', async () => {
    const registry = await stored('linux');
    const gate: Gate = { before: ({ kind }) => {
      if (kind === 'write-manifest') {
        throw new ProxyError('storage-denied', 'read only');
      }
    } };

    await expect(new Ledger({ registry: registry.view({ gate }) }).writeDerived(REF, derive)).rejects.toMatchObject({ code: 'storage-denied' });
  });

  it.each([['is no index of ours', rawManifest({ layers: [] })], ['is derived for another tag', rawManifest({ layers: [], annotations: { [ANNOTATIONS.derived]: 'index', [ANNOTATIONS.tag]: '2.0.0', [ANNOTATIONS.package]: 'left-pad', [ANNOTATIONS.ecosystem]: 'test' } })]])('leaves alone what %s', async (_what, other) => {
    const registry = await stored('linux');
    await registry.repository(REF.repository).writeManifest(other, { tag: '1.0.0' });
    const log = keptLog();

    expect(await new Ledger({ registry, logger: log }).writeDerived(REF, derive)).toBe('unsupported');
    expect(await new Ledger({ registry }).writeDerived(REF, () => [{ tag: '1.0.0', artifactType: ARTIFACT, entries: [] }])).toBe('unsupported');
    expect(await registry.repository(REF.repository).statManifest('1.0.0')).toBe(other.digest);
    expect(log.messages).toContain('the tag of a derived index holds something that is not ours; it stays');
  });

  it('is not for what is published here', async () => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).publish(REF, newFact('1.0.0'), BY);

    await expect(new Ledger({ registry }).writeDerived(REF, () => [])).rejects.toMatchObject({ code: 'conflict' });
  });

  it.each([
    ['the tag of a fact', { tag: '_p.linux.1.0.0', entries: [] }],
    ['a tag of the ledger', { tag: '_snapshot', entries: [] }],
    ['a fact that is not there', { tag: '1.0.0', entries: [{ fact: '_p.plan9.1.0.0' }] }],
  ])('refuses an index with %s', async (_what, index) => {
    const registry = await stored('linux');

    await expect(new Ledger({ registry }).writeDerived(REF, () => [{ artifactType: ARTIFACT, ...index }])).rejects.toMatchObject({ code: 'internal' });
  });

  it('lists again when a fact went away between the list and the write', async () => {
    const registry = await stored('linux', 'darwin');
    let gone = false;
    const gate: Gate = { before: async ({ kind, reference }) => {
      if (kind !== 'write-manifest' || reference !== '1.0.0' || gone) {
        return;
      }
      gone = true;
      await new Ledger({ registry: registry.view() }).delete(REF, ['_p.darwin.1.0.0'], BY);
      throw new ProxyError('unprocessable', 'a child is missing');
    } };

    expect(await new Ledger({ registry: registry.view({ gate }) }).writeDerived(REF, derive)).toBe('written');
    expect(await listed(registry)).toEqual(['linux']);
  });

  it('leaves out a fact whose manifest cannot be read, and says so', async () => {
    const registry = await stored('linux', 'darwin');
    const digest = await registry.repository(REF.repository).statManifest('_p.darwin.1.0.0');
    const log = keptLog();
    const gate: Gate = { before: ({ kind, reference }) => {
      if (kind === 'read-manifest' && reference === digest) {
        throw new ProxyError('integrity', 'damaged');
      }
    } };

    await new Ledger({ registry: registry.view({ gate }), logger: log }).writeDerived(REF, derive);

    expect(await listed(registry)).toEqual(['linux']);
    expect(log.messages).toContain('a version is left out of a derived index: its manifest cannot be read');
  });

  it('gives up when somebody always writes something else', async () => {
    const registry = await stored('linux');
    let round = 0;
    const ledger = new Ledger({ registry, random: small });

    const writing = ledger.writeDerived(REF, () => {
      round += 1;
      return [{ tag: '1.0.0', artifactType: `${ARTIFACT}.${round}`, entries: [{ fact: '_p.linux.1.0.0' }] }];
    });

    await expect(writing).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(round).toBe(8);
  });

  it('stops when the caller goes away', async () => {
    const registry = await stored('linux');
    await expect(new Ledger({ registry }).writeDerived(REF, derive, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('two workers at once', () => {
  const expected = ['darwin', 'linux', 'windows'];

  it('leave an index of all facts, whatever the order of their requests', async () => {
    await fc.assert(fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const registry = await stored('linux');
      const gate: Gate = { before: async () => scheduler.schedule(Promise.resolve()), after: async () => scheduler.schedule(Promise.resolve()) };
      const workers = ['darwin', 'windows'].map(async (os) => {
        const ledger = new Ledger({ registry: registry.view({ gate, actor: os }), random: small });
        await ledger.ingest(REF, part(os));
        await ledger.writeDerived(REF, derive);
      });

      await scheduler.waitFor(Promise.all(workers));

      expect(await listed(registry)).toEqual(expected);
    }), { numRuns: 40 });
  });

  it('leave no index with a fact that was deleted, whatever the order of their requests', async () => {
    await fc.assert(fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const registry = await stored('linux', 'darwin');
      const gate: Gate = { before: async () => scheduler.schedule(Promise.resolve()), after: async () => scheduler.schedule(Promise.resolve()) };
      const [operator, worker] = ['operator', 'worker'].map((actor) => new Ledger({ registry: registry.view({ gate, actor }), random: small }));
      const deleting = async (): Promise<void> => {
        await operator?.delete(REF, ['_p.darwin.1.0.0'], BY);
        await operator?.writeDerived(REF, derive);
      };
      const storing = async (): Promise<void> => {
        await worker?.ingest(REF, part('windows'));
        await worker?.writeDerived(REF, derive);
      };

      await scheduler.waitFor(Promise.all([deleting(), storing()]));

      expect(await listed(registry)).toEqual(['linux', 'windows']);
    }), { numRuns: 40 });
  });

  it.each([
    ['stores another fact', async (other: Ledger) => void (await other.ingest(REF, part('windows'))), expected],
    ['deletes a fact', async (other: Ledger) => other.delete(REF, ['_p.darwin.1.0.0'], BY), ['linux']],
    ['deletes all', async (other: Ledger) => other.delete(REF, ['_p.darwin.1.0.0', '_p.linux.1.0.0'], BY), null],
  ])('leave it right when one sleeps at any request while the other one %s', async (_what, change, result) => {
    for (let awake = 1; ; awake += 1) {
      const registry = await stored('linux', 'darwin');
      let requests = 0;
      const gate: Gate = { before: async () => {
        requests += 1;
        if (requests === awake) {
          const other = new Ledger({ registry: registry.view() });
          await change(other);
          await other.writeDerived(REF, derive);
        }
      } };
      await new Ledger({ registry: registry.view({ gate }) }).writeDerived(REF, derive);
      if (requests < awake) {
        expect(awake).toBeGreaterThan(5);
        return;
      }

      expect(await listed(registry)).toEqual(result);
    }
  });

  it('leave it right when one is killed at any request and its job is done again', async () => {
    for (let survived = 0; ; survived += 1) {
      const registry = await stored('linux', 'darwin');
      let requests = 0;
      const gate: Gate = { before: () => {
        requests += 1;
        if (requests > survived) {
          throw new Error('killed');
        }
      } };
      const killed = await new Ledger({ registry: registry.view({ gate }) }).writeDerived(REF, derive).then(() => false, () => true);
      await new Ledger({ registry }).ingest(REF, part('windows'));
      await new Ledger({ registry }).writeDerived(REF, derive);

      expect(await listed(registry)).toEqual(expected);
      if (!killed) {
        expect(survived).toBeGreaterThan(5);
        return;
      }
    }
  });
});

abstract class ChangedRegistry implements Registry {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  protected below(name: string): ReturnType<Registry['repository']> {
    return this.#registry.repository(name);
  }

  abstract repository(name: string): ReturnType<Registry['repository']>;

  check(): Promise<void> {
    return this.#registry.check();
  }

  close(): Promise<void> {
    return this.#registry.close();
  }
}

/** Cannot remove tags. */
class UndeletingRegistry extends ChangedRegistry {
  repository(name: string): ReturnType<Registry['repository']> {
    const repository = this.below(name);
    Object.assign(repository, { deleteTag: async () => false });
    return repository;
  }
}

/** Refuses to put a tag that is there. */
class ImmutableRegistry extends ChangedRegistry {
  readonly #code: 'conflict' | 'storage-denied' | 'unsupported';

  constructor(registry: Registry, code: 'conflict' | 'storage-denied' | 'unsupported') {
    super(registry);
    this.#code = code;
  }

  repository(name: string): ReturnType<Registry['repository']> {
    const repository = this.below(name);
    const write = repository.writeManifest.bind(repository);
    repository.writeManifest = async (manifest, options = {}) => {
      const before = options.tag === undefined ? null : await repository.statManifest(options.tag);
      if (before !== null && before !== manifest.digest) {
        throw new ProxyError(this.#code, 'tags are immutable');
      }
      await write(manifest, options);
    };
    return repository;
  }
}
