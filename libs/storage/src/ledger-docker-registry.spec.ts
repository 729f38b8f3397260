import { dockerRegistries } from '@oci-package-proxy/testing';

import { describeRealLedger } from './real-registry.contract.ts';

for (const registry of dockerRegistries()) {
  describeRealLedger(registry);
}
