import { describe, expect, it } from 'vitest';

import { digestOf } from '../model/digest.ts';
import { EMPTY_DESCRIPTOR, INDEX_MEDIA_TYPE, MANIFEST_MEDIA_TYPE } from '../model/manifest.ts';
import { MAX_MANIFEST_BYTES } from '../model/manifest-bytes.ts';
import { FILE, layer, seed, stored, tagsOf, version } from './sample-content.contract.ts';
import type { Powers, StoreUnderTest } from './store-under-test.contract.ts';

/** What a Repository promises of manifests and indexes. */
export function describeManifests(store: StoreUnderTest, powers: Powers): void {
  describe('manifests', () => {
  it('come back by tag and by digest, byte for byte', async () => {
    const repository = await store.ready();
    const written = stored(MANIFEST_MEDIA_TYPE, {
      'zz-unknown': { b: 1, a: [1e3, 'ü'] },
      artifactType: 'application/vnd.example',
      config: EMPTY_DESCRIPTOR,
      layers: [{ ...layer(FILE), 'x-unknown': null }],
      annotations: { 'com.example.a': 'b' },
    });

    await repository.writeManifest(written, { tag: '1.0.0' });

    expect(await repository.readManifest('1.0.0')).toEqual(written);
    expect(await repository.readManifest(written.digest)).toEqual(written);
    expect(await repository.statManifest('1.0.0')).toBe(written.digest);
    expect(await repository.statManifest(written.digest)).toBe(written.digest);
    expect(await store.another(repository).readManifest('1.0.0')).toEqual(written);
  });

  it('may be written without a tag', async () => {
    const repository = await store.ready();
    const written = version('untagged');

    await repository.writeManifest(written);
    await repository.writeManifest(written);

    expect(await repository.readManifest(written.digest)).toEqual(written);
    expect(await tagsOf(repository)).toEqual([]);
  });

  it('that are missing are null', async () => {
    const repository = store.fresh();

    expect(await repository.readManifest('1.0.0')).toBeNull();
    expect(await repository.statManifest('1.0.0')).toBeNull();
    expect(await repository.readManifest(digestOf('x'))).toBeNull();
    expect(await repository.statManifest(digestOf('x'))).toBeNull();
    await seed(repository);
    expect(await repository.readManifest('1.0.0')).toBeNull();
  });

  it('name only blobs and children that are there', async () => {
    const repository = await store.ready();
    const orphan = stored(MANIFEST_MEDIA_TYPE, { config: EMPTY_DESCRIPTOR, layers: [layer(Buffer.from('missing'))] });
    const child = version('child');
    const index = stored(INDEX_MEDIA_TYPE, { manifests: [{ mediaType: child.mediaType, digest: child.digest, size: child.bytes.length }] });

    const { missingParts = 'unprocessable' } = powers.oddities ?? {};
    const outcome: unknown = await repository.writeManifest(orphan, missingParts === 'taken' ? {} : { tag: 'orphan' }).then(() => ({ code: 'taken' }), (error: unknown) => error);
    expect(outcome).toMatchObject({ code: missingParts });
    await expect(repository.writeManifest(index, { tag: 'index' })).rejects.toMatchObject({ code: missingParts === 'taken' ? 'unprocessable' : missingParts });
    expect(await tagsOf(repository)).toEqual([]);
    await repository.writeManifest(child);
    await repository.writeManifest(index, { tag: 'index' });

    expect(await repository.readManifest('index')).toEqual(index);
    expect(await repository.readManifest(child.digest)).toEqual(child);
    expect(await tagsOf(repository)).toEqual(['index']);
  });

  it('whose bytes have another digest, or are too many, are refused', async () => {
    const repository = await store.ready();
    const large = version('x'.repeat(MAX_MANIFEST_BYTES));

    await expect(repository.writeManifest({ ...version('a'), digest: digestOf('other') }, { tag: 'a' })).rejects.toMatchObject({ code: 'integrity' });
    await expect(repository.writeManifest(large, { tag: 'large' })).rejects.toMatchObject({ code: 'too-large' });

    expect(await tagsOf(repository)).toEqual([]);
  });

  it('replace what a tag named before; the older one stays where it is', async () => {
    const repository = await store.ready();
    const versions = Array.from({ length: 6 }, (_, at) => version(`v${at}`));

    for (const written of versions.slice(0, 2)) {
      await repository.writeManifest(written, { tag: '_snapshot' });
      expect(await store.another(repository).statManifest('_snapshot')).toBe(written.digest);
    }
    await Promise.all(versions.map((written, at) => (at % 2 === 0 ? repository : store.another(repository)).writeManifest(written, { tag: '_snapshot' })));

    const last = await repository.readManifest('_snapshot');
    expect(versions).toContainEqual(last);
    expect(await repository.readManifest(versions[0]?.digest ?? '')).toEqual(versions[0]);
    expect(await tagsOf(repository)).toEqual(['_snapshot']);
  });

  it.each(['../x', 'a/b', '', '.a', '-a', 'a b', 'sha256:xyz', 'ä', 'a'.repeat(129)])('are not asked for by %j', async (reference) => {
    const repository = await store.ready();

    await expect(repository.readManifest(reference)).rejects.toMatchObject({ code: 'invalid' });
    await expect(repository.statManifest(reference)).rejects.toMatchObject({ code: 'invalid' });
    await expect(repository.writeManifest(version('v'), { tag: reference })).rejects.toMatchObject({ code: 'invalid' });
  });
  });
}
