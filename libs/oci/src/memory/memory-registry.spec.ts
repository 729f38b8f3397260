import { expect, it } from 'vitest';

import { bufferBlob } from '../model/blob-source.ts';
import { manifestBytes } from '../model/manifest-bytes.ts';
import { EMPTY_BYTES, EMPTY_DESCRIPTOR, MANIFEST_MEDIA_TYPE, type ManifestBytes } from '../model/manifest.ts';
import { isTagCreator, type Repository, type TagCreator } from '../ports/repository.ts';
import { MemoryRegistry } from './memory-registry.ts';
import type { Fate, MemoryOperation } from './memory-requests.ts';

function version(name: string): ManifestBytes {
  return manifestBytes({ schemaVersion: 2, mediaType: MANIFEST_MEDIA_TYPE, config: EMPTY_DESCRIPTOR, layers: [EMPTY_DESCRIPTOR], annotations: { name } });
}

async function seeded(registry: MemoryRegistry): Promise<Repository> {
  const repository = registry.repository('a');
  await repository.writeBlob(bufferBlob(EMPTY_BYTES));
  return repository;
}

async function tagsOf(repository: Repository): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const page of repository.listTags()) {
    tags.push(...page);
  }
  return tags;
}

function creator(repository: Repository): Repository & TagCreator {
  return isTagCreator(repository) ? repository : expect.fail('no creator');
}

it('shares what is stored between views, each with a gate, a label and a log of its own', async () => {
  const seen: string[] = [];
  const registry = new MemoryRegistry({ gate: { before: ({ actor }) => void seen.push(actor) }, actor: 'first' });
  const second = registry.view({ actor: 'second' });
  const repository = await seeded(registry);

  await second.repository('a').writeManifest(version('1'), { tag: '1' });

  expect(await repository.statManifest('1')).toBe(version('1').digest);
  expect(seen).toEqual(['first', 'first']);
  expect(registry.operations.map(({ kind }) => kind)).toEqual(['write-blob', 'stat-manifest']);
  expect(second.operations).toEqual([{ kind: 'write-manifest', repository: 'a', reference: '1', actor: 'second' }]);
});

it('waits where the gate waits', async () => {
  const turn = Promise.withResolvers<undefined>();
  const registry = new MemoryRegistry();
  await seeded(registry);
  const paused = registry.view({ gate: { before: () => turn.promise } }).repository('a');

  const writing = paused.writeManifest(version('1'), { tag: '1' });
  await new Promise((resolve) => setImmediate(resolve));

  expect(await registry.repository('a').statManifest('1')).toBeNull();
  turn.resolve(undefined);
  await writing;
  expect(await registry.repository('a').statManifest('1')).toBe(version('1').digest);
});

it.each<[string, 'before' | 'after', boolean]>([
  ['before it took effect', 'before', false],
  ['after it took effect', 'after', true],
])('fails a request %s', async (_name, moment, applied) => {
  const registry = new MemoryRegistry();
  const repository = await seeded(registry);
  const failing = registry.view({
    gate: {
      [moment]: () => {
        throw new Error('crash');
      },
    },
  });

  await expect(failing.repository('a').writeManifest(version('1'), { tag: '1' })).rejects.toThrow('crash');
  await expect(failing.repository('a').statManifest('1')).rejects.toThrow('crash');

  expect(await tagsOf(repository)).toEqual(applied ? ['1'] : []);
});

it('drops writes that it answers with success, and never a read', async () => {
  const registry = new MemoryRegistry({ createOnly: true });
  const repository = creator(await seeded(registry));
  await repository.createTag('kept', version('kept'));
  const dropping = creator(registry.view({ gate: { before: (): Fate => 'drop' } }).repository('a'));

  await dropping.writeManifest(version('1'), { tag: '1' });

  expect(await dropping.createTag('2', version('2'))).toBe(version('2').digest);
  expect(await dropping.readManifest('kept')).toEqual(version('kept'));
  expect(await tagsOf(dropping)).toEqual(['kept']);
});

it('applies a late write when its time comes, or never', async () => {
  const [arrives, dies] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  const registry = new MemoryRegistry({ createOnly: true });
  const repository = creator(await seeded(registry));
  const late = creator(registry.view({ gate: { before: ({ reference }): Fate => ({ late: reference === '1' ? arrives.promise : dies.promise }) } }).repository('a'));

  expect(await late.createTag('1', version('late'))).toBe(version('late').digest);
  expect(await late.createTag('2', version('lost'))).toBe(version('lost').digest);
  expect(await tagsOf(repository)).toEqual([]);
  await repository.createTag('1', version('in between'));
  arrives.resolve(undefined);
  dies.reject(new Error('crash'));
  await new Promise((resolve) => setImmediate(resolve));

  expect(await repository.statManifest('1')).toBe(version('in between').digest);
  expect(await tagsOf(repository)).toEqual(['1']);
});

it('reads each page of a list when it is asked for it', async () => {
  const registry = new MemoryRegistry({ pageSize: 2 });
  const repository = await seeded(registry);
  for (const tag of ['a', 'c', 'e', 'g']) {
    await repository.writeManifest(version(tag), { tag });
  }
  const lister = registry.view({ actor: 'lister' });
  const pages: (readonly string[])[] = [];

  for await (const page of lister.repository('a').listTags()) {
    pages.push(page);
    if (pages.length === 1) {
      await repository.writeManifest(version('b'), { tag: 'b' });
      await repository.writeManifest(version('d'), { tag: 'd' });
    }
  }

  expect(pages).toEqual([['a', 'c'], ['d', 'e'], ['g']]);
  expect(lister.operations.map(({ kind }: MemoryOperation) => kind)).toEqual(['list-page', 'list-page', 'list-page']);
});

it('asks for no page more than its reader', async () => {
  const registry = new MemoryRegistry({ pageSize: 1 });
  const repository = await seeded(registry);
  await repository.writeManifest(version('a'), { tag: 'a' });
  await repository.writeManifest(version('b'), { tag: 'b' });
  const lister = registry.view({});

  for await (const page of lister.repository('a').listTags()) {
    expect(page).toEqual(['a']);
    break;
  }

  expect(lister.operations).toHaveLength(1);
});
