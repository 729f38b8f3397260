import type { ProxyError } from '@oci-package-proxy/errors';
import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { REF, requestsOf } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe('record', () => {
  it('writes one tag for each change, between two lists', async () => {
    const registry = new MemoryRegistry();
    const ledger = new Ledger({ registry, clock: () => Date.parse('2026-05-05T00:00:00.000Z') });

    await ledger.record(REF, [{ key: 'a', value: 1 }, { key: 'b', value: 2 }, { key: 'a', value: 3 }], BY);

    const requests = requestsOf(registry);
    expect(requests.filter((request) => request.startsWith('write-manifest')).map((request) => request.slice(0, 29))).toEqual(
      ['write-manifest _e.0000000001.', 'write-manifest _e.0000000002.', 'write-manifest _e.0000000003.'],
    );
    expect([requests[0], requests.at(-1)]).toEqual(['list-page', 'list-page']);
    expect([...(await ledger.fold(REF)).values]).toEqual([
      ['a', { value: 3, at: '2026-05-05T00:00:00.000Z', by: 'alice' }],
      ['b', { value: 2, at: '2026-05-05T00:00:00.000Z', by: 'alice' }],
    ]);
  });

  it('comes after what another replica wrote, whatever is cached here', async () => {
    const registry = new MemoryRegistry();
    const ledger = new Ledger({ registry: registry.view({}) });
    await ledger.fold(REF);
    await new Ledger({ registry: registry.view({}) }).record(REF, [{ key: 'a', value: 'theirs' }], BY);

    await ledger.record(REF, [{ key: 'a', value: 'ours' }], BY);

    expect((await ledger.fold(REF)).values.get('a')?.value).toBe('ours');
  });

  it('loses nothing of two at once', async () => {
    const registry = new MemoryRegistry();

    await Promise.all([1, 2, 3, 4].map((key) => new Ledger({ registry: registry.view({}) }).record(REF, [{ key: String(key), value: key }], BY)));

    expect((await new Ledger({ registry }).fold(REF)).values.size).toBe(4);
  });

  it.each([{ lost: 3, result: 'recorded' }, { lost: 4, result: 'storage-unavailable' }])('puts again what a registry lost $lost times: $result', async ({ lost, result }) => {
    let left = lost;
    const gate: Gate = { before: ({ kind }) => {
      if (kind === 'write-manifest' && left > 0) {
        left -= 1;
        return 'drop';
      }
      return 'apply';
    } };
    const ledger = new Ledger({ registry: new MemoryRegistry({ gate }) });

    const outcome = await ledger.record(REF, [{ key: 'a', value: 1 }], BY).then(() => 'recorded', (error: ProxyError) => error.code);

    expect(outcome).toBe(result);
    expect((await ledger.fold(REF)).values.size).toBe(result === 'recorded' ? 1 : 0);
  });

  it('tells of the change before it returns', async () => {
    const registry = new MemoryRegistry();
    const seen: unknown[] = [];
    const ledger = new Ledger({ registry, changes: { changed: async (ref) => { seen.push((await ledger.fold(ref)).values.get('a')?.value); } } });
    await ledger.fold(REF);

    await ledger.record(REF, [{ key: 'a', value: 1 }], BY);

    expect(seen).toEqual([1]);
  });

  it('does nothing with no change', async () => {
    const registry = new MemoryRegistry();

    await new Ledger({ registry }).record(REF, [], BY);

    expect(registry.operations).toEqual([]);
  });

  it('keeps keys and values that look like something else', async () => {
    const ledger = new Ledger({ registry: new MemoryRegistry() });
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":[null,"\\u0000"]}') as never;

    await ledger.record(REF, [{ key: '__proto__', value }], BY);

    expect(JSON.stringify((await ledger.fold(REF)).values.get('__proto__')?.value)).toBe(JSON.stringify(value));
  });
});
