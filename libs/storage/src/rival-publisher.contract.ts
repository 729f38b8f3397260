import { isProxyError } from '@oci-package-proxy/errors';
import { RemoteRegistry } from '@oci-package-proxy/oci';

import type { PackageRef } from './index.ts';
import { inParallel } from './in-parallel.ts';
import { Ledger } from './ledger.ts';
import { newFact } from './sample-fact.contract.ts';

/** What a process of its own is told to publish; `null`: no more. */
export interface RivalOrder {
  readonly url: string;
  readonly ref: PackageRef;
  readonly versions: readonly string[];
  /** Of every version. */
  readonly content: string;
}

/** How publishing one version ended. */
export interface RivalOutcome {
  readonly version: string;
  /** `created`, `same`, or the code of the error. */
  readonly outcome: string;
}

const AT_ONCE = 3;

/** Publishes what the parent process orders, and tells it how each version ended. */
process.on('message', (order: RivalOrder) => void work(order));

async function work({ url, ref, versions, content }: RivalOrder): Promise<void> {
  const registry = new RemoteRegistry({ url });
  const ledger = new Ledger({ registry });
  await inParallel(versions, AT_ONCE, async (version) => {
    const outcome = await ledger.publish(ref, newFact(version, { content: `${content} of ${version}` }), { by: content }).catch((error: unknown) => (isProxyError(error) ? error.code : String(error)));
    process.send?.({ version, outcome } satisfies RivalOutcome);
  });
  await registry.close();
  process.disconnect();
}
