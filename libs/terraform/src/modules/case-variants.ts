import { ProxyError } from '@oci-package-proxy/errors';
import type { LedgerReader, PackageRef } from '@oci-package-proxy/storage';

import { ECOSYSTEM, type ModuleAddress, moduleRef, moduleText } from '../model/address.ts';
import { moduleAddressOf } from './module-name.ts';

/**
 * Sees that a new module is not named as one that is there, but for the case of letters: addresses tell `Acme` from `acme`, and people
 * do not. The catalogue is looked through for new modules alone, so two that are new at the same time may both get through.
 * @throws ProxyError `conflict`; as the ledger does.
 */
export async function checkCase(ledger: Pick<LedgerReader, 'fold' | 'packages'>, address: ModuleAddress, signal: AbortSignal | undefined): Promise<void> {
  const ref = moduleRef(address);
  if (await hasVersions(ledger, ref, signal)) {
    return;
  }
  for await (const name of ledger.packages(ECOSYSTEM, { signal })) {
    const other = name !== ref.name && name.toLowerCase() === ref.name.toLowerCase() ? moduleAddressOf(name) : null;
    // The catalogue may hold names without any version.
    if (other !== null && (await hasVersions(ledger, moduleRef(other), signal))) {
      throw new ProxyError('conflict', `${moduleText(address)} differs from ${moduleText(other)}, which is published here, in the case of letters alone. Write it as that is written, or choose another name.`);
    }
  }
}

async function hasVersions(ledger: Pick<LedgerReader, 'fold'>, ref: PackageRef, signal: AbortSignal | undefined): Promise<boolean> {
  return (await ledger.fold(ref, { signal })).facts.size > 0;
}
