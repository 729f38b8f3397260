import { type Registry, RemoteRegistry, registryProfile } from '@oci-package-proxy/oci';
import type { RegistryUnderTest } from '@oci-package-proxy/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { describeLedgerContract, type LedgerStore } from './ledger.contract.ts';
import { Ledger } from './ledger.ts';
import { newFact } from './sample-fact.contract.ts';

/** More than a page of any registry. */
const EVENTS = 1_050;

async function startStore(registry: RegistryUnderTest): Promise<LedgerStore> {
  const { connection, stop } = await registry.start();
  const opened: RemoteRegistry[] = [];
  const profile = registryProfile({ overrides: { immutableTags: registry.immutableTags } });
  return {
    connect: () => {
      const client = new RemoteRegistry({ ...connection, profile });
      opened.push(client);
      return client;
    },
    stop: async () => {
      await Promise.all(opened.map((client) => client.close()));
      await stop();
    },
  };
}

/** What the ledger promises, on a real registry. The rows of docs/registries.md are named after these descriptions. */
export function describeRealLedger(registry: RegistryUnderTest): void {
  describe(`${registry.server} | ${registry.form}`, () => {
    describe('publishing, conflicts, rivals, events, deletion, snapshots', () => {
      describeLedgerContract('the ledger', () => startStore(registry));
    });
  });
}

/** A package whose tags are more than a page, on a real registry. */
export function describeManyTags(registry: RegistryUnderTest): void {
  describe(`${registry.server} | ${registry.form}`, () => {
    describe('packages of more than 1000 tags', () => {
      let store: LedgerStore;
      let client: Registry;

      beforeAll(async () => {
        store = await startStore(registry);
        client = store.connect();
      });
      afterAll(async () => {
        await store.stop();
      });

      it('are read whole, with and without a snapshot', async () => {
        const ref = { ecosystem: 'test', name: 'many', repository: 'test/many' };
        const ledger = new Ledger({ registry: client });
        await ledger.publish(ref, newFact('1.0.0'), { by: 'alice' });
        const changes = Array.from({ length: EVENTS }, (_, at) => ({ key: `key ${at}`, value: at }));

        await ledger.record(ref, changes, { by: 'alice' });

        const cold = await new Ledger({ registry: store.connect() }).fold(ref);
        expect([...cold.values].map(([key, { value }]) => [key, value]).toSorted()).toEqual(changes.map(({ key, value }) => [key, value]).toSorted());
        expect(await ledger.refreshSnapshot(ref)).toBe(true);
        expect(await new Ledger({ registry: store.connect() }).fold(ref)).toEqual(cold);
      });
    });
  });
}
