import { type Gate, MemoryRegistry } from '@oci-package-proxy/oci';
import { describe, expect, it } from 'vitest';

import { Ledger } from './ledger.ts';
import { indexFact, REF } from './sample-fact.contract.ts';

const BY = { by: 'alice' };

describe.each([{ createOnly: true }, { createOnly: false }])('a registry that loses what it acknowledged, create-only tags: $createOnly', ({ createOnly }) => {
  /** Loses the first `times` writes of `kind` that have no tag. */
  function losing(kind: 'write-blob' | 'write-manifest', times: number): Gate {
    let lost = 0;
    return { before: (operation) => {
      const isPart = operation.kind === kind && (operation.reference ?? 'sha256:').startsWith('sha256:');
      lost += isPart ? 1 : 0;
      return isPart && lost <= times ? 'drop' : 'apply';
    } };
  }

  it.each(['write-blob', 'write-manifest'] as const)('gets it once more: %s', async (kind) => {
    const registry = new MemoryRegistry({ createOnly });
    const ledger = new Ledger({ registry: registry.view({ gate: losing(kind, 1) }) });
    await new Ledger({ registry }).decideOrigin(REF, 'published');

    expect(await ledger.publish(REF, indexFact('1.0.0'), BY)).toBe('created');

    expect((await new Ledger({ registry }).fold(REF)).facts.get('1.0.0')).toMatchObject({ version: '1.0.0' });
  });

  it('is to blame where it goes on with that, and not the version', async () => {
    const registry = new MemoryRegistry({ createOnly });
    await new Ledger({ registry }).decideOrigin(REF, 'published');
    const ledger = new Ledger({ registry: registry.view({ gate: losing('write-manifest', Number.POSITIVE_INFINITY) }) });

    await expect(ledger.publish(REF, indexFact('1.0.0'), BY)).rejects.toMatchObject({ code: 'storage-unavailable' });

    expect((await new Ledger({ registry }).fold(REF)).facts.size).toBe(0);
  });
});
