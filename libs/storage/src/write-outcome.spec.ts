import { ProxyError } from '@oci-package-proxy/errors';
import { MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { newFact, REF, requestsOf } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

/** A store in which every write from the `from`-th operation of `kind` on fails with `code`. */
function failing(registry: MemoryRegistry, code: 'storage-read-only' | 'storage-denied' | 'storage-unavailable' | 'conflict', kind: string, from = 0): Ledger {
  let seen = 0;
  const gate = {
    before: (operation: { readonly kind: string }): void => {
      if (operation.kind !== kind) {
        return;
      }
      seen += 1;
      if (seen > from) {
        throw new ProxyError(code, 'writing x: the registry takes no writes.', { retryAfterMs: 7000 });
      }
    },
  };
  return new Ledger({ registry: registry.view({ gate }) });
}

describe('what a write that failed is said to have come to', () => {
  it.each([
    ['a publish before its first part', 'storage-read-only', 'write-blob', 0, 'Nothing was published; publish it again when storage takes writes.'],
    ['a publish without an answer to its commit', 'storage-unavailable', 'list-page', -1, 'Whether it was published is not known: publish the same again, which is no conflict.'],
  ] as const)('%s', async (_what, code, kind, from, text) => {
    const good = new MemoryRegistry();
    await new Ledger({ registry: good }).publish(REF, newFact('1.0.0'), BY);
    const all = requestsOf(good).filter((request) => request.startsWith(kind)).length;

    const publish = failing(new MemoryRegistry(), code, kind, from < 0 ? all + from : from).publish(REF, newFact('1.0.0'), BY);

    await expect(publish).rejects.toMatchObject({ code, retryAfterMs: 7000, message: `writing x: the registry takes no writes. ${text}` });
  });

  it.each([
    ['refused', 'storage-read-only', 0, 'Nothing was changed; try again when storage takes writes.'],
    ['denied', 'storage-denied', 0, 'Nothing was changed; try again when storage takes writes.'],
    ['unanswered', 'storage-unavailable', 0, 'Whether it was changed is not known: do the same again.'],
    ['refused in its middle', 'storage-read-only', 1, 'Whether it was changed is not known: do the same again.'],
  ] as const)('an event that is %s', async (_what, code, from, text) => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).publish(REF, newFact('1.0.0'), BY);

    const record = failing(registry, code, 'write-manifest', from).record(REF, [{ key: 'a', value: 1 }, { key: 'b', value: 1 }], BY);

    await expect(record).rejects.toMatchObject({ code, message: `writing x: the registry takes no writes. ${text}` });
  });

  it.each([
    ['refused', 'storage-read-only', 'Nothing was deleted; try again when storage takes writes.'],
    ['unanswered', 'storage-unavailable', 'Whether it was deleted is not known: do the same again.'],
  ] as const)('a deletion that is %s', async (_what, code, text) => {
    const registry = new MemoryRegistry();
    await new Ledger({ registry }).publish(REF, newFact('1.0.0'), BY);

    const deletion = failing(registry, code, 'write-manifest').delete(REF, ['1.0.0'], BY);

    await expect(deletion).rejects.toMatchObject({ code, message: `writing x: the registry takes no writes. ${text}` });
    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(1);
  });

  it('leaves other failures as they are', async () => {
    const publish = failing(new MemoryRegistry(), 'conflict', 'write-blob').publish(REF, newFact('1.0.0'), BY);

    await expect(publish).rejects.toMatchObject({ code: 'conflict', message: 'writing x: the registry takes no writes.' });
  });
});
