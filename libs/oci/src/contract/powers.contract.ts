import { describe, expect, it } from 'vitest';

import { EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE } from '../model/manifest.ts';
import { isTagCreator, isTagDeleter } from '../ports/repository.ts';
import { layer, stored, tagsOf, version } from './sample-content.contract.ts';
import type { Powers, StoreUnderTest } from './store-under-test.contract.ts';

/** What a Repository promises that can more than all of them. */
export function describePowers(store: StoreUnderTest, powers: Powers): void {
  describe('optional powers', () => {
  it(`creating tags: ${powers.createsTags ? 'exactly one of many wins, and all are told who' : 'not there'}`, async () => {
    const repository = await store.ready();
    expect(isTagCreator(repository)).toBe(powers.createsTags);
    if (!isTagCreator(repository)) {
      return;
    }
    const rivals = Array.from({ length: 12 }, (_, at) => version(`rival ${at}`));

    const answers = await Promise.all(rivals.map((rival, at) => {
      const client = at % 2 === 0 ? repository : store.another(repository);
      return isTagCreator(client) ? client.createTag('1.0.0', rival) : expect.fail();
    }));

    const winner = await repository.statManifest('1.0.0');
    expect(new Set(answers)).toEqual(new Set([winner]));
    expect(rivals.map(({ digest }) => digest)).toContain(winner);
    expect(await repository.readManifest('1.0.0')).toEqual(rivals.find(({ digest }) => digest === winner));
    expect(await repository.createTag('1.0.0', version('late'))).toBe(winner);
    expect(await repository.createTag('2.0.0', version('free'))).toBe(version('free').digest);
    await expect(repository.createTag('3.0.0', stored(MANIFEST_MEDIA_TYPE, { config: EMPTY_DESCRIPTOR, layers: [layer(Buffer.from('no'))] }))).rejects.toMatchObject({ code: powers.oddities?.missingParts ?? 'unprocessable' });
    expect(await tagsOf(repository)).toEqual(['1.0.0', '2.0.0']);
  });

  it(`deleting tags: ${powers.deletesTags ? 'gone, and may be made again' : 'refused without a failure'}`, async () => {
    const repository = await store.ready();
    if (!isTagDeleter(repository)) {
      expect(powers.deletesTags).toBe(false);
      return;
    }
    await repository.writeManifest(version('1'), { tag: '1.0.0' });
    await repository.writeManifest(version('2'), { tag: '2.0.0' });

    expect(await repository.deleteTag('1.0.0')).toBe(powers.deletesTags);

    expect(await tagsOf(repository)).toEqual(powers.deletesTags ? ['2.0.0'] : ['1.0.0', '2.0.0']);
    expect(await repository.readManifest('1.0.0')).toEqual(powers.deletesTags ? null : version('1'));
    expect(await repository.readManifest('2.0.0')).toEqual(version('2'));
    await repository.writeManifest(version('3'), { tag: '1.0.0' });
    expect(await repository.statManifest('1.0.0')).toBe(version('3').digest);
  });

  it('deleting a tag that is not there succeeds', async () => {
    const [repository, missing] = [await store.ready(), store.fresh()];
    if (!isTagDeleter(repository) || !isTagDeleter(missing)) {
      expect(powers.deletesTags).toBe(false);
      return;
    }

    expect(await repository.deleteTag('1.0.0')).toBe(true);
    expect(await missing.deleteTag('1.0.0')).toBe(true);
  });
  });
}
