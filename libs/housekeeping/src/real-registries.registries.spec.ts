import { builtRegistries, dockerRegistries } from '@oci-package-proxy/testing';

import { describeRealHousekeeping } from './real-registry.contract.ts';

for (const registry of [...dockerRegistries(), ...builtRegistries()]) {
  describeRealHousekeeping(registry);
}
