import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { digestOf } from '../model/digest.ts';
import { type CallOptions, isTagCreator, isTagDeleter, type Repository } from '../ports/repository.ts';
import { describeBlobs } from './blobs.contract.ts';
import { describeManifests } from './manifests.contract.ts';
import { describePowers } from './powers.contract.ts';
import { FILE, tagsOf, version } from './sample-content.contract.ts';
import { type Powers, type RegistryUnderTest, StoreUnderTest } from './store-under-test.contract.ts';
import { describeTags } from './tags.contract.ts';

const GIVEN_UP = AbortSignal.abort();

/** The Repository port's promises, checked on one driver: every driver's spec runs this. */
export function describeRepositoryContract(label: string, start: () => Promise<RegistryUnderTest>, powers: Powers): void {
  describe(`${label} as a Repository`, () => {
    const store = new StoreUnderTest(start);

    beforeAll(() => store.start());
    afterAll(() => store.stop());

    describeBlobs(store, powers);
    describeManifests(store, powers);
    describeTags(store);
    describePowers(store, powers);

    it.each<[string, (repository: Repository, options: CallOptions) => Promise<unknown>]>([
      ['statBlob', (repository, options) => repository.statBlob(digestOf(FILE), options)],
      ['readBlob', (repository, options) => repository.readBlob(digestOf(FILE), options)],
      ['writeBlob', (repository, options) => repository.writeBlob(bufferBlob(Buffer.from('new')), options)],
      ['readManifest by tag', (repository, options) => repository.readManifest('1.0.0', options)],
      ['readManifest by digest', (repository, options) => repository.readManifest(version('1').digest, options)],
      ['statManifest', (repository, options) => repository.statManifest('1.0.0', options)],
      ['writeManifest', (repository, options) => repository.writeManifest(version('new'), { ...options, tag: 'new' })],
      ['createTag', (repository, options) => (isTagCreator(repository) ? repository.createTag('new', version('new'), options) : repository.statManifest('1.0.0', options))],
      ['deleteTag', (repository, options) => (isTagDeleter(repository) ? repository.deleteTag('1.0.0', options) : repository.statManifest('1.0.0', options))],
      ['listTags', (repository, options) => tagsOf(repository, options)],
    ])('does nothing for a caller that has given up: %s', async (_name, call) => {
      const repository = await store.ready();
      await repository.writeManifest(version('1'), { tag: '1.0.0' });

      await expect(call(repository, { signal: GIVEN_UP })).rejects.toMatchObject({ code: 'aborted' });

      expect(await tagsOf(repository)).toEqual(['1.0.0']);
      expect(await repository.statBlob(digestOf('new'))).toBeNull();
    });

    it.each(['', 'A', 'a//b', '/a', 'a/', '../a', 'a b', 'a'.repeat(300)])('has no repository %j', (name) => {
      expect(() => store.registry.repository(name)).toThrow(expect.objectContaining({ code: 'invalid' }));
    });

    it('is there', async () => {
      await expect(store.registry.check()).resolves.toBeUndefined();
    });
  });
}
