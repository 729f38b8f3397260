import { describe, expect, it } from 'vitest';

import { seed, tagsOf, version } from './sample-content.contract.ts';
import type { StoreUnderTest } from './store-under-test.contract.ts';

/** What a Repository promises of tags and lists of them. */
export function describeTags(store: StoreUnderTest): void {
  describe('tags', () => {
  it('of a repository that is not there are none', async () => {
    expect(await tagsOf(store.fresh())).toEqual([]);
  });

  it('may be any that OCI allows, and differ by case', async () => {
    const repository = await store.ready();
    const tags = ['1.0.0', '1.0.0_build.5', 'A', 'a', '_snapshot', '_e.0000000001.0123456789abcdef', 'x'.repeat(128), 'index.json', '0'];

    for (const tag of tags) {
      await repository.writeManifest(version(tag), { tag });
    }

    expect(await tagsOf(repository)).toEqual(tags.toSorted());
    expect(await repository.statManifest('A')).toBe(version('A').digest);
    expect(await repository.statManifest('a')).toBe(version('a').digest);
  });

  it('of many writers at a time are all kept, and every completed one is in every later list', async () => {
    const repository = await store.ready();
    const writers = [repository, store.another(repository), store.another(repository)];
    const tags = Array.from({ length: 120 }, (_, at) => `1.0.${at}`);
    const acknowledged: string[] = [];
    let writing = true;
    const forgotten: string[] = [];
    const reader = store.another(repository);
    const watching = (async () => {
      while (writing) {
        const before = [...acknowledged];
        const seen = new Set(await tagsOf(reader));
        forgotten.push(...before.filter((tag) => !seen.has(tag)));
      }
    })();

    await Promise.all(writers.map(async (writer, which) => {
      for (let at = which; at < tags.length; at += writers.length) {
        const tag = tags[at] ?? expect.fail();
        await writer.writeManifest(version(tag), { tag });
        acknowledged.push(tag);
      }
    }));
    writing = false;
    await watching;

    expect(forgotten).toEqual([]);
    expect(await tagsOf(repository)).toEqual(tags.toSorted());
  }, 120_000);

  it('of a repository are not those of one that lies in it', async () => {
    const name = store.freshName();
    const [outer, inner] = [store.registry.repository(name), store.registry.repository(`${name}/b`)];
    await Promise.all([seed(outer), seed(inner)]);

    await outer.writeManifest(version('outer'), { tag: 'o' });
    await inner.writeManifest(version('inner'), { tag: 'i' });

    expect(await tagsOf(outer)).toEqual(['o']);
    expect(await tagsOf(inner)).toEqual(['i']);
    expect(await outer.readManifest('i')).toBeNull();
  });
  });
}
