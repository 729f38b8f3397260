import { Readable } from 'node:stream';

import { fileTag } from '@oci-package-proxy/mapping';
import { bufferBlob, EMPTY_BYTES, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Catalogue } from './catalogue.ts';
import { rawManifest, requestsOf } from './sample-fact.contract.ts';

async function namesOf(catalogue: Catalogue): Promise<string[]> {
  return (await Readable.from(catalogue.names('test')).toArray() as string[]).sort();
}

function refOf(name: string): { readonly ecosystem: string; readonly name: string; readonly repository: string } {
  return { ecosystem: 'test', name, repository: 'unused' };
}

describe.each([{ flat: false }, { flat: true }])('Catalogue, flat: $flat', ({ flat }) => {
  const NAMES = ['left-pad', '@types/node', 'JSONStream', '_x', '__proto__', '%2f', 'ü', 'n'.repeat(300), `@s/${'é'.repeat(100)}`];

  it('gives back every name that was added', async () => {
    const registry = new MemoryRegistry();
    const catalogue = new Catalogue(registry, flat);

    for (const name of [...NAMES, ...NAMES]) {
      await catalogue.add(refOf(name));
    }

    expect(await namesOf(new Catalogue(registry, flat))).toEqual([...NAMES].sort());
    expect(await Readable.from(catalogue.names('other')).toArray()).toEqual([]);
  });

  it('spreads names over 16 repositories', async () => {
    const registry = new MemoryRegistry();
    const catalogue = new Catalogue(registry, flat);
    for (let index = 0; index < 100; index += 1) {
      await catalogue.add(refOf(`package-${index}`));
    }

    const repositories = new Set(registry.operations.map(({ repository }) => repository));

    expect(repositories.size).toBe(16);
    for (const name of repositories) {
      expect(name).toMatch(flat ? /^catalog-0-test-0-[0-9a-z-]+$/ : /^catalog\/test\/[0-9a-z-]+$/);
    }
  });

  it('asks once for a name that it has put or found', async () => {
    const registry = new MemoryRegistry();
    await new Catalogue(registry, flat).add(refOf('left-pad'));
    requestsOf(registry);
    const catalogue = new Catalogue(registry, flat);

    await catalogue.add(refOf('left-pad'));
    await catalogue.add(refOf('left-pad'));

    expect(requestsOf(registry)).toEqual(['stat-manifest left-pad']);
  });

  it('tries again when a put failed', async () => {
    let failing = true;
    const registry = new MemoryRegistry({ gate: { before: ({ kind }) => {
      if (kind === 'write-manifest' && failing) {
        throw new Error('away');
      }
    } } });
    const catalogue = new Catalogue(registry, flat);
    await expect(catalogue.add(refOf('left-pad'))).rejects.toThrow('away');
    failing = false;

    await catalogue.add(refOf('left-pad'));

    expect(await namesOf(catalogue)).toEqual(['left-pad']);
  });

  it('leaves out what is not ours', async () => {
    const registry = new MemoryRegistry();
    const catalogue = new Catalogue(registry, flat);
    const long = 'n'.repeat(300);
    await catalogue.add(refOf(long));
    const shard = registry.operations[0]!.repository;
    const repository = registry.repository(shard);
    await repository.writeBlob(bufferBlob(EMPTY_BYTES));
    await repository.writeManifest(rawManifest({}), { tag: '_snapshot' });
    await repository.writeManifest(rawManifest({}), { tag: 'a_.zz_.41' });
    await repository.writeManifest(rawManifest({ annotations: { 'io.oci-package-proxy.package': 'lie' } }), { tag: fileTag('m'.repeat(300)) });

    expect(await namesOf(catalogue)).toEqual([long]);
  });
});
