import { builtRegistries, dockerRegistries } from '@oci-package-proxy/testing';

import { describeRealRegistry, describeRealStreaming } from './real-registry.contract.ts';

for (const registry of [...dockerRegistries(), ...builtRegistries()]) {
  describeRealRegistry(registry);
  describeRealStreaming(registry);
}
