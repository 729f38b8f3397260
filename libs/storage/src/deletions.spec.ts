import { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { keptLog, newFact, REF, requestsOf } from './sample-fact.contract.ts';
import { deletionTag } from './tags.ts';

const BY = { by: 'alice' };

async function tagsOf(registry: MemoryRegistry): Promise<string[]> {
  const tags: string[] = [];
  for await (const page of registry.repository(REF.repository).listTags()) {
    tags.push(...page);
  }
  return tags;
}

describe.each([{ createOnly: true }, { createOnly: false }])('delete, create-only tags: $createOnly', ({ createOnly }) => {
  async function published(): Promise<MemoryRegistry> {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry });
    await ledger.publish(REF, newFact('1.0.0'), BY);
    await ledger.publish(REF, newFact('2.0.0'), BY);
    requestsOf(registry);
    return registry;
  }

  it('hides a version, then removes its tag', async () => {
    const registry = await published();

    await new Ledger({ registry }).delete(REF, ['1.0.0', '1.0.0'], BY);

    const requests = requestsOf(registry);
    const hidden = requests.findIndex((request) => /^(write-manifest|create-tag) _t\./.test(request));
    expect(hidden).toBeGreaterThan(-1);
    expect(requests.indexOf('list-page')).toBeGreaterThan(hidden);
    expect(requests.filter((request) => request === 'delete-tag 1.0.0')).toHaveLength(1);
    expect(requests.indexOf('delete-tag 1.0.0')).toBeGreaterThan(requests.indexOf('list-page'));
    expect(await tagsOf(registry)).toEqual(expect.arrayContaining(['2.0.0', deletionTag('1.0.0')]));
  });

  it('hides a version whose tag cannot be removed', async () => {
    const registry = await published();
    const log = keptLog();
    const gate: Gate = { before: ({ kind }) => {
      if (kind === 'delete-tag') {
        throw new ProxyError('unsupported', 'no deletes here');
      }
    } };

    await new Ledger({ registry: registry.view({ gate }), logger: log }).delete(REF, ['1.0.0'], BY);

    const reader = new Ledger({ registry });
    expect(log.messages).toEqual(['a deleted version is hidden, but its tag could not be removed']);
    expect(await tagsOf(registry)).toContain('1.0.0');
    expect([...(await reader.fold(REF)).facts.keys()]).toEqual(['2.0.0']);
    expect(await reader.fact(REF, '1.0.0')).toBeNull();
    await expect(reader.publish(REF, newFact('1.0.0'), BY)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('writes a deletion once', async () => {
    const registry = await published();
    const ledger = new Ledger({ registry });
    await ledger.delete(REF, ['1.0.0'], BY);
    requestsOf(registry);

    await ledger.delete(REF, ['1.0.0'], { by: 'bob' });

    expect(requestsOf(registry).filter((request) => /^(write-manifest|create-tag)/.test(request))).toEqual([]);
  });

  it('takes a version that never was: it can never come', async () => {
    const registry = await published();
    const ledger = new Ledger({ registry });

    await ledger.delete(REF, ['3.0.0'], BY);

    await expect(ledger.publish(REF, newFact('3.0.0'), BY)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('tells of the change before it returns', async () => {
    const registry = await published();
    const seen: unknown[] = [];
    const ledger = new Ledger({ registry, changes: { changed: async (ref) => { seen.push([...(await ledger.fold(ref)).facts.keys()]); } } });
    await ledger.fold(REF);

    await ledger.delete(REF, ['1.0.0'], BY);

    expect(seen).toEqual([['2.0.0']]);
  });

  it('does nothing with no tag', async () => {
    const registry = await published();

    await new Ledger({ registry }).delete(REF, [], BY);

    expect(registry.operations).toEqual([]);
  });

  it('removes nothing unless the deletion is there', async () => {
    const registry = await published();
    const gate: Gate = { before: ({ kind }) => {
      if (kind === 'list-page') {
        throw new ProxyError('storage-unavailable', 'no lists');
      }
    } };

    await expect(new Ledger({ registry: registry.view({ gate }) }).delete(REF, ['1.0.0'], BY)).rejects.toMatchObject({ code: 'storage-unavailable' });
    expect(await tagsOf(registry)).toContain('1.0.0');
  });
});
