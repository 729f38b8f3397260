import { rm } from 'node:fs/promises';

import { LayoutRegistry, MemoryRegistry } from '@oci-package-proxy/oci';
import { temporaryDirectory } from '@oci-package-proxy/testing';

import { describeLedgerContract, type LedgerStore } from './ledger.contract.ts';

async function memory(createOnly: boolean): Promise<LedgerStore> {
  const registry = new MemoryRegistry({ createOnly, pageSize: 3 });
  return Promise.resolve({ connect: () => registry, stop: async () => Promise.resolve() });
}

async function layout(): Promise<LedgerStore> {
  const directory = await temporaryDirectory('ledger');
  const opened: LayoutRegistry[] = [];
  return {
    connect: () => {
      const registry = new LayoutRegistry({ directory });
      opened.push(registry);
      return registry;
    },
    stop: async () => {
      await Promise.all(opened.map((registry) => registry.close()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

describeLedgerContract('Ledger on memory with create-only tags', async () => memory(true));
describeLedgerContract('Ledger on memory', async () => memory(false));
describeLedgerContract('Ledger on a layout', layout);
