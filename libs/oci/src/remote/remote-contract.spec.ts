import { dockerRegistries } from '@oci-package-proxy/testing';

import { describeRealRegistry } from './real-registry.contract.ts';

for (const registry of dockerRegistries()) {
  describeRealRegistry(registry);
}
