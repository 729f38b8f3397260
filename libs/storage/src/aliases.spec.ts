import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, isTagDeleter, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { indexFact, keptLog, newFact, rawManifest, REF, requestsOf } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe.each([{ createOnly: true }, { createOnly: false }])('further tags, create-only tags: $createOnly', ({ createOnly }) => {
  const aliased = indexFact('1.0.0', { aliases: ['v1.0.0', 'stable'] });

  function setUp(): { readonly registry: MemoryRegistry; digestOfTag(tag: string): Promise<string | null> } {
    const registry = new MemoryRegistry({ createOnly });
    return { registry, digestOfTag: (tag) => registry.view().repository(REF.repository).statManifest(tag) };
  }

  it.each([['a manifest', newFact('1.0.0', { aliases: ['v1.0.0', 'stable'] })], ['an index', aliased]])('are put after %s, and are the same', async (_what, fact) => {
    const { registry, digestOfTag } = setUp();

    expect(await new Ledger({ registry }).publish(REF, fact, BY)).toBe('created');

    const puts = requestsOf(registry).filter((request) => /^(create-tag|write-manifest) (?:1\.0\.0|v1\.0\.0|stable)$/.test(request));
    expect(puts.map((request) => request.split(' ')[1])).toEqual(['1.0.0', 'v1.0.0', 'stable']);
    expect([await digestOfTag('v1.0.0'), await digestOfTag('stable')]).toEqual([await digestOfTag('1.0.0'), await digestOfTag('1.0.0')]);
  });

  it('say nothing to us, without a warning', async () => {
    const { registry } = setUp();
    await new Ledger({ registry }).publish(REF, aliased, BY);
    const log = keptLog();
    const reader = new Ledger({ registry, logger: log });

    expect(await reader.fact(REF, 'v1.0.0')).toBeNull();
    expect([...(await reader.fold(REF)).facts.keys()]).toEqual(['1.0.0']);
    expect(log.messages).toEqual([]);
  });

  it('are no excuse for a tag that somebody else gave to the manifest', async () => {
    const { registry } = setUp();
    await new Ledger({ registry }).publish(REF, aliased, BY);
    const repository = registry.repository(REF.repository);
    await repository.writeManifest((await repository.readManifest('1.0.0'))!, { tag: 'theirs' });
    const log = keptLog();

    expect((await new Ledger({ registry, logger: log }).fold(REF)).facts.size).toBe(1);
    expect(log.messages).toEqual(['a tag does not hold what it must; it is ignored']);
  });

  it('never fail a publish, and are repaired by the next one', async () => {
    const { registry, digestOfTag } = setUp();
    const log = keptLog();
    const gate: Gate = { before: ({ reference }) => {
      if (reference === 'v1.0.0') {
        throw new ProxyError('storage-denied', 'no');
      }
    } };

    expect(await new Ledger({ registry: registry.view({ gate }), logger: log }).publish(REF, aliased, BY)).toBe('created');
    expect(log.messages).toEqual(['a version is stored, but not under its further tag; publish it again to add that']);
    expect([await digestOfTag('v1.0.0'), await digestOfTag('stable')]).toEqual([null, await digestOfTag('1.0.0')]);
    expect(await new Ledger({ registry }).publish(REF, aliased, { by: 'bob' })).toBe('same');
    expect(await digestOfTag('v1.0.0')).toBe(await digestOfTag('1.0.0'));
  });

  it('are those that the version was published with, whatever it is published with again', async () => {
    const { registry, digestOfTag } = setUp();
    await new Ledger({ registry }).publish(REF, indexFact('1.0.0'), BY);
    const log = keptLog();
    const ledger = new Ledger({ registry, logger: log });

    expect(await ledger.publish(REF, aliased, BY)).toBe('same');

    expect((await ledger.fold(REF, { fresh: true })).facts.size).toBe(1);
    expect([await digestOfTag('v1.0.0'), await digestOfTag('stable'), log.messages]).toEqual([null, null, []]);
  });

  it('leave alone what somebody else put there', async () => {
    const { registry, digestOfTag } = setUp();
    const other = rawManifest({ layers: [] });
    const repository = registry.repository(REF.repository);
    await new Ledger({ registry }).publish(REF, newFact('0.1.0'), BY);
    await repository.writeManifest(other, { tag: 'stable' });
    const log = keptLog();

    await new Ledger({ registry, logger: log }).publish(REF, aliased, BY);

    expect(await digestOfTag('stable')).toBe(other.digest);
    expect(log.messages).toEqual(['a further tag of a version holds something else; it stays']);
  });

  it('are removed with the version, unless they hold something else', async () => {
    const { registry, digestOfTag } = setUp();
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, aliased, BY);
    const repository = registry.repository(REF.repository);
    const other = rawManifest({ layers: [] });
    expect(isTagDeleter(repository) && (await repository.deleteTag('stable'))).toBe(true);
    await repository.writeManifest(other, { tag: 'stable' });

    await ledger.delete(REF, ['1.0.0'], BY);

    expect([await digestOfTag('1.0.0'), await digestOfTag('v1.0.0'), await digestOfTag('stable')]).toEqual([null, null, other.digest]);
  });

  it('are not put for a version that was deleted meanwhile', async () => {
    const { registry, digestOfTag } = setUp();
    let deleted = false;
    const gate: Gate = { after: async ({ kind, reference }) => {
      if (!deleted && (kind === 'create-tag' || kind === 'write-manifest') && reference === '1.0.0') {
        deleted = true;
        await new Ledger({ registry }).delete(REF, ['1.0.0'], BY);
      }
    } };

    await expect(new Ledger({ registry: registry.view({ gate }) }).publish(REF, aliased, BY)).rejects.toMatchObject({ code: 'conflict' });

    expect(await digestOfTag('v1.0.0')).toBeNull();
  });

  it('are not for what is pulled through', async () => {
    const { registry, digestOfTag } = setUp();

    await new Ledger({ registry }).ingest(REF, aliased);

    expect([await digestOfTag('1.0.0'), await digestOfTag('v1.0.0')]).toEqual([expect.any(String), null]);
  });
});
