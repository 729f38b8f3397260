import type { TerraformHosts } from '../config/hosts.ts';
import type { SigningKeys } from '../publish/publish-port.ts';
import { UpstreamRegistries } from '../upstream/upstream-registry.ts';
import type { ManageLedger } from './manage-call.ts';
import { PackagePlaces } from './package-places.ts';
import { PackageStates } from './package-states.ts';
import { Removals } from './removals.ts';
import { Yanks } from './yanks.ts';

/** Everything that operators do to providers, modules and keys, for the management API and the command line. */
export interface Management {
  readonly yanks: Yanks;
  readonly removals: Removals;
  readonly states: PackageStates;
  readonly keys: SigningKeys;
  /** The host in the addresses of what is published here. */
  readonly own: string;
}

/** What {@link createManagement} needs. */
export interface ManagementOptions {
  readonly ledger: ManageLedger;
  readonly hosts: TerraformHosts;
  readonly keys: SigningKeys;
  /** Default: one of its own, on the upstreams' shared documents. */
  readonly registries?: UpstreamRegistries;
  /** How long (ms) upstream is waited for; as of `PackagePlaces`. */
  readonly patienceMs?: number;
}

/** Makes the use cases of {@link Management} on one view of what there is. */
export function createManagement({ ledger, hosts, keys, registries = new UpstreamRegistries(), patienceMs }: ManagementOptions): Management {
  const places = new PackagePlaces({ ledger, hosts, registries, ...(patienceMs === undefined ? {} : { patienceMs }) });
  return {
    yanks: new Yanks({ ledger, places }),
    removals: new Removals({ ledger, places }),
    states: new PackageStates({ places, keys, own: hosts.own }),
    keys,
    own: hosts.own,
  };
}
