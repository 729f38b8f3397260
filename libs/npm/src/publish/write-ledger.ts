import type { LedgerPort } from '@oci-package-proxy/storage';

/** What of the ledger writes need. */
export type WriteLedger = Pick<LedgerPort, 'fold' | 'fact' | 'publish' | 'record' | 'delete' | 'refreshSnapshot'>;

/** In whose name a write is done. */
export interface WriteCall {
  readonly by: string;
  readonly signal?: AbortSignal;
}
