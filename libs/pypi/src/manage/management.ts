import type { LedgerReader } from '@oci-package-proxy/storage';

import type { PypiIndexes } from '../config/indexes.ts';
import { UpstreamPages } from '../read/upstream-pages.ts';
import type { ManageLedger } from './manage-call.ts';
import { ProjectPlaces } from './project-places.ts';
import { ProjectStates } from './project-states.ts';
import { Removals } from './removals.ts';
import { Statuses } from './statuses.ts';
import { Yanks } from './yanks.ts';

/** Everything that operators do to projects, for the management API and the command line. */
export interface Management {
  readonly yanks: Yanks;
  readonly removals: Removals;
  readonly statuses: Statuses;
  readonly states: ProjectStates;
}

/** What {@link createManagement} needs. */
export interface ManagementOptions {
  readonly ledger: ManageLedger & Pick<LedgerReader, 'fold'>;
  readonly indexes: PypiIndexes;
  /** Default: ones of its own, on the upstreams' shared documents. */
  readonly upstreamPages?: Pick<UpstreamPages, 'get'>;
}

/** Makes the use cases of {@link Management} on one view of where projects are. */
export function createManagement({ ledger, indexes, upstreamPages = new UpstreamPages() }: ManagementOptions): Management {
  const places = new ProjectPlaces({ ledger, indexes, upstreamPages });
  return {
    yanks: new Yanks({ ledger, places }),
    removals: new Removals({ ledger, places }),
    statuses: new Statuses({ ledger, places }),
    states: new ProjectStates({ places }),
  };
}
